// Revokes support access before it expires.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { beyondCaller } from './authority.ts'

const schema = z.object({ id: z.string() })

export const supportAccessRevoke = defineCommand({
  name: 'supportAccessRevoke',
  permission: 'support:manage',
  errors: ['NOT_FOUND', 'PERMISSION_NOT_HELD'],
  schema,
})

/**
 * Revokes a grant: at once on this server, within seconds on others. One that has ended is unchanged.
 * PERMISSION_NOT_HELD: the access may do more than the caller.
 */
export async function revokeSupportAccess(
  caller: CommandContext,
  input: InputOf<typeof supportAccessRevoke>,
  sessions: IdentityInvalidation,
): Promise<Executed<typeof supportAccessRevoke>> {
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, supportAccessRevoke, input, async (tx, { id }) => {
      const now = caller.clock()
      const grant = await tx.supportGrant.findFirst({ where: { id } })
      if (grant === null) return notFound('id', 'grant')
      const beyond = await beyondCaller(tx, caller, grant.access, 'id')
      if (beyond !== null) return refused([beyond])
      const { count } = await tx.supportGrant.updateMany({
        where: { id, revokedAt: null, expiresAt: { gt: now } },
        data: { revokedAt: now },
      })
      if (count > 0) {
        const revokedAt = now.toISOString()
        return done(id, [auditOf({ type: 'SupportGrant', id }, { revokedAt: null }, { revokedAt })])
      }
      return done(id, [])
    }),
  )
}
