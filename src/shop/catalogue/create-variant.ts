// Adds a variant to a product, with a stock level of its own.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf, notFound, refusedAsTaken } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import { price, sku, title } from './product.ts'

const schema = z.object({ productId: z.string(), sku, title, price })

export const variantCreate = defineCommand({
  name: 'variantCreate',
  permission: 'catalogue:write',
  errors: ['NOT_FOUND', 'SKU_TAKEN'],
  schema,
})

/** Adds a variant with nothing in stock, last among its product's. */
export async function createVariant(
  caller: CommandContext,
  input: InputOf<typeof variantCreate>,
): Promise<Executed<typeof variantCreate>> {
  return await runCommand(caller, variantCreate, input, async (tx, value) => {
    const product = await tx.product.findFirst({
      where: { id: value.productId },
      select: { variants: { select: { position: true }, orderBy: { position: 'desc' }, take: 1 } },
    })
    if (product === null) return notFound('productId', 'product')
    const id = newId()
    const now = caller.clock()
    const { amountMinor, currency } = value.price
    const row = {
      productId: value.productId,
      sku: value.sku,
      title: value.title,
      priceMinor: amountMinor,
      currency,
    }
    const position = (product.variants[0]?.position ?? -1) + 1
    try {
      await tx.variant.create({ data: { id, ...row, position, createdAt: now, updatedAt: now } })
    } catch (error) {
      return refusedAsTaken(error, 'sku', 'SKU_TAKEN', 'another variant has this SKU')
    }
    await tx.stockLevel.create({ data: { variantId: id } })
    const subject = { type: 'Variant', id }
    const audit = auditOf(subject, null, { ...row, priceMinor: amountMinor.toString(), position })
    return done(id, [audit], [{ type: 'variant.created', subject, payload: { sku: row.sku } }])
  })
}
