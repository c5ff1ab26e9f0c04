// The job that mails an invitation. It makes the token, which only the mail contains: the queue has the invitation's
// id, and the database a hash.

import type { CommandContext } from '../../auth/command-context.ts'
import type { IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { auditOf } from '../../commands/edit.ts'
import { done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import { spellingsOf } from '../../core/email.ts'
import type { Transaction } from '../../db/database.ts'
import type { Invitation } from '../../generated/prisma/client.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { type Task, textIn } from '../../jobs/task.ts'
import { showAddress, showName } from '../../mail/mailed-name.ts'
import type { Mail, Mailer } from '../../mail/mailer.ts'
import { expiryFrom, newToken, stateOf } from './invitation.ts'

export const INVITATION_TASK = 'invitation.mail'
/** Over about three hours: a mail server that is away for longer needs a person's attention. */
export const INVITATION_ATTEMPTS_MAX = 12
/** The delay of a retry when the recipient has reached the daily bound. */
const CROWDED_RETRY_MS = 3_600_000

export type InvitationServices = {
  readonly mail: Mailer | null
  readonly invitationUrl: string | null
  readonly sessions: IdentityInvalidation
}

export function invitationTask(services: InvitationServices): Task {
  return {
    name: INVITATION_TASK,
    attemptsMax: INVITATION_ATTEMPTS_MAX,
    run: (caller, payload) => sendInvitation(caller, services, textIn(payload, 'invitationId')),
  }
}

/**
 * Sends the mail, unless it was sent or is no longer wanted; later when its recipient has reached the daily bound. If
 * the connection to the mail server breaks, another mail follows with another token, and the last one is valid. Throws
 * the mail server's error.
 */
async function sendInvitation(
  caller: CommandContext,
  { mail, invitationUrl, sessions }: InvitationServices,
  id: string,
): Promise<void> {
  const { invitation, tenant, inviter } = await caller.database.withTenant(caller.scope, async (tx) => {
    const invitation = await tx.invitation.findFirst({ where: { id } })
    return {
      invitation,
      tenant: await tx.tenant.findFirstOrThrow(),
      // A key may have any name, so only a member's address is shown as an address.
      inviter: invitation?.invitedById
        ? await tx.member.findFirst({ where: { id: invitation.invitedById } })
        : null,
    }
  })
  if (invitation === null || invitation.sentAt !== null) return
  if (stateOf(invitation, caller.clock()) !== 'PENDING') return
  if (mail === null) throw new Error('this process has no SMTP_URL to send an invitation by')
  if (!(await takeTurn(caller, invitation))) return
  const { token, hash } = newToken()
  const expiresAt = expiryFrom(caller.clock())
  const command = { name: 'invitationSend', permission: 'members:manage' } as const
  const subject = { type: 'Invitation', id }
  const isOpen = await runInternalCommand(caller, command, async (tx) => {
    const { count } = await tx.invitation.updateMany({
      where: { id, status: 'PENDING', sentAt: null },
      data: { tokenHash: hash, expiresAt, updatedAt: caller.clock() },
    })
    const audit = count === 0 ? [] : [auditOf(subject, null, { expiresAt: expiresAt.toISOString() })]
    return done(id, audit, [], count === 1)
  })
  // Revoked meanwhile.
  if (!isOpen) return
  // From now on the invited person can authenticate and accept.
  sessions.forget(caller.scope.tenantId)
  await mail.send(
    mailOf(
      { ...invitation, expiresAt },
      { slug: caller.tenantSlug, name: tenant.name, isByMember: inviter !== null, token, invitationUrl },
    ),
  )
  const sentAt = caller.clock()
  await runInternalCommand(caller, command, async (tx) => {
    await tx.invitation.updateMany({ where: { id }, data: { sentAt, updatedAt: sentAt } })
    return done(id, [auditOf(subject, { sentAt: null }, { sentAt: sentAt.toISOString() })])
  })
}

/**
 * Whether the mail may go now. A person gets a bounded number of mails a day, over all tenants. More of them wait,
 * which to the inviter looks like a slow mail server: another answer would reveal what other tenants do.
 */
async function takeTurn(caller: CommandContext, { id, email }: Invitation): Promise<boolean> {
  return await caller.database.withTenant(caller.scope, async (tx) => {
    if (await claimMail(tx, { email, id })) return true
    await enqueue(tx, {
      task: INVITATION_TASK,
      payload: { invitationId: id },
      key: `${INVITATION_TASK}:${id}`,
      runAt: new Date(caller.clock().getTime() + CROWDED_RETRY_MS),
      attemptsMax: INVITATION_ATTEMPTS_MAX,
    })
    return false
  })
}

async function claimMail(tx: Transaction, { email, id }: Pick<Invitation, 'email' | 'id'>): Promise<boolean> {
  const [mailbox] = spellingsOf(email)
  const [row] = await tx.$queryRaw<[{ may: boolean }]>`SELECT app.claim_mail(${mailbox}, ${id}::uuid) AS may`
  return row.may
}

/** The only texts in it that a tenant's people choose are names, which are bounded and cannot contain a URL. */
function mailOf(
  { email, name, role, invitedBy, expiresAt }: Invitation,
  to: {
    readonly slug: string
    readonly name: string
    readonly isByMember: boolean
    readonly token: string
    readonly invitationUrl: string | null
  },
): Mail {
  const { slug, token, invitationUrl } = to
  const shop = showName(to.name, slug)
  const inviter = to.isByMember ? showAddress(invitedBy, 'A colleague') : showName(invitedBy, 'A program')
  const called = showName(name, '')
  const link =
    invitationUrl === null
      ? []
      : ['Open this page to accept:', '', `  ${invitationUrl}#tenant=${slug}&token=${token}`, '']
  const lines = [
    called === '' ? 'Hello,' : `Hello ${called},`,
    '',
    `${inviter} invites you to work for ${shop}.`,
    '',
    `  Tenant:  ${slug}`,
    `  Role:    ${role}`,
    `  Until:   ${expiresAt.toISOString()}`,
    `  Token:   ${token}`,
    '',
    ...link,
    `${link.length === 0 ? 'Sign' : 'Or sign'} in as ${email} and send the mutation invitationAccept with the token, for the tenant ${slug}.`,
    'The token works once, and for you alone.',
    '',
    'If you do not know what this is about, do nothing: nobody gets in without this mail.',
    '',
  ]
  return { to: email, subject: `Invitation to ${shop}`, text: lines.join('\n') }
}
