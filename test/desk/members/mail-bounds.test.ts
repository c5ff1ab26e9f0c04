// Invitations cannot be used for spam: the mail's content, over SMTP; the number of mails to one person over all
// tenants; and the pause after a revocation.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PAUSE_AFTER_REVOCATION_MS } from '../../../src/desk/members/invitation.ts'
import { invitationTask } from '../../../src/desk/members/send-invitation.ts'
import { createSmtpMailer } from '../../../src/mail/smtp.ts'
import { type Api, startApi, type TenantKey } from '../../support/api.ts'
import { asRuntime, asSuperuser } from '../../support/database.ts'
import { codesOf, INVITE, invite, manage, newEmail, REVOKE, rowsIn, uuidOf } from '../../support/people.ts'
import { headersOf, type SmtpServer, startSmtpServer, textOf } from '../../support/smtp-server.ts'
import { queuedJobs, systemOf } from '../../support/system.ts'

const MAILS_PER_DAY_MAX = 5

let api: Api
let server: SmtpServer
beforeAll(async () => {
  api = await startApi()
  server = await startSmtpServer()
})
afterAll(async () => {
  await server?.close()
  await api?.close()
})
beforeEach(async () => {
  server.mails.length = 0
  await asSuperuser(api.database, (admin) => admin.query('DELETE FROM app.mailed_recipients'))
})

/** Runs the mail job of an invitation, by SMTP. */
async function send(tenant: TenantKey, id: string): Promise<void> {
  const mail = createSmtpMailer({ url: server.url, from: 'Shop <mail@shop.example>', requireTls: false })
  await invitationTask({ ...api.services, mail }).run(await systemOf(api, tenant), {
    invitationId: uuidOf(id),
  })
}

/** A mailed invitation that leaves room for another to the same address. */
async function mailTo(tenant: TenantKey, email: string): Promise<string> {
  const id = await invite(api.as(tenant), { email, role: 'STAFF' })
  await send(tenant, id)
  await rowsIn(api, tenant, `UPDATE invitations SET expires_at = now() - interval '1 s' WHERE id = $1`, [
    uuidOf(id),
  ])
  return id
}

describe('what a mail says', () => {
  const BAIT = 'Win at https://evil.example/win'

  it.each([
    ['a link in a tenant’s name', 'A', BAIT, 'Jo'],
    ['a domain in a tenant’s name', 'A', 'evil.example', 'Jo'],
    ['lines in a tenant’s name', 'A', 'Shop\r\nBcc: thief@evil.example\r\n\r\nhttps://evil.example', 'Jo'],
    ['a link in a person’s name', 'A', 'Anchor Alpha', BAIT],
    ['a name that turns the text around', 'A', 'Anchor \u202Eelpmaxe.live', 'Jo'],
    ['a page of text for a name', 'A', 'Call us now '.repeat(20), 'Jo'],
  ] as const)('%s, stored before there was a rule, is not in it', async (_what, tenant, name, called) => {
    await rowsIn(api, tenant, 'UPDATE tenants SET name = $1', [name])
    try {
      const email = newEmail()
      const id = await invite(api.as(tenant), { email, role: 'STAFF' })
      await rowsIn(api, tenant, 'UPDATE invitations SET name = $2 WHERE id = $1', [uuidOf(id), called])
      await send(tenant, id)
      const [mail] = server.mails
      if (mail === undefined) throw new Error('no mail came')
      expect(server.mails).toHaveLength(1)
      expect(mail.to).toEqual([email])
      const headers = headersOf(mail)
      expect(headers.filter((line) => /^(to|cc|bcc|subject|from):/i.test(line))).toHaveLength(3)
      expect(headers.join('\n')).toMatch(/^Content-Type: text\/plain; charset=utf-8$/m)
      const said = `${headers.join('\n')}\n${textOf(mail)}`
      expect(said).not.toMatch(/evil|thief|elpmaxe|\u202E/)
      expect(said.match(/https?:\/\/[^\s#]+/g)).toEqual(['https://join.example/accept'])
      expect(said.match(/Call us now/g)?.length ?? 0).toBeLessThanOrEqual(12)
      expect(textOf(mail).length).toBeLessThan(2_000)
    } finally {
      await rowsIn(api, tenant, `UPDATE tenants SET name = 'Anchor Alpha'`)
    }
  })

  it('such names are refused where they are given', async () => {
    const invited = await manage(api.as('A'), INVITE, { email: newEmail(), role: 'STAFF', name: BAIT })
    expect(invited.userErrors).toMatchObject([{ field: ['name'], code: 'FORMAT' }])
    const { tenantUpdate } = await api
      .as('A')
      .data(
        'mutation ($name: String!) { tenantUpdate(input: { expectedVersion: 1, name: $name }) { tenant { name } userErrors { field code } } }',
        { name: 'evil.example' },
      )
    expect(tenantUpdate).toEqual({ tenant: null, userErrors: [{ field: ['name'], code: 'FORMAT' }] })
  })

  it('a key that calls itself by an address is not shown by it', async () => {
    const id = await invite(api.as('A'), { email: newEmail(), role: 'STAFF' })
    await rowsIn(
      api,
      'A',
      `UPDATE invitations SET invited_by = 'ceo@bank.example', invited_by_id = gen_random_uuid() WHERE id = $1`,
      [uuidOf(id)],
    )
    await send('A', id)
    expect(server.mails[0] && textOf(server.mails[0])).toContain('A program invites you')
    expect(server.mails[0]?.data).not.toContain('bank.example')
  })
})

describe('one person', () => {
  it('gets a bounded number of mails a day over all tenants; more wait, and their inviters see no difference', async () => {
    const email = newEmail()
    const [local, domain] = email.split('@')
    for (let n = 0; n < MAILS_PER_DAY_MAX; n += 1)
      await mailTo(n % 2 === 0 ? 'A' : 'B', n === 3 ? `${local}+tag@${domain}` : email)
    expect(server.mails).toHaveLength(MAILS_PER_DAY_MAX)
    const answers = []
    for (const tenant of ['A', 'B'] as const) {
      const answer = await manage(api.as(tenant), INVITE, { email, role: 'STAFF' })
      const fresh = await manage(api.as(tenant), INVITE, { email: newEmail(), role: 'STAFF' })
      expect(Object.keys(answer.invitation)).toEqual(Object.keys(fresh.invitation))
      expect([answer.userErrors, answer.invitation.status, answer.invitation.sentAt]).toEqual([
        fresh.userErrors,
        fresh.invitation.status,
        fresh.invitation.sentAt,
      ])
      await send(tenant, answer.invitation.id)
      answers.push([tenant, answer.invitation.id] as const)
    }
    expect(server.mails).toHaveLength(MAILS_PER_DAY_MAX)
    for (const [tenant, id] of answers) {
      const [row] = await rowsIn(api, tenant, 'SELECT token_hash, sent_at FROM invitations WHERE id = $1', [
        uuidOf(id),
      ])
      expect(row).toEqual({ token_hash: null, sent_at: null })
      const waiting = (await queuedJobs(api, tenant)).filter(
        ({ payload }) => payload.invitationId === uuidOf(id),
      )
      expect(waiting).toHaveLength(1)
    }
    // They are sent a day later.
    await asSuperuser(api.database, (admin) =>
      admin.query(`UPDATE app.mailed_recipients SET mailed_at = mailed_at - interval '1 day'`),
    )
    for (const [tenant, id] of answers) await send(tenant, id)
    expect(server.mails).toHaveLength(MAILS_PER_DAY_MAX + 2)
    const { rows } = await asSuperuser(api.database, (admin) =>
      admin.query('SELECT count(*)::int AS kept FROM app.mailed_recipients'),
    )
    expect(rows).toEqual([{ kept: 2 }])
  })

  it('is one person with the domain in Unicode and in ASCII', async () => {
    const [name] = newEmail().split('@')
    const spellings = [`${name}@münchen.example`, `${name}@xn--mnchen-3ya.example`] as const
    for (let n = 0; n <= MAILS_PER_DAY_MAX; n += 1) await mailTo('A', spellings[n % 2 === 0 ? 0 : 1])
    expect(server.mails).toHaveLength(MAILS_PER_DAY_MAX)
    const id = await invite(api.as('B'), { email: spellings[0], role: 'STAFF' })
    await manage(api.as('B'), REVOKE, { id })
    expect(await codesOf(api.as('B'), INVITE, { email: spellings[1], role: 'STAFF' })).toEqual([
      'RECENTLY_REVOKED',
    ])
  })

  it.each([
    'one@\uFF50eople.example',
    'one@people\u3002example',
    'one@people\uFF0Eexample',
    'one@people\uFF61example',
    'one@people.example.',
  ])('is not invited as %s, which mail software takes for one@people.example', async (email) => {
    expect(await codesOf(api.as('A'), INVITE, { email, role: 'STAFF' })).toEqual(['FORMAT'])
  })

  it('a mail that the server took late counts once', async () => {
    const email = newEmail()
    const id = await invite(api.as('A'), { email, role: 'STAFF' })
    server.refuse({ at: 'END', reply: '451 4.3.0 later' })
    for (let n = 0; n < MAILS_PER_DAY_MAX + 1; n += 1) await expect(send('A', id)).rejects.toThrow('451')
    server.refuse(null)
    await send('A', id)
    expect(server.mails).toHaveLength(1)
  })

  it('ten tenants’ jobs at once send no more than the bound', async () => {
    const email = newEmail()
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        asRuntime(api.database, api.tenantIds[n % 2 === 0 ? 'A' : 'B'], async (client) => {
          const { rows } = await client.query('SELECT app.claim_mail($1, gen_random_uuid()) AS may', [email])
          return rows[0].may
        }),
      ),
    )
    expect(claims.filter(Boolean)).toHaveLength(MAILS_PER_DAY_MAX)
  })

  it('cross-tenant: only a job of the system gets an answer', async () => {
    const ask = (tenant: string | null, sql: string, writes?: string) =>
      asRuntime(api.database, tenant, (client) => client.query(sql), writes)
    const claim = `SELECT app.claim_mail('a@x.example', gen_random_uuid())`
    await expect(ask(api.tenantIds.A, claim, 'members:manage,tenant:manage')).rejects.toThrow(
      'permission to write',
    )
    await expect(ask(null, claim)).rejects.toThrow('no tenant in scope')
    await expect(ask(api.tenantIds.A, 'SELECT * FROM app.mailed_recipients')).rejects.toThrow(
      'permission denied',
    )
    await asRuntime(api.database, api.tenantIds.A, (client) => client.query(claim))
    const { rows } = await asSuperuser(api.database, (admin) =>
      admin.query('SELECT t::text AS row FROM app.mailed_recipients t'),
    )
    expect(JSON.stringify(rows)).not.toContain('x.example')
  })
})

describe('after a revocation', () => {
  it('the address is not mailed for a while by this tenant, and no other finds out', async () => {
    const email = newEmail()
    const id = await invite(api.as('A'), { email, role: 'STAFF' })
    await manage(api.as('A'), REVOKE, { id })
    expect(await codesOf(api.as('A'), INVITE, { email: email.toUpperCase(), role: 'STAFF' })).toEqual([
      'RECENTLY_REVOKED',
    ])
    expect(await codesOf(api.as('B'), INVITE, { email, role: 'STAFF' })).toEqual([])
    await rowsIn(
      api,
      'A',
      'UPDATE invitations SET updated_at = updated_at - make_interval(secs => $2) WHERE id = $1',
      [uuidOf(id), PAUSE_AFTER_REVOCATION_MS / 1_000],
    )
    expect(await codesOf(api.as('A'), INVITE, { email, role: 'STAFF' })).toEqual([])
  })

  it('an expired one that only made room does not count as revoked', async () => {
    const email = newEmail()
    await mailTo('A', email)
    const again = await invite(api.as('A'), { email, role: 'STAFF' })
    await rowsIn(api, 'A', `UPDATE invitations SET expires_at = now() - interval '1 s' WHERE id = $1`, [
      uuidOf(again),
    ])
    expect(await codesOf(api.as('A'), INVITE, { email, role: 'STAFF' })).toEqual([])
  })
})
