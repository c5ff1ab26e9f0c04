// Edits a customer, if nobody else did meanwhile.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { EDIT_ERRORS, edit, given } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { runCommand } from '../../commands/run-command.ts'
import { emailAddress } from '../../core/email.ts'
import { CONTACT_PATHS, contact, contactColumns, name } from './customer.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  email: emailAddress.nullish(),
  name: name.nullish(),
  ...contact,
})

export const customerUpdate = defineCommand({
  name: 'customerUpdate',
  permission: 'customers:write',
  errors: [...EDIT_ERRORS, 'EMAIL_TAKEN'],
  schema,
})

/** Edits what was given. */
export async function updateCustomer(
  caller: CommandContext,
  input: InputOf<typeof customerUpdate>,
): Promise<Executed<typeof customerUpdate>> {
  return await runCommand(
    caller,
    customerUpdate,
    input,
    (tx, { id, expectedVersion, email, name, ...contact }) =>
      edit(tx.customer, {
        type: 'Customer',
        id,
        expectedVersion,
        reads: 'customers:read',
        wanted: { ...given({ email, name }), ...contactColumns(contact) },
        paths: CONTACT_PATHS,
        now: caller.clock(),
        taken: { field: 'email', code: 'EMAIL_TAKEN', message: 'another customer has this address' },
      }),
  )
}
