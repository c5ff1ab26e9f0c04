// Edits a customer, if nobody else did meanwhile.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import {
  changesTo,
  conflict,
  type EditErrorCode,
  edited,
  notFound,
  refusedAsTaken,
} from '../commands/edit.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { contact, contactColumns, email, name } from './customer.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  email: email.nullish(),
  name: name.nullish(),
  ...contact,
})

/** Edits what was given. User errors: INVALID, NOT_FOUND, CONFLICT, EMAIL_TAKEN. */
export async function updateCustomer(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<EditErrorCode | 'EMAIL_TAKEN'>> {
  const command = {
    name: 'customerUpdate',
    permission: 'customers:write',
    input,
    schema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, async (tx, { id, expectedVersion, ...value }) => {
    const current = await tx.customer.findFirst({ where: { id } })
    if (current === null) return notFound('id', 'customer')
    const wanted = {
      email: value.email ?? undefined,
      name: value.name ?? undefined,
      ...contactColumns(value),
    }
    if (current.version !== expectedVersion) return conflict(current, expectedVersion, wanted)
    const changes = changesTo(current, wanted)
    try {
      const data = { ...changes, version: expectedVersion + 1, updatedAt: caller.clock() }
      const { count } = await tx.customer.updateMany({ where: { id, version: expectedVersion }, data })
      if (count === 0)
        return conflict(await tx.customer.findFirstOrThrow({ where: { id } }), expectedVersion, wanted)
    } catch (error) {
      return refusedAsTaken(error, 'email', 'EMAIL_TAKEN', 'another customer has this address')
    }
    return edited('Customer', current, changes)
  })
}
