// Accepts an invitation: makes the signed-in person with the invited address and the mail's token a member.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { ACCEPT_INVITATION } from '../../auth/permissions.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import { type Executed, refusedAtOnce } from '../../commands/executed.ts'
import { clearable } from '../../commands/input-rules.ts'
import { type Done, done, type Refused, refused, type UserError } from '../../commands/outcome.ts'
import { replayCommand, runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import type { Invitation } from '../../generated/prisma/client.ts'
import { isStillBacked } from './authority.ts'
import { hashOfToken } from './invitation.ts'
import { name } from './member.ts'

const schema = z.object({ token: z.string(), name: clearable(name) })

/** The same answer for every invalid token, so that the reason is not revealed. */
const NOT_VALID: UserError<AcceptErrorCode> = {
  field: ['token'],
  message:
    'this invitation is not valid: it was used, revoked or sent to somebody else, it has expired, or its sender may ' +
    'no longer invite',
  code: 'INVITATION_NOT_VALID',
}

export const invitationAccept = defineCommand({
  name: 'invitationAccept',
  permission: ACCEPT_INVITATION,
  errors: ['INVITATION_NOT_VALID'],
  schema,
})

type AcceptErrorCode = ErrorCodeOf<typeof invitationAccept>

/** Accepts the invitation, once. */
export async function acceptInvitation(
  caller: CommandContext,
  sessions: IdentityInvalidation,
  input: InputOf<typeof invitationAccept>,
): Promise<Executed<typeof invitationAccept>> {
  const { actor } = caller
  if (actor.kind !== 'INVITED') {
    // A member has no invitation to accept: the token is used already, or another person's. But a new member may have lost
    // the answer, and sends the call again.
    const known = await replayCommand(caller, invitationAccept, input)
    return known !== null && known.id === actor.id ? known : refusedAtOnce([NOT_VALID])
  }
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, invitationAccept, input, async (tx, { token, name }) => {
      const invitation = await take(tx, caller, { email: actor.email, token })
      return invitation === null ? refused([NOT_VALID]) : await admit(tx, caller, invitation, name)
    }),
  )
}

/**
 * Marks the invitation as accepted; null when there is none, or its sender may no longer invite. Of two concurrent
 * calls one finds it used.
 */
async function take(
  tx: Transaction,
  caller: CommandContext,
  { email, token }: { readonly email: string; readonly token: string },
): Promise<Invitation | null> {
  const now = caller.clock()
  const tokenHash = hashOfToken(token)
  if (tokenHash === null) return null
  const where = { email, tokenHash, status: 'PENDING', expiresAt: { gt: now } } as const
  const invitation = await tx.invitation.findFirst({ where })
  // The database ends invitations with their sender's authority. It is checked here again, in case other SQL removed
  // the authority.
  if (invitation === null || !(await isStillBacked(tx, caller, invitation))) return null
  const { count } = await tx.invitation.updateMany({
    where: { ...where, id: invitation.id },
    data: { status: 'ACCEPTED', acceptedAt: now, tokenHash: null, updatedAt: now },
  })
  return count === 0 ? null : invitation
}

/** A new member, or a removed one again. */
async function admit(
  tx: Transaction,
  caller: CommandContext,
  { id: invitationId, email, role, name: invitedAs }: Invitation,
  chosen: string | null | undefined,
): Promise<Done | Refused<AcceptErrorCode>> {
  const now = caller.clock()
  const before = await tx.member.findFirst({ where: { email } })
  if (before?.status === 'ACTIVE') return refused([NOT_VALID])
  const name = [chosen, invitedAs, before?.name].find(Boolean) ?? (email.split('@')[0] as string)
  const after = { name, role, status: 'ACTIVE', updatedAt: now } as const
  const id = before?.id ?? newId()
  if (before === null) await tx.member.create({ data: { id, email, ...after, createdAt: now } })
  else await tx.member.updateMany({ where: { id }, data: { ...after, version: before.version + 1 } })
  const was = before && { name: before.name, role: before.role, status: before.status }
  return done(id, [
    auditOf({ type: 'Member', id }, was, { email, name, role, status: 'ACTIVE', invitationId }),
    auditOf({ type: 'Invitation', id: invitationId }, { status: 'PENDING' }, { status: 'ACCEPTED' }),
  ])
}
