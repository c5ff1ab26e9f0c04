// Makes somebody who was invited a member: whoever has the address, is signed in with it, and brings the mail's token.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { ACCEPT_INVITATION } from '../../auth/permissions.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import { type Executed, refusedAtOnce } from '../../commands/executed.ts'
import { type Done, done, type Refused, refused, type UserError } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import type { Invitation } from '../../generated/prisma/client.ts'
import { isStillBacked } from './authority.ts'
import { hashOfToken } from './invitation.ts'
import { name } from './member.ts'

const schema = z.object({ token: z.string(), name: name.nullish() })

/** One answer for every token that lets nobody in, so that none can be told from another. */
const NOT_VALID: UserError<AcceptErrorCode> = {
  field: ['token'],
  message:
    'this invitation is not valid: it was used, revoked or sent to somebody else, it has expired, or who sent it may ' +
    'not invite any more',
  code: 'INVITATION_NOT_VALID',
}

export const invitationAccept = defineCommand({
  name: 'invitationAccept',
  permission: ACCEPT_INVITATION,
  errors: ['INVITATION_NOT_VALID'],
  schema,
})

type AcceptErrorCode = ErrorCodeOf<typeof invitationAccept>

/** Accepts, once. */
export async function acceptInvitation(
  caller: CommandContext,
  sessions: IdentityInvalidation,
  input: InputOf<typeof invitationAccept>,
): Promise<Executed<typeof invitationAccept>> {
  const { actor } = caller
  // Whoever is in already has no invitation to accept: the token was theirs and is used, or is another's.
  if (actor.kind !== 'INVITED') return refusedAtOnce([NOT_VALID])
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, invitationAccept, input, async (tx, { token, name }) => {
      const invitation = await take(tx, caller, { email: actor.email, token })
      return invitation === null ? refused([NOT_VALID]) : await admit(tx, caller, invitation, name)
    }),
  )
}

/**
 * Uses the invitation up; null when there is none to use, or its sender could not send it any more. Of two at once one
 * finds it used.
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
  // The database ends invitations with the authority behind them; asked again here, whoever took that how ever.
  if (invitation === null || !(await isStillBacked(tx, caller, invitation))) return null
  const { count } = await tx.invitation.updateMany({
    where: { ...where, id: invitation.id },
    data: { status: 'ACCEPTED', acceptedAt: now, tokenHash: null, updatedAt: now },
  })
  return count === 0 ? null : invitation
}

/** A new member, or the one who was here before, again. */
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
