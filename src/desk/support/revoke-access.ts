// Ends the access of the platform's people before its time.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { auditOf, notFound } from '../../commands/edit.ts'
import { done, refused } from '../../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { beyondCaller } from './authority.ts'

const schema = z.object({ id: z.string() })

export const REVOKE_SUPPORT_ERRORS = ['NOT_FOUND', 'PERMISSION_NOT_HELD'] as const
type RevokeErrorCode = (typeof REVOKE_SUPPORT_ERRORS)[number]

/**
 * Revokes a grant: at once here, within seconds on other servers. One that has ended stays as it is. User errors:
 * NOT_FOUND, PERMISSION_NOT_HELD for access that may do more than the caller.
 */
export async function revokeSupportAccess(
  caller: CommandContext,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
  sessions: IdentityInvalidation,
): Promise<Executed<RevokeErrorCode>> {
  const command = {
    name: 'supportAccessRevoke',
    permission: 'support:manage',
    input,
    schema,
    idempotencyKey,
  } as const
  return await changingPeople(sessions, caller, () =>
    runCommand<RevokeErrorCode, z.output<typeof schema>>(caller, command, async (tx, { id }) => {
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
