// Edits a variant, if nobody else did meanwhile. Stock is no part of it: a sale is no edit.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { EDIT_ERRORS, edit, given } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { runCommand } from '../../commands/run-command.ts'
import { price, sku, title } from './product.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  sku: sku.nullish(),
  title: title.nullish(),
  price: price.nullish(),
})

export const variantUpdate = defineCommand({
  name: 'variantUpdate',
  permission: 'catalogue:write',
  errors: [...EDIT_ERRORS, 'SKU_TAKEN'],
  schema,
})

/** Edits what was given; orders keep the price they were placed at. */
export async function updateVariant(
  caller: CommandContext,
  input: InputOf<typeof variantUpdate>,
): Promise<Executed<typeof variantUpdate>> {
  return await runCommand(caller, variantUpdate, input, (tx, { id, expectedVersion, sku, title, price }) =>
    edit(tx.variant, {
      type: 'Variant',
      id,
      expectedVersion,
      reads: 'catalogue:read',
      wanted: given({ sku, title, priceMinor: price?.amountMinor, currency: price?.currency }),
      paths: { priceMinor: ['price', 'amountMinor'], currency: ['price', 'currency'] },
      now: caller.clock(),
      taken: { field: 'sku', code: 'SKU_TAKEN', message: 'another variant has this SKU' },
      event: () => 'variant.updated',
    }),
  )
}
