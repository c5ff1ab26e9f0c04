// Accepting an invitation: who becomes a member, once, with which role, and who does not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROLES } from '../../../src/auth/permissions.ts'
import { type Api, emailOf, startApi } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
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
  rowsIn,
  sendMail,
  tokenFor,
  uuidOf,
} from '../../support/people.ts'
import { unique } from '../../support/unique.ts'

const NOT_VALID = { member: null, userErrors: [expect.objectContaining({ code: 'INVITATION_NOT_VALID' })] }
const NOT_A_MEMBER = [{ code: 'FORBIDDEN', message: 'You are not a member of this tenant.' }]
const TO_ACCEPT = [
  { code: 'FORBIDDEN', message: 'You are not a member of this tenant: accept your invitation.' },
]
const VIEWER = '{ viewer { member { email role } permissions } }'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const inA = (sql: string, values?: unknown[]) => rowsIn(api, 'A', sql, values)

describe('an invited person', () => {
  it.each(ROLES)('becomes a member as %s, and may at once do what the role may', async (role) => {
    const { token, session, email } = await invitee(api, 'A', role)
    const { member, userErrors } = await manage(session, ACCEPT, { token, name: 'Jo' })
    expect(userErrors).toEqual([])
    expect(member).toMatchObject({ email, name: 'Jo', role, status: 'ACTIVE', version: 1 })
    const { viewer } = await session.data(VIEWER)
    expect(viewer).toEqual({
      member: { email, role },
      permissions: (await api.as('A', role).data(VIEWER)).viewer.permissions,
    })
  })

  it('has the chosen name, or the invited one, or their address', async () => {
    const named = async (invitedAs: string | undefined, chosen: string | null | undefined) => {
      const email = newEmail()
      const name = invitedAs === undefined ? {} : { name: invitedAs }
      await sendMail(api, 'A', await invite(api.as('A'), { email, role: 'STAFF', ...name }))
      const input = { token: await tokenFor(api, email), name: chosen }
      const { member } = await manage(api.asPerson('A', email), ACCEPT, input)
      return member.name === email.split('@')[0] ? 'the address' : member.name
    }
    expect(await named('Joanna', 'Jo')).toBe('Jo')
    expect(await named('Joanna', null)).toBe('Joanna')
    expect(await named('Joanna', '  ')).toBe('Joanna')
    expect(await named(undefined, undefined)).toBe('the address')
  })

  it('can do nothing else until then, nor before the mail was sent', async () => {
    const { session, email } = await invitee(api, 'A', 'OWNER')
    for (const source of ['{ exports { totalCount } }', '{ members { totalCount } }'])
      expect((await session.send(source)).errors).toMatchObject([{ code: 'FORBIDDEN' }])
    const input = { email: newEmail(), role: 'STAFF' }
    expect((await session.send(INVITE, { input })).errors).toMatchObject([{ code: 'FORBIDDEN' }])
    expect((await session.send(VIEWER)).errors).toMatchObject(TO_ACCEPT)
    expect(await memberOf(api.as('A'), email)).toBeUndefined()
    const early = newEmail()
    await invite(api.as('A'), { email: early, role: 'STAFF' })
    expect((await api.asPerson('A', early).send(VIEWER)).errors).toMatchObject(NOT_A_MEMBER)
  })

  it('and was a member before is the same member again, with the new role', async () => {
    const { id, email } = await newMember(api, 'A', 'ADMIN')
    const { version } = await memberOf(api.as('A'), email)
    expect(await codesOf(api.as('A'), REMOVE, { id, expectedVersion: version })).toEqual([])
    const { token, session } = await invitee(api, 'A', 'VIEWER', email)
    expect((await manage(session, ACCEPT, { token })).member).toMatchObject({
      id,
      role: 'VIEWER',
      status: 'ACTIVE',
      version: version + 2,
    })
  })

  it('is in the audit, from the invitation to the member, and the token is nowhere in it', async () => {
    const { id: invitation, token, session, email } = await invitee(api, 'A', 'STAFF')
    const { member } = await manage(session, ACCEPT, { token })
    const entries = await inA(
      `SELECT action, actor_kind, actor_label, after FROM audit_entries WHERE subject_id = ANY ($1) ORDER BY id`,
      [[uuidOf(invitation), uuidOf(member.id)]],
    )
    expect(entries.map(({ action, actor_kind, actor_label }) => [action, actor_kind, actor_label])).toEqual([
      ['memberInvite', 'MEMBER', emailOf('A', 'OWNER')],
      ['invitationSend', 'SYSTEM', ''],
      ['invitationSend', 'SYSTEM', ''],
      ['invitationAccept', 'INVITED', email],
      ['invitationAccept', 'INVITED', email],
    ])
    expect(entries.slice(-2).map(({ after }) => after)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ email, role: 'STAFF', invitationId: uuidOf(invitation) }),
        { status: 'ACCEPTED' },
      ]),
    )
    expect(JSON.stringify(entries)).not.toContain(token)
  })

  it('with a key stores no token with the call', async () => {
    const { token, session } = await invitee(api, 'A')
    expect(await codesOf(session, ACCEPT, { token, idempotencyKey: 'accept' })).toEqual([])
    const kept = await inA(`SELECT k::text FROM idempotency_keys k WHERE operation = 'invitationAccept'`)
    expect(kept).toHaveLength(1)
    expect(JSON.stringify(kept)).not.toContain(token)
  })
})

describe('a token', () => {
  it('works once', async () => {
    const { token, session, email } = await invitee(api, 'A')
    expect(await codesOf(session, ACCEPT, { token })).toEqual([])
    expect(await manage(session, ACCEPT, { token })).toEqual(NOT_VALID)
    const again = await invitee(api, 'A')
    expect(await manage(again.session, ACCEPT, { token })).toEqual(NOT_VALID)
    expect(await inA('SELECT FROM members WHERE email = $1', [email])).toHaveLength(1)
  })

  it('sent again with its key is answered as before to the new member, and to no other', async () => {
    const { token, session } = await invitee(api, 'A')
    const input = { token, idempotencyKey: unique('accept') }
    const first = await manage(session, ACCEPT, input)
    expect(first.member).toMatchObject({ status: 'ACTIVE' })
    expect(await manage(session, ACCEPT, input)).toEqual(first)
    for (const other of [api.as('A', 'VIEWER'), api.as('A'), api.as('A', 'STAFF')])
      expect(await manage(other, ACCEPT, input)).toEqual(NOT_VALID)
    expect(await manage(session, ACCEPT, { ...input, name: 'Another' })).toEqual(NOT_VALID)
  })

  it('used ten times at once admits once', async () => {
    const { token, session, email } = await invitee(api, 'A')
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { data, errors } = await session.send(ACCEPT, { input: { token } })
        expect(errors).toEqual([])
        return data.invitationAccept
      }),
    )
    expect(answers.filter(({ member }) => member !== null)).toHaveLength(1)
    expect(answers.filter(({ userErrors }) => userErrors[0]?.code === 'INVITATION_NOT_VALID')).toHaveLength(9)
    expect(await inA('SELECT FROM members WHERE email = $1', [email])).toHaveLength(1)
    expect(
      await inA(
        `SELECT FROM audit_entries WHERE action = 'invitationAccept' AND subject_type = 'Member' AND actor_label = $1`,
        [email],
      ),
    ).toHaveLength(1)
  })

  it('of one person is invalid for another invited one, a member and anybody else', async () => {
    const one = await invitee(api, 'A', 'OWNER')
    const other = await invitee(api, 'A', 'VIEWER')
    expect(await manage(other.session, ACCEPT, { token: one.token })).toEqual(NOT_VALID)
    expect(await manage(api.as('A', 'VIEWER'), ACCEPT, { token: one.token })).toEqual(NOT_VALID)
    const stranger = api.asPerson('A', newEmail())
    expect((await stranger.send(ACCEPT, { input: { token: one.token } })).errors).toMatchObject(NOT_A_MEMBER)
    const [both, none] = await Promise.all([
      manage(one.session, ACCEPT, { token: one.token }),
      manage(other.session, ACCEPT, { token: one.token }),
    ])
    expect(both.member).toMatchObject({ email: one.email, role: 'OWNER' })
    expect(none).toEqual(NOT_VALID)
  })

  it('is found by the whole of it alone', async () => {
    const { token, session } = await invitee(api, 'A')
    const flipped = `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`
    for (const wrong of ['', token.slice(1), `${token} `, `${token}A`, flipped, '%', `' OR true --`])
      expect(await manage(session, ACCEPT, { token: wrong })).toEqual(NOT_VALID)
    expect(await codesOf(session, ACCEPT, { token })).toEqual([])
  })

  it('is worth nothing when it has expired', async () => {
    const { id, token, session } = await invitee(api, 'A')
    // An invited person is still cached here: the token itself must be refused.
    expect((await session.send(VIEWER)).errors).toMatchObject(TO_ACCEPT)
    await inA(`UPDATE invitations SET expires_at = now() - interval '1 ms' WHERE id = $1`, [uuidOf(id)])
    expect(await manage(session, ACCEPT, { token })).toEqual(NOT_VALID)
    api.services.sessions.forget(api.tenantIds.A)
    expect((await session.send(ACCEPT, { input: { token } })).errors).toMatchObject(NOT_A_MEMBER)
  })

  it('is invalid after the invitation was revoked, from the next request on', async () => {
    const { id, token, session } = await invitee(api, 'A')
    expect((await session.send(VIEWER)).errors).toMatchObject(TO_ACCEPT)
    await manage(api.as('A'), REVOKE, { id })
    expect((await session.send(ACCEPT, { input: { token } })).errors).toMatchObject(NOT_A_MEMBER)
  })

  it('accepted and revoked at once: one of them happens', async () => {
    for (let n = 0; n < 5; n += 1) {
      const { id, token, session, email } = await invitee(api, 'A')
      const [accepted, revoked] = await Promise.all([
        session.send(ACCEPT, { input: { token } }),
        manage(api.as('A'), REVOKE, { id }),
      ])
      const isMember = (await inA('SELECT FROM members WHERE email = $1', [email])).length === 1
      expect(isMember).toBe(Boolean(accepted.data?.invitationAccept?.member))
      expect(revoked.userErrors.map(({ code }: { code: string }) => code)).toEqual(
        isMember ? ['NOT_PENDING'] : [],
      )
    }
  })

  it('of the last mail counts, when another followed', async () => {
    const { id, token: first, session, email } = await invitee(api, 'A')
    await inA('UPDATE invitations SET sent_at = NULL WHERE id = $1', [uuidOf(id)])
    await sendMail(api, 'A', id)
    const second = await tokenFor(api, email)
    expect(second).not.toBe(first)
    expect(await manage(session, ACCEPT, { token: first })).toEqual(NOT_VALID)
    expect(await codesOf(session, ACCEPT, { token: second })).toEqual([])
  })
})

describe('cross-tenant', () => {
  it('a token of one tenant is invalid for another that also invited the person', async () => {
    const inOne = await invitee(api, 'A', 'OWNER')
    const inOther = await invitee(api, 'B', 'VIEWER', inOne.email)
    expect(await manage(inOther.session, ACCEPT, { token: inOne.token })).toEqual(NOT_VALID)
    expect(await codesOf(inOther.session, ACCEPT, { token: inOther.token })).toEqual([])
    expect((await inOther.session.data(VIEWER)).viewer.member).toMatchObject({ role: 'VIEWER' })
    expect((await inOne.session.send(VIEWER)).errors).toMatchObject(TO_ACCEPT)
    expect(await codesOf(inOne.session, ACCEPT, { token: inOne.token })).toEqual([])
  })

  it('a member of one has no access to another without an invitation', async () => {
    const { token } = await invitee(api, 'A')
    const { email } = await newMember(api, 'B', 'OWNER')
    const session = api.asPerson('A', email)
    expect((await session.send(ACCEPT, { input: { token } })).errors).toMatchObject(NOT_A_MEMBER)
  })

  it('in a suspended tenant accepting is refused', async () => {
    const { token, session } = await invitee(api, 'B')
    const suspend = (status: string) =>
      asSuperuser(api.database, (admin) =>
        admin.query(`UPDATE app.tenant_directory SET status = $1 WHERE slug = 'bollard'`, [status]),
      )
    await suspend('SUSPENDED')
    try {
      api.services.sessions.forget(api.tenantIds.B)
      expect((await session.send(ACCEPT, { input: { token } })).errors).toMatchObject([
        { code: 'FORBIDDEN', message: 'this tenant is suspended' },
      ])
    } finally {
      await suspend('ACTIVE')
      api.services.sessions.forget(api.tenantIds.B)
    }
  })
})
