// Revokes an invitation; its token is then invalid.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { takeAuthority } from './authority.ts'
import { mayDoMore } from './member.ts'

const schema = z.object({ id: z.string() })

export const invitationRevoke = defineCommand({
  name: 'invitationRevoke',
  permission: 'members:manage',
  errors: ['NOT_FOUND', 'NOT_PENDING', 'ROLE_TOO_HIGH'],
  schema,
})

/** Revokes an invitation that is neither accepted nor revoked. */
export async function revokeInvitation(
  caller: CommandContext,
  sessions: IdentityInvalidation,
  input: InputOf<typeof invitationRevoke>,
): Promise<Executed<typeof invitationRevoke>> {
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, invitationRevoke, input, async (tx, { id }) => {
      const reaches = await takeAuthority(tx, caller)
      const invitation = await tx.invitation.findFirst({ where: { id } })
      if (invitation === null) return notFound('id', 'invitation')
      if (!reaches(invitation.role)) return refused([mayDoMore(invitation.role)], id)
      const { count } = await tx.invitation.updateMany({
        where: { id, status: 'PENDING' },
        data: { status: 'REVOKED', tokenHash: null, updatedAt: caller.clock() },
      })
      if (count === 0) {
        const message = 'it was accepted or revoked already'
        return refused([{ field: ['id'], message, code: 'NOT_PENDING' as const }], id)
      }
      return done(id, [auditOf({ type: 'Invitation', id }, { status: 'PENDING' }, { status: 'REVOKED' })])
    }),
  )
}
