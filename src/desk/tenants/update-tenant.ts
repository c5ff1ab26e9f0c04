// Edits the merchant's own data, with optimistic locking by its version.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { conflict, edited } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { runCommand } from '../../commands/run-command.ts'
import { mailedName } from '../../mail/mailed-name.ts'

const NAME_LENGTH_MAX = 200
/** Every caller may read the merchant's own data: `viewer { tenant }`. */
const EVERYBODY = { reads: null }

const schema = z.object({
  expectedVersion: z.number(),
  name: mailedName(NAME_LENGTH_MAX).min(1, 'a merchant needs a name').nullish(),
})

export const tenantUpdate = defineCommand({
  name: 'tenantUpdate',
  permission: 'tenant:manage',
  errors: ['CONFLICT'],
  schema,
})

/** Edits the given fields. */
export async function updateTenant(
  caller: CommandContext,
  input: InputOf<typeof tenantUpdate>,
): Promise<Executed<typeof tenantUpdate>> {
  const { tenantId: id } = caller.scope
  return await runCommand(caller, tenantUpdate, input, async (tx, { expectedVersion, name }) => {
    const wanted = typeof name === 'string' ? { name } : {}
    const current = { id, ...(await tx.tenant.findFirstOrThrow()) }
    if (current.version !== expectedVersion) return conflict(current, expectedVersion, wanted, EVERYBODY)
    const { count } = await tx.tenant.updateMany({
      where: { version: expectedVersion },
      data: { ...wanted, version: expectedVersion + 1, updatedAt: caller.clock() },
    })
    if (count === 0) {
      return conflict({ id, ...(await tx.tenant.findFirstOrThrow()) }, expectedVersion, wanted, EVERYBODY)
    }
    return edited('Tenant', current, wanted)
  })
}
