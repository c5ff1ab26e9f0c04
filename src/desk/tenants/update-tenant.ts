// Edits what a merchant says of itself, if nobody else did meanwhile.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { conflict, edited, given } from '../../commands/edit.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { mailedName } from '../../mail/mailed-name.ts'

const NAME_LENGTH_MAX = 200
/** What a merchant says of itself, everybody who works there may read: `viewer { tenant }`. */
const EVERYBODY = { reads: null }

const schema = z.object({
  expectedVersion: z.number(),
  name: mailedName(NAME_LENGTH_MAX).min(1, 'a merchant needs a name').nullish(),
})

/** Edits what was given. User errors: INVALID, CONFLICT. */
export async function updateTenant(
  caller: CommandContext,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<'CONFLICT'>> {
  const command = {
    name: 'tenantUpdate',
    permission: 'tenant:manage',
    input,
    schema,
    idempotencyKey,
  } as const
  const { tenantId: id } = caller.scope
  return await runCommand(caller, command, async (tx, { expectedVersion, ...fields }) => {
    const wanted = given(fields)
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
