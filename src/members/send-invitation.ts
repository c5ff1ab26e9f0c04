// The job that mails an invitation. Its token is made here, stands in the mail, and nowhere else: the queue has the
// invitation's id, and the database a hash.
import type { Caller } from '../commands/caller.ts'
import { auditOf } from '../commands/edit.ts'
import { done } from '../commands/outcome.ts'
import { runCommand } from '../commands/run-command.ts'
import type { Sessions } from '../commands/sessions.ts'
import type { Invitation } from '../generated/prisma/client.ts'
import { type Task, textIn } from '../jobs/task.ts'
import { type Mail, type Mailer, oneLine } from '../mail/mailer.ts'
import { expiryFrom, newToken, stateOf } from './invitation.ts'

export const INVITATION_TASK = 'invitation.mail'
/** Over about three hours: a mail server that is away so long needs somebody to look. */
export const INVITATION_ATTEMPTS_MAX = 12

export type InvitationServices = {
  readonly mail: Mailer | null
  readonly invitationUrl: string | null
  readonly sessions: Sessions
}

export function invitationTask(services: InvitationServices): Task {
  return {
    name: INVITATION_TASK,
    attemptsMax: INVITATION_ATTEMPTS_MAX,
    run: (caller, payload) => sendInvitation(caller, services, textIn(payload, 'invitationId')),
  }
}

/**
 * Sends the mail, unless it was sent or is no longer wanted. Where it breaks off between the mail server and us, another
 * mail follows with another token, and the last one counts. Throws what the mail server said.
 */
async function sendInvitation(
  caller: Caller,
  { mail, invitationUrl, sessions }: InvitationServices,
  id: string,
): Promise<void> {
  const { invitation, tenant } = await caller.database.withTenant(caller.scope, async (tx) => ({
    invitation: await tx.invitation.findFirst({ where: { id } }),
    tenant: await tx.tenant.findFirstOrThrow(),
  }))
  if (invitation === null || invitation.sentAt !== null) return
  if (stateOf(invitation, caller.clock()) !== 'PENDING') return
  if (mail === null) throw new Error('this process has no SMTP_URL to send an invitation by')
  const { token, hash } = newToken()
  const expiresAt = expiryFrom(caller.clock())
  const command = { name: 'invitationSend', permission: 'members:manage', input: null } as const
  const subject = { type: 'Invitation', id }
  let isOpen = false
  await runCommand(caller, command, async (tx) => {
    const { count } = await tx.invitation.updateMany({
      where: { id, status: 'PENDING', sentAt: null },
      data: { tokenHash: hash, expiresAt, updatedAt: caller.clock() },
    })
    isOpen = count === 1
    return done(id, count === 0 ? [] : [auditOf(subject, null, { expiresAt: expiresAt.toISOString() })])
  })
  // Revoked just now.
  if (!isOpen) return
  // From now on its address may come and accept.
  sessions.forget(caller.tenantSlug)
  await mail.send(
    mailOf(
      { ...invitation, expiresAt },
      { slug: caller.tenantSlug, name: tenant.name, token, invitationUrl },
    ),
  )
  const sentAt = caller.clock()
  await runCommand(caller, command, async (tx) => {
    await tx.invitation.updateMany({ where: { id }, data: { sentAt, updatedAt: sentAt } })
    return done(id, [auditOf(subject, { sentAt: null }, { sentAt: sentAt.toISOString() })])
  })
}

function mailOf(
  { email, name, role, invitedBy, expiresAt }: Invitation,
  to: {
    readonly slug: string
    readonly name: string
    readonly token: string
    readonly invitationUrl: string | null
  },
): Mail {
  const { slug, token, invitationUrl } = to
  // Whoever names a tenant or a key writes a word of this mail, and not a line of it.
  const shop = oneLine(to.name)
  const inviter = oneLine(invitedBy) || shop
  const link =
    invitationUrl === null
      ? []
      : ['Open this page to accept:', '', `  ${invitationUrl}#tenant=${slug}&token=${token}`, '']
  const lines = [
    name === '' ? 'Hello,' : `Hello ${oneLine(name)},`,
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
  return { to: email, subject: `${inviter} invites you to ${shop}`, text: lines.join('\n') }
}
