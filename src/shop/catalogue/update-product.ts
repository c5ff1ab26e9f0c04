// Edits a product, or takes it out of the shop, if nobody else changed it meanwhile.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { EDIT_ERRORS, edit, given } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import type { Done, Refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
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

export const productUpdate = defineCommand({
  name: 'productUpdate',
  permission: 'catalogue:write',
  errors: [...EDIT_ERRORS, 'HANDLE_TAKEN'],
  schema,
})

/** Edits what was given. */
export async function updateProduct(
  caller: CommandContext,
  input: InputOf<typeof productUpdate>,
): Promise<Executed<typeof productUpdate>> {
  return await runCommand(caller, productUpdate, input, (tx, value) => change(tx, caller, value))
}

export const productArchive = defineCommand({
  name: 'productArchive',
  permission: 'catalogue:write',
  errors: [...EDIT_ERRORS, 'HANDLE_TAKEN'],
  schema: archiveSchema,
})

/** Takes a product out of the shop; its orders keep their lines. */
export async function archiveProduct(
  caller: CommandContext,
  input: InputOf<typeof productArchive>,
): Promise<Executed<typeof productArchive>> {
  return await runCommand(caller, productArchive, input, (tx, value) =>
    change(tx, caller, { ...value, status: 'ARCHIVED' }),
  )
}

function change(
  tx: Transaction,
  caller: CommandContext,
  { id, expectedVersion, ...fields }: z.output<typeof schema>,
): Promise<Done | Refused<ErrorCodeOf<typeof productUpdate>>> {
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
