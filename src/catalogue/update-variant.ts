// Edits a variant, if nobody else did meanwhile. Stock is no part of it: a sale is no edit.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import {
  changesTo,
  conflict,
  type EditErrorCode,
  edited,
  notFound,
  present,
  refusedAsTaken,
} from '../commands/edit.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { price, sku, title } from './product.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  sku: sku.nullish(),
  title: title.nullish(),
  price: price.nullish(),
})

/** Edits what was given; orders keep the price they were placed at. User errors: INVALID, NOT_FOUND, CONFLICT, SKU_TAKEN. */
export async function updateVariant(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<EditErrorCode | 'SKU_TAKEN'>> {
  const command = {
    name: 'variantUpdate',
    permission: 'catalogue:write',
    input,
    schema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, async (tx, { id, expectedVersion, ...given }) => {
    const current = await tx.variant.findFirst({ where: { id } })
    if (current === null) return notFound('id', 'variant')
    const wanted = present({
      sku: given.sku ?? undefined,
      title: given.title ?? undefined,
      priceMinor: given.price?.amountMinor,
      currency: given.price?.currency,
    })
    if (current.version !== expectedVersion) return conflict(current, expectedVersion, wanted)
    const changes = changesTo(current, wanted)
    try {
      const data = { ...changes, version: expectedVersion + 1, updatedAt: caller.clock() }
      const { count } = await tx.variant.updateMany({ where: { id, version: expectedVersion }, data })
      if (count === 0)
        return conflict(await tx.variant.findFirstOrThrow({ where: { id } }), expectedVersion, wanted)
    } catch (error) {
      return refusedAsTaken(error, 'sku', 'SKU_TAKEN', 'another variant has this SKU')
    }
    const subject = { type: 'Variant', id }
    const event = { type: 'variant.updated', subject, payload: { version: expectedVersion + 1 } }
    return edited('Variant', current, changes, [event])
  })
}
