// The content of an invitation's mail, and that its job sends it only when it is wanted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { invitationTask } from '../../../src/desk/members/send-invitation.ts'
import { type Api, startApi } from '../../support/api.ts'
import {
  ACCEPT,
  codesOf,
  invite,
  invitee,
  manage,
  newEmail,
  REVOKE,
  rowsIn,
  sendMail,
  tokenFor,
  uuidOf,
} from '../../support/people.ts'
import { queuedJobs, systemOf } from '../../support/system.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const inA = (sql: string, values?: unknown[]) => rowsIn(api, 'A', sql, values)

describe('the mail', () => {
  it('names the inviter, the tenant, the role, the expiry, and how to accept', async () => {
    const email = newEmail()
    const id = await invite(api.as('A', 'ADMIN'), { email, role: 'STAFF', name: 'Jo' })
    await sendMail(api, 'A', id)
    const [mail] = await api.mailbox.list()
    const token = await tokenFor(api, email)
    expect(mail).toMatchObject({ to: email, subject: 'Invitation to Anchor Alpha' })
    const [sent] = await inA('SELECT expires_at, sent_at FROM invitations WHERE id = $1', [uuidOf(id)])
    for (const words of [
      'Hello Jo,',
      'admin@anchor.example invites you to work for Anchor Alpha.',
      'anchor',
      'STAFF',
      sent.expires_at.toISOString(),
      `https://join.example/accept#tenant=anchor&token=${token}`,
    ])
      expect(mail?.text).toContain(words)
    expect(sent.sent_at).toBeInstanceOf(Date)
  })

  it('is queued with the invitation’s id only', async () => {
    const id = await invite(api.as('A'), { email: newEmail(), role: 'STAFF' })
    const jobs = (await queuedJobs(api, 'A')).filter(({ payload }) => payload.invitationId === uuidOf(id))
    expect(jobs).toEqual([
      { task: 'invitation.mail', payload: { tenantId: api.tenantIds.A, invitationId: uuidOf(id) } },
    ])
  })

  it('is sent once, although its job runs twice; one that was revoked or has expired is not sent', async () => {
    const mails = async (email: string) => (await api.mailbox.list()).filter(({ to }) => to === email).length
    const { id, email } = await invitee(api, 'A')
    await sendMail(api, 'A', id)
    expect(await mails(email)).toBe(1)
    const revoked = newEmail()
    const revokedId = await invite(api.as('A'), { email: revoked, role: 'STAFF' })
    await manage(api.as('A'), REVOKE, { id: revokedId })
    await sendMail(api, 'A', revokedId)
    expect(await mails(revoked)).toBe(0)
    const late = newEmail()
    const lateId = await invite(api.as('A'), { email: late, role: 'STAFF' })
    await inA(`UPDATE invitations SET expires_at = now() - interval '1 s' WHERE id = $1`, [uuidOf(lateId)])
    await sendMail(api, 'A', lateId)
    expect(await mails(late)).toBe(0)
  })

  it('that the server refused is sent again, with a new valid token', async () => {
    const email = newEmail()
    const id = await invite(api.as('A'), { email, role: 'STAFF' })
    const failing = { ...api.services, mail: { send: () => Promise.reject(new Error('451 later')) } }
    const payload = { invitationId: uuidOf(id) }
    await expect(invitationTask(failing).run(await systemOf(api, 'A'), payload)).rejects.toThrow('451')
    await sendMail(api, 'A', id)
    expect(await codesOf(api.asPerson('A', email), ACCEPT, { token: await tokenFor(api, email) })).toEqual([])
  })

  it('cross-tenant: another tenant’s job does not send it', async () => {
    const email = newEmail()
    const id = await invite(api.as('A'), { email, role: 'STAFF' })
    await sendMail(api, 'B', id)
    expect(await tokenFor(api, email)).toBe(`no mail to ${email}`)
  })
})
