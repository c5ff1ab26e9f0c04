// Adds a customer to the merchant's book.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { auditOf, present, refusedAsTaken } from '../../commands/edit.ts'
import { done } from '../../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { emailAddress } from '../../core/email.ts'
import { newId } from '../../core/ids.ts'
import { contact, contactColumns, name } from './customer.ts'

const schema = z.object({ email: emailAddress, name, ...contact })

/** Adds a customer. User errors: INVALID, EMAIL_TAKEN. */
export async function createCustomer(
  caller: CommandContext,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<'EMAIL_TAKEN'>> {
  const command = {
    name: 'customerCreate',
    permission: 'customers:write',
    input,
    schema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, async (tx, value) => {
    const id = newId()
    const now = caller.clock()
    const row = { email: value.email, name: value.name, ...present(contactColumns(value)) }
    try {
      await tx.customer.create({ data: { id, ...row, createdAt: now, updatedAt: now } })
    } catch (error) {
      return refusedAsTaken(error, 'email', 'EMAIL_TAKEN', 'another customer has this address')
    }
    const subject = { type: 'Customer', id }
    const made = { email: value.email, name: value.name }
    return done(id, [auditOf(subject, null, row)], [{ type: 'customer.created', subject, payload: made }])
  })
}
