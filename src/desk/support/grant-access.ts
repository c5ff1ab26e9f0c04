// Grants platform staff access to the tenant for some hours, to read or to write.
import { z } from 'zod'
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import { beyondCaller } from './authority.ts'
import { HOUR_MS, HOURS_MAX, IN_FORCE_MAX, REASON_LENGTH_MAX } from './support-grant.ts'

const schema = z.object({
  access: z.enum(['READ', 'WRITE']),
  hours: z
    .number()
    .int()
    .min(1, 'at least one hour')
    .max(HOURS_MAX, `at most ${HOURS_MAX} hours: grant it again when they have passed`),
  reason: z.string().trim().min(1, 'a reason is required: the audit records it').max(REASON_LENGTH_MAX),
})

export const supportAccessGrant = defineCommand({
  name: 'supportAccessGrant',
  permission: 'support:manage',
  errors: ['TOO_MANY_GRANTS', 'PERMISSION_NOT_HELD'],
  schema,
})

type GrantSupportAccessErrorCode = ErrorCodeOf<typeof supportAccessGrant>

/**
 * Grants access for `hours` from now. Of several active grants the widest applies. PERMISSION_NOT_HELD: the access may
 * do more than the caller.
 */
export async function grantSupportAccess(
  caller: CommandContext,
  input: InputOf<typeof supportAccessGrant>,
  sessions: IdentityInvalidation,
): Promise<Executed<typeof supportAccessGrant>> {
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, supportAccessGrant, input, async (tx, { access, hours, reason }) => {
      const now = caller.clock()
      const beyond = await beyondCaller(tx, caller, access, 'access')
      if (beyond !== null) return refused<GrantSupportAccessErrorCode>([beyond])
      // Not exact for concurrent grants: it only bounds the list, and no security depends on it.
      const inForce = await tx.supportGrant.count({ where: { revokedAt: null, expiresAt: { gt: now } } })
      if (inForce >= IN_FORCE_MAX) {
        const message = `${IN_FORCE_MAX} grants are in force: revoke one first`
        return refused<GrantSupportAccessErrorCode>([
          { field: null, message, code: 'TOO_MANY_GRANTS', params: { max: IN_FORCE_MAX } },
        ])
      }
      const id = newId()
      const expiresAt = new Date(now.getTime() + hours * HOUR_MS)
      const grantedBy = labelOf(caller.actor)
      await tx.supportGrant.create({ data: { id, access, reason, grantedBy, expiresAt, createdAt: now } })
      const made = { access, reason, expiresAt: expiresAt.toISOString() }
      return done(id, [auditOf({ type: 'SupportGrant', id }, null, made)])
    }),
  )
}
