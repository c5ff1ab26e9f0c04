// Inviting by e-mail, taking an invitation back, and the list of them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROLES } from '../../src/commands/permissions.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { startWorker } from '../../src/jobs/worker.ts'
import { INVITATIONS_PER_DAY_MAX } from '../../src/members/invite-member.ts'
import { invitationTask } from '../../src/members/send-invitation.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { type Api, emailOf, startApi } from '../support/api.ts'
import { asOwner, asSuperuser } from '../support/database.ts'
import { eventually, queuedJobs, systemOf } from '../support/money.ts'
import {
  ACCEPT,
  codesOf,
  INVITE,
  invite,
  invitee,
  manage,
  memberOf,
  newEmail,
  newMember,
  REMOVE,
  REVOKE,
  sendMail,
  tokenFor,
  uuidOf,
} from '../support/people.ts'

const DAYS_MS = 24 * 3_600_000
const LIST = '{ invitations(first: 100) { totalCount nodes { id email role status sentAt } } }'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const inA = (sql: string, values: unknown[] = []) =>
  asOwner(api.database, api.tenantIds.A, async (owner) => (await owner.query(sql, values)).rows)

describe('memberInvite', () => {
  it('makes an invitation that is open for seven days, and says who invited', async () => {
    const email = newEmail()
    const { invitation, userErrors } = await manage(api.as('A', 'ADMIN'), INVITE, {
      email: ` ${email.toUpperCase()} `,
      role: 'STAFF',
      name: 'Jo',
    })
    expect(userErrors).toEqual([])
    expect(invitation).toMatchObject({
      email,
      name: 'Jo',
      role: 'STAFF',
      status: 'PENDING',
      invitedBy: emailOf('A', 'ADMIN'),
      sentAt: null,
    })
    expect(Date.parse(invitation.expiresAt) - Date.parse(invitation.createdAt)).toBe(7 * DAYS_MS)
    expect(await api.as('A').data(LIST)).toMatchObject({
      invitations: { nodes: [{ id: invitation.id, status: 'PENDING' }] },
    })
  })

  it('tells every problem at once', async () => {
    const { invitation, userErrors } = await manage(api.as('A'), INVITE, {
      email: 'a@x.example, b@x.example',
      role: 'STAFF',
      name: 'Jo\r\nBcc: c@x.example',
    })
    expect(invitation).toBeNull()
    expect(userErrors).toEqual([
      { field: ['email'], message: 'this is no e-mail address', code: 'INVALID' },
      { field: ['name'], message: 'a name is one line of text', code: 'INVALID' },
    ])
  })

  it('of a member, or of an address that is invited, is refused', async () => {
    const member = emailOf('A', 'VIEWER')
    expect(await codesOf(api.as('A'), INVITE, { email: member, role: 'STAFF' })).toEqual(['ALREADY_MEMBER'])
    const { email } = await invitee(api, 'A')
    expect(await codesOf(api.as('A'), INVITE, { email, role: 'VIEWER' })).toEqual(['ALREADY_INVITED'])
    expect(await codesOf(api.as('A', 'ADMIN'), INVITE, { email, role: 'OWNER' })).toEqual([
      'ROLE_TOO_HIGH',
      'ALREADY_INVITED',
    ])
  })

  it('of an address whose invitation has expired makes a new one', async () => {
    const { id, email } = await invitee(api, 'A')
    await inA(`UPDATE invitations SET expires_at = now() - interval '1 s' WHERE id = $1`, [uuidOf(id)])
    const statusOf = async (wanted: string) =>
      (await api.as('A').data(`{ node(id: "${wanted}") { ... on Invitation { status } } }`)).node.status
    expect(await statusOf(id)).toBe('EXPIRED')
    const again = await invite(api.as('A'), { email, role: 'VIEWER' })
    expect(await statusOf(again)).toBe('PENDING')
    expect(await statusOf(id)).toBe('REVOKED')
  })

  it('with one key, however often, invites once', async () => {
    const input = { email: newEmail(), role: 'STAFF', idempotencyKey: 'invite-once' }
    const answers = []
    for (let n = 0; n < 3; n += 1) answers.push((await manage(api.as('A'), INVITE, input)).invitation.id)
    expect(new Set(answers).size).toBe(1)
    expect(await inA('SELECT FROM invitations WHERE email = $1', [input.email])).toHaveLength(1)
  })

  it('ten times at once for one address, invites once', async () => {
    const email = newEmail()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => codesOf(api.as('A'), INVITE, { email, role: 'STAFF' })),
    )
    expect(answers.filter((codes) => codes.length === 0)).toHaveLength(1)
    expect(answers.flat().filter((code) => code !== 'ALREADY_INVITED')).toEqual([])
  })

  it.each(ROLES)('by %s: nobody gives more than they have', async (role) => {
    const session = api.as('A', role)
    for (const given of ROLES) {
      const answer = await session.send(INVITE, { input: { email: newEmail(), role: given } })
      if (role === 'STAFF' || role === 'VIEWER') {
        expect(answer.errors).toMatchObject([
          { code: 'FORBIDDEN', extensions: { permission: 'members:manage' } },
        ])
      } else {
        const codes = answer.data.memberInvite.userErrors.map(({ code }: { code: string }) => code)
        expect(codes).toEqual(role === 'ADMIN' && given === 'OWNER' ? ['ROLE_TOO_HIGH'] : [])
      }
    }
  })

  it('is refused where no mail is sent, without a trace', async () => {
    const { mail } = api.services
    const services = api.services as { mail: typeof mail }
    services.mail = null
    try {
      const email = newEmail()
      expect(await manage(api.as('A'), INVITE, { email, role: 'STAFF' })).toEqual({
        invitation: null,
        userErrors: [expect.objectContaining({ field: null, code: 'MAIL_NOT_AVAILABLE' })],
      })
      expect(await inA('SELECT FROM invitations WHERE email = $1', [email])).toEqual([])
      expect(
        (await api.as('A', 'STAFF').send(INVITE, { input: { email, role: 'STAFF' } })).errors,
      ).toHaveLength(1)
    } finally {
      services.mail = mail
    }
  })

  it('cross-tenant: the same person may be invited by each, and neither learns of it', async () => {
    const { email } = await invitee(api, 'A')
    await invitee(api, 'B', 'OWNER', email)
    const { invitations } = await api.as('B').data(LIST)
    expect(invitations.nodes).toMatchObject([{ email, role: 'OWNER' }])
  })

  it('so often in a day and no more', async () => {
    await asOwner(api.database, api.tenantIds.B, (owner) =>
      owner.query(
        `INSERT INTO invitations (id, email, role, status, invited_by, expires_at)
         SELECT gen_random_uuid(), 'n' || n || '@many.example', 'VIEWER', 'REVOKED', '', now() FROM generate_series(1, $1) n`,
        [INVITATIONS_PER_DAY_MAX],
      ),
    )
    expect(await codesOf(api.as('B'), INVITE, { email: newEmail(), role: 'STAFF' })).toEqual([
      'TOO_MANY_INVITATIONS',
    ])
    await asSuperuser(api.database, (admin) =>
      admin.query(`DELETE FROM invitations WHERE email LIKE '%@many.example'`),
    )
  })
})

describe('the mail', () => {
  it('says who invites, to which tenant, as what, until when, and how to accept', async () => {
    const email = newEmail()
    const id = await invite(api.as('A', 'ADMIN'), { email, role: 'STAFF', name: 'Jo' })
    await sendMail(api, 'A', id)
    const [mail] = await api.mailbox.list()
    const token = await tokenFor(api, email)
    expect(mail).toMatchObject({ to: email, subject: 'admin@anchor.example invites you to Anchor Alpha' })
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

  it('is sent by the worker, and the token in it is nowhere else: not in the queue, not in the database', async () => {
    const email = newEmail()
    const id = await invite(api.as('A'), { email, role: 'STAFF' })
    const jobs = (await queuedJobs(api, 'A')).filter(({ payload }) => payload.invitationId === uuidOf(id))
    expect(jobs).toEqual([
      { task: 'invitation.mail', payload: { tenantId: api.tenantIds.A, invitationId: uuidOf(id) } },
    ])
    const worker = await startWorker({
      url: api.database.workerUrl,
      database: api.opened,
      tasks: [invitationTask(api.services)],
      schedule: [],
      clock: systemClock,
      logger: createLogger('silent'),
      concurrency: 2,
      metrics: createMetrics(api.opened),
    })
    try {
      await eventually(async () => expect(await tokenFor(api, email)).toMatch(/^[\w-]{43}$/))
    } finally {
      await worker.stop()
    }
    const dump = await asSuperuser(api.database, async (admin) => {
      const { rows: tables } = await admin.query(
        `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
         WHERE table_schema IN ('public', 'app', 'graphile_worker') AND table_type = 'BASE TABLE'`,
      )
      const all = []
      for (const { name } of tables) all.push((await admin.query(`SELECT t::text FROM ${name} t`)).rows)
      return JSON.stringify(all)
    })
    expect(dump).toContain(email)
    expect(dump).not.toContain(await tokenFor(api, email))
  })

  it('is sent once, though its job is done twice; one that was revoked or has expired is not sent', async () => {
    const mails = async (email: string) => (await api.mailbox.list()).filter(({ to }) => to === email).length
    const { id, email } = await invitee(api, 'A')
    await sendMail(api, 'A', id)
    expect(await mails(email)).toBe(1)
    const revoked = newEmail()
    const revokedId = await invite(api.as('A'), { email: revoked, role: 'STAFF' })
    await manage(api.as('A'), REVOKE, { id: revokedId })
    await sendMail(api, 'A', revokedId)
    expect(await mails(revoked)).toBe(0)
  })

  it('that the server did not take is sent again, with a token that counts', async () => {
    const email = newEmail()
    const id = await invite(api.as('A'), { email, role: 'STAFF' })
    const failing = { ...api.services, mail: { send: () => Promise.reject(new Error('451 later')) } }
    const payload = { invitationId: uuidOf(id) }
    await expect(invitationTask(failing).run(await systemOf(api, 'A'), payload)).rejects.toThrow('451')
    await sendMail(api, 'A', id)
    const { viewer } = await api
      .asPerson('A', email)
      .send('{ viewer { permissions } }')
      .then(({ data }) => data ?? {})
    expect(viewer).toBeUndefined()
    expect(await codesOf(api.asPerson('A', email), ACCEPT, { token: await tokenFor(api, email) })).toEqual([])
  })

  it('cross-tenant: another tenant’s job does not send it', async () => {
    const email = newEmail()
    const id = await invite(api.as('A'), { email, role: 'STAFF' })
    await sendMail(api, 'B', id)
    expect(await tokenFor(api, email)).toBe(`no mail to ${email}`)
  })
})

describe('invitationRevoke', () => {
  it('ends an invitation, once', async () => {
    const { id } = await invitee(api, 'A')
    expect(await manage(api.as('A', 'ADMIN'), REVOKE, { id })).toEqual({
      invitation: { id, status: 'REVOKED' },
      userErrors: [],
    })
    expect(await manage(api.as('A', 'ADMIN'), REVOKE, { id })).toMatchObject({
      invitation: { id, status: 'REVOKED' },
      userErrors: [{ field: ['id'], code: 'NOT_PENDING' }],
    })
  })

  it('by an ADMIN does not reach an owner’s; a STAFF may not at all', async () => {
    const { id } = await invitee(api, 'A', 'OWNER')
    expect(await codesOf(api.as('A', 'ADMIN'), REVOKE, { id })).toEqual(['ROLE_TOO_HIGH'])
    expect((await api.as('A', 'STAFF').send(REVOKE, { input: { id } })).errors).toMatchObject([
      { code: 'FORBIDDEN' },
    ])
    expect(await codesOf(api.as('A'), REVOKE, { id })).toEqual([])
  })

  it('cross-tenant: another tenant’s invitation is NOT_FOUND, as one that does not exist', async () => {
    const { id } = await invitee(api, 'B')
    const answers = []
    for (const wanted of [id, `inv_${'0'.repeat(26)}`, 'nonsense', (await newMember(api, 'A')).id])
      answers.push(JSON.stringify(await manage(api.as('A'), REVOKE, { id: wanted })))
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toContain('NOT_FOUND')
  })
})

describe('the list of invitations', () => {
  it('is for those with members:read', async () => {
    for (const role of ROLES) {
      const { errors } = await api.as('A', role).send(LIST)
      expect(errors.map(({ code }) => code)).toEqual(
        role === 'OWNER' || role === 'ADMIN' ? [] : ['FORBIDDEN'],
      )
    }
  })

  it('is the latest first, and shows one that was accepted', async () => {
    const { email } = await newMember(api, 'A')
    const last = await invitee(api, 'A')
    const { invitations } = await api.as('A').data(LIST)
    expect(invitations.nodes.slice(0, 2)).toMatchObject([
      { email: last.email, status: 'PENDING' },
      { email, status: 'ACCEPTED' },
    ])
  })
})

it('somebody who was removed can be invited again', async () => {
  const { id, email } = await newMember(api, 'A')
  const { version } = await memberOf(api.as('A'), email)
  expect(await codesOf(api.as('A'), REMOVE, { id, expectedVersion: version })).toEqual([])
  expect(await codesOf(api.as('A'), INVITE, { email, role: 'VIEWER' })).toEqual([])
})
