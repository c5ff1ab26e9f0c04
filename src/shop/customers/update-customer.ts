// Edits a customer, if nobody else did meanwhile.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { type EditErrorCode, edit, given } from '../../commands/edit.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { emailAddress } from '../../core/email.ts'
import { CONTACT_PATHS, contact, contactColumns, name } from './customer.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  email: emailAddress.nullish(),
  name: name.nullish(),
  ...contact,
})

/** Edits what was given. User errors: INVALID, NOT_FOUND, CONFLICT, EMAIL_TAKEN. */
export async function updateCustomer(
  caller: CommandContext,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<EditErrorCode | 'EMAIL_TAKEN'>> {
  const command = {
    name: 'customerUpdate',
    permission: 'customers:write',
    input,
    schema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, { id, expectedVersion, email, name, ...contact }) =>
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
