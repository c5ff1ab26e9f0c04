// Adds a customer to the merchant's book.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf, present, refusedAsTaken } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { emailAddress } from '../../core/email.ts'
import { newId } from '../../core/ids.ts'
import { contact, contactColumns, name } from './customer.ts'

const schema = z.object({ email: emailAddress, name, ...contact })

export const customerCreate = defineCommand({
  name: 'customerCreate',
  permission: 'customers:write',
  errors: ['EMAIL_TAKEN'],
  schema,
})

/** Adds a customer. */
export async function createCustomer(
  caller: CommandContext,
  input: InputOf<typeof customerCreate>,
): Promise<Executed<typeof customerCreate>> {
  return await runCommand(caller, customerCreate, input, async (tx, value) => {
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
