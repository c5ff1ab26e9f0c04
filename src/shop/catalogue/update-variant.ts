// Edits a variant, if nobody else did meanwhile. Stock is no part of it: a sale is no edit.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { type EditErrorCode, edit, given } from '../../commands/edit.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
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
  caller: CommandContext,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<EditErrorCode | 'SKU_TAKEN'>> {
  const command = {
    name: 'variantUpdate',
    permission: 'catalogue:write',
    input,
    schema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, { id, expectedVersion, sku, title, price }) =>
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
