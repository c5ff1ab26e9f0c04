// Edits a product, or takes it out of the shop, if nobody else changed it meanwhile.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { type EditErrorCode, edit, given } from '../../commands/edit.ts'
import type { Done, Refused } from '../../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import type { Transaction } from '../../db/database.ts'
import { handle, productTexts, title } from './product.ts'

const versioned = { id: z.string(), expectedVersion: z.number() }

const schema = z.object({
  ...versioned,
  title: title.nullish(),
  handle: handle.nullish(),
  status: z.enum(['DRAFT', 'ACTIVE', 'ARCHIVED']).nullish(),
  ...productTexts,
})

const archiveSchema = z.object(versioned)

type ProductErrorCode = EditErrorCode | 'HANDLE_TAKEN'

/** Edits what was given. User errors: INVALID, NOT_FOUND, CONFLICT, HANDLE_TAKEN. */
export async function updateProduct(
  caller: CommandContext,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<ProductErrorCode>> {
  const command = {
    name: 'productUpdate',
    permission: 'catalogue:write',
    input,
    schema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, value) => change(tx, caller, value))
}

/** Takes a product out of the shop; its orders keep their lines. User errors: NOT_FOUND, CONFLICT. */
export async function archiveProduct(
  caller: CommandContext,
  { idempotencyKey, ...input }: Keyed<z.input<typeof archiveSchema>>,
): Promise<Executed<ProductErrorCode>> {
  const command = {
    name: 'productArchive',
    permission: 'catalogue:write',
    input,
    schema: archiveSchema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, value) =>
    change(tx, caller, { ...value, status: 'ARCHIVED' }),
  )
}

function change(
  tx: Transaction,
  caller: CommandContext,
  { id, expectedVersion, ...fields }: z.output<typeof schema>,
): Promise<Done | Refused<ProductErrorCode>> {
  return edit(tx.product, {
    type: 'Product',
    id,
    expectedVersion,
    reads: 'catalogue:read',
    wanted: given(fields),
    now: caller.clock(),
    taken: { field: 'handle', code: 'HANDLE_TAKEN', message: 'another product has this handle' },
    event: ({ status }) => (status === 'ARCHIVED' ? 'product.archived' : 'product.updated'),
  })
}
