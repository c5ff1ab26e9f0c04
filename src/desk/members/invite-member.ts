// Invites somebody by e-mail. The job in send-invitation.ts makes the token and sends the mail.
import { z } from 'zod'
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { requirePermission } from '../../auth/permissions.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import { type Executed, refusedAtOnce } from '../../commands/executed.ts'
import { clearable } from '../../commands/input-rules.ts'
import { type AuditRecord, done, refused, type UserError } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { emailAddress, spellingsOf } from '../../core/email.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import type { Mailer } from '../../mail/mailer.ts'
import { takeAuthority } from './authority.ts'
import { expiryFrom, PAUSE_AFTER_REVOCATION_MS, stateOf } from './invitation.ts'
import { name, role, roleTooHigh } from './member.ts'
import { INVITATION_ATTEMPTS_MAX, INVITATION_TASK } from './send-invitation.ts'

/** Per tenant, since its mails are sent under the platform's name. */
export const INVITATIONS_PER_DAY_MAX = 500
const DAY_MS = 24 * 3_600_000

const schema = z.object({ email: emailAddress, role, name: clearable(name) })

export const memberInvite = defineCommand({
  name: 'memberInvite',
  permission: 'members:manage',
  errors: [
    'ALREADY_MEMBER',
    'ALREADY_INVITED',
    'ROLE_TOO_HIGH',
    'RECENTLY_REVOKED',
    'TOO_MANY_INVITATIONS',
    'MAIL_NOT_AVAILABLE',
  ],
  schema,
})

type InviteErrorCode = ErrorCodeOf<typeof memberInvite>

/** Invites an address. Throws FORBIDDEN for a caller who may no longer invite. */
export async function inviteMember(
  caller: CommandContext,
  mail: Mailer | null,
  input: InputOf<typeof memberInvite>,
): Promise<Executed<typeof memberInvite>> {
  requirePermission(caller.permissions, memberInvite.permission)
  if (mail === null) {
    const message = 'this installation sends no mail: SMTP_URL is not configured'
    return refusedAtOnce([{ field: null, message, code: 'MAIL_NOT_AVAILABLE' }])
  }
  return await runCommand(caller, memberInvite, input, async (tx, invited) => {
    const now = caller.clock()
    const reaches = await takeAuthority(tx, caller)
    const errors: UserError<InviteErrorCode>[] = []
    if (!reaches(invited.role)) errors.push(roleTooHigh('role', invited.role))
    errors.push(...(await obstacles(tx, invited.email, now)))
    if (errors.length > 0) return refused(errors)
    const makesRoom = await endExpired(tx, invited.email, now)
    const id = newId()
    const row = { email: invited.email, role: invited.role, name: invited.name ?? '' }
    await tx.invitation.create({
      data: {
        id,
        ...row,
        invitedBy: labelOf(caller.actor),
        invitedById: caller.actor.id,
        expiresAt: expiryFrom(now),
        createdAt: now,
        updatedAt: now,
      },
    })
    await enqueue(tx, {
      task: INVITATION_TASK,
      payload: { invitationId: id },
      key: `${INVITATION_TASK}:${id}`,
      attemptsMax: INVITATION_ATTEMPTS_MAX,
    })
    return done(id, [auditOf({ type: 'Invitation', id }, null, row), ...makesRoom])
  })
}

async function obstacles(tx: Transaction, address: string, now: Date): Promise<UserError<InviteErrorCode>[]> {
  const field = ['email']
  const errors: UserError<InviteErrorCode>[] = []
  if ((await tx.member.count({ where: { email: address, status: 'ACTIVE' } })) > 0)
    errors.push({ field, message: 'a member has this address already', code: 'ALREADY_MEMBER' })
  const pending = await tx.invitation.findFirst({ where: { email: address, status: 'PENDING' } })
  if (pending !== null && stateOf(pending, now) === 'PENDING')
    errors.push({
      field,
      message: 'this address is invited already: revoke that invitation first',
      code: 'ALREADY_INVITED',
    })
  const pausedUntil = await pauseAfterRevocation(tx, address, now)
  if (pausedUntil !== null)
    errors.push({
      field,
      message: `this address was invited and the invitation revoked: invite it again from ${pausedUntil.toISOString()}`,
      params: { until: pausedUntil.toISOString() },
      code: 'RECENTLY_REVOKED',
    })
  const since = new Date(now.getTime() - DAY_MS)
  if ((await tx.invitation.count({ where: { createdAt: { gt: since } } })) >= INVITATIONS_PER_DAY_MAX)
    errors.push({
      field: null,
      message: `at most ${INVITATIONS_PER_DAY_MAX} invitations in a day`,
      params: { max: INVITATIONS_PER_DAY_MAX },
      code: 'TOO_MANY_INVITATIONS',
    })
  return errors
}

/** Until when an address may not be invited again, after its open invitation was revoked; null: it may. */
async function pauseAfterRevocation(tx: Transaction, address: string, now: Date): Promise<Date | null> {
  const since = new Date(now.getTime() - PAUSE_AFTER_REVOCATION_MS)
  const revoked = await tx.invitation.findMany({
    where: { email: { in: [...spellingsOf(address)] }, status: 'REVOKED', updatedAt: { gt: since } },
  })
  // An expired invitation was ended only to make room.
  const ends = revoked.filter(({ updatedAt, expiresAt }) => updatedAt < expiresAt)
  if (ends.length === 0) return null
  return new Date(Math.max(...ends.map(({ updatedAt }) => updatedAt.getTime())) + PAUSE_AFTER_REVOCATION_MS)
}

/** Ends an expired invitation: at most one is open per address. */
async function endExpired(tx: Transaction, address: string, now: Date): Promise<AuditRecord[]> {
  const expired = await tx.invitation.findFirst({ where: { email: address, status: 'PENDING' } })
  if (expired === null) return []
  const { id } = expired
  await tx.invitation.updateMany({
    where: { id },
    data: { status: 'REVOKED', tokenHash: null, updatedAt: now },
  })
  return [auditOf({ type: 'Invitation', id }, { status: 'EXPIRED' }, { status: 'REVOKED' })]
}
