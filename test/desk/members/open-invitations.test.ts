// An invitation depends on its sender's authority: it ends with that, by any SQL, unless an owner takes it over.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissionsOf, ROLES, type Role } from '../../../src/auth/permissions.ts'
import { type Api, emailOf, type Session, startApi } from '../../support/api.ts'
import { asOwner, asRuntime } from '../../support/database.ts'
import { makeKey, REVOKE as REVOKE_KEY } from '../../support/keys.ts'
import {
  ACCEPT,
  CHANGE_ROLE,
  codesOf,
  invite,
  manage,
  newEmail,
  newMember,
  REMOVE,
  rowsIn,
  sendMail,
  tokenFor,
  uuidOf,
} from '../../support/people.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

interface Sent {
  id: string
  email: string
  token: string
}

/** An open invitation, mailed. */
async function sentBy(session: Pick<Session, 'data'>, role: Role): Promise<Sent> {
  const email = newEmail()
  const id = await invite(session as Session, { email, role })
  await sendMail(api, 'A', id)
  return { id, email, token: await tokenFor(api, email) }
}

const accept = ({ email, token }: Sent) => codesOf(api.asPerson('A', email), ACCEPT, { token })
const statusOf = async ({ id }: Sent) =>
  (await rowsIn(api, 'A', 'SELECT status, invited_by FROM invitations WHERE id = $1', [uuidOf(id)]))[0]
const auditOf = async ({ id }: Sent) =>
  await rowsIn(
    api,
    'A',
    `SELECT action, actor_label, after FROM audit_entries
     WHERE subject_id = $1 AND action NOT IN ('memberInvite', 'invitationSend') ORDER BY id`,
    [uuidOf(id)],
  )
const NOT_VALID = ['INVITATION_NOT_VALID']
const owner = () => api.as('A')

describe('when a member is removed', () => {
  it('all their invitations end with them, in one transaction, and are audited', async () => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const sent = [await sentBy(admin.session, 'VIEWER'), await sentBy(admin.session, 'ADMIN')]
    const others = await sentBy(owner(), 'STAFF')
    expect(await codesOf(owner(), REMOVE, { id: admin.id, expectedVersion: 1 })).toEqual([])
    for (const one of sent) {
      expect(await statusOf(one)).toMatchObject({ status: 'REVOKED' })
      expect(await auditOf(one)).toMatchObject([
        { action: 'memberRemove', actor_label: emailOf('A', 'OWNER'), after: { status: 'REVOKED' } },
      ])
      expect((await api.asPerson('A', one.email).send('{ viewer { permissions } }')).errors).toMatchObject([
        { message: 'You are not a member of this tenant.' },
      ])
    }
    expect(await accept(others), 'of somebody who stayed').toEqual([])
  })

  it('so does what a key of theirs invited to', async () => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const { secret } = await makeKey(admin.session, [...permissionsOf('ADMIN')])
    const sent = await sentBy(api.bearing(secret), 'STAFF')
    expect(await codesOf(owner(), REMOVE, { id: admin.id, expectedVersion: 1 })).toEqual([])
    expect(await statusOf(sent)).toMatchObject({ status: 'REVOKED' })
    expect(await auditOf(sent)).toHaveLength(1)
  })

  it('an owner takes them over, and they end with that owner', async () => {
    const second = await newMember(api, 'A', 'OWNER')
    const admin = await newMember(api, 'A', 'ADMIN')
    const { secret } = await makeKey(admin.session, [...permissionsOf('ADMIN')])
    const [first, last] = [await sentBy(admin.session, 'STAFF'), await sentBy(api.bearing(secret), 'STAFF')]
    const keep = { id: admin.id, expectedVersion: 1, keepInvitations: true }
    expect(await codesOf(second.session, REMOVE, keep)).toEqual([])
    for (const one of [first, last]) {
      expect(await statusOf(one)).toEqual({ status: 'PENDING', invited_by: second.email })
      expect(await auditOf(one)).toMatchObject([{ after: { invitedBy: second.email } }])
    }
    expect(await accept(first)).toEqual([])
    expect(await codesOf(owner(), REMOVE, { id: second.id, expectedVersion: 1 })).toEqual([])
    expect(await statusOf(last)).toMatchObject({ status: 'REVOKED' })
  })

  it('neither another member nor a leaving owner takes them over: nothing is changed', async () => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const leaving = await newMember(api, 'A', 'OWNER')
    const sent = await sentBy(admin.session, 'STAFF')
    const keep = { expectedVersion: 1, keepInvitations: true }
    expect(await codesOf(api.as('A', 'ADMIN'), REMOVE, { id: admin.id, ...keep })).toEqual(['ROLE_TOO_HIGH'])
    expect(await codesOf(leaving.session, REMOVE, { id: leaving.id, ...keep })).toEqual(['ROLE_TOO_HIGH'])
    expect(await statusOf(sent)).toEqual({ status: 'PENDING', invited_by: admin.email })
    expect(await accept(sent)).toEqual([])
  })
})

describe('when a member gets a lower role', () => {
  it.each([
    ['OWNER', 'ADMIN', ['OWNER']],
    ['OWNER', 'STAFF', ['OWNER', 'ADMIN', 'VIEWER']],
    ['ADMIN', 'STAFF', ['ADMIN', 'VIEWER']],
    ['ADMIN', 'VIEWER', ['ADMIN', 'VIEWER']],
    ['ADMIN', 'OWNER', []],
  ] as const)('%s → %s: ends %j', async (from, to, ended) => {
    const member = await newMember(api, 'A', from)
    const roles = (['OWNER', 'ADMIN', 'VIEWER'] as const).filter(
      (role) => ROLES.indexOf(role) >= ROLES.indexOf(from),
    )
    const sent = await Promise.all(
      roles.map(async (role) => [role, await sentBy(member.session, role)] as const),
    )
    expect(await codesOf(owner(), CHANGE_ROLE, { id: member.id, expectedVersion: 1, role: to })).toEqual([])
    for (const [role, one] of sent) {
      const isEnded = (ended as readonly Role[]).includes(role)
      expect(await statusOf(one), role).toMatchObject({ status: isEnded ? 'REVOKED' : 'PENDING' })
      if (!isEnded) expect(await accept(one), role).toEqual([])
    }
  })

  it('the roles that the database’s trigger names are those that may invite', () => {
    const inviting = ROLES.filter((role) => permissionsOf(role).has('members:manage'))
    expect(inviting).toEqual(['OWNER', 'ADMIN'])
  })
})

describe('when a key is revoked', () => {
  it('its invitations, and those of a key that it made, end with it', async () => {
    const made = await makeKey(owner(), [...permissionsOf('ADMIN')])
    const child = await makeKey(api.bearing(made.secret) as Session, [...permissionsOf('ADMIN')])
    const sent = [
      await sentBy(api.bearing(made.secret), 'STAFF'),
      await sentBy(api.bearing(child.secret), 'STAFF'),
    ]
    expect(await codesOf(owner(), REVOKE_KEY, { id: made.id })).toEqual([])
    for (const one of sent) {
      expect(await statusOf(one)).toMatchObject({ status: 'REVOKED' })
      expect(await auditOf(one)).toMatchObject([{ action: 'apiKeyRevoke' }])
    }
  })
})

describe('the second wall', () => {
  const behind = (sql: string, values: unknown[]) =>
    asRuntime(api.database, api.tenantIds.A, (client) => client.query(sql, values), 'members:manage')

  it.each([
    `UPDATE members SET role = 'VIEWER' WHERE email = $1`,
    `UPDATE members SET status = 'REMOVED' WHERE email = $1`,
  ])('raw SQL ends them too: %s', async (sql) => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const sent = await sentBy(admin.session, 'STAFF')
    await behind(sql, [admin.email])
    expect(await statusOf(sent)).toMatchObject({ status: 'REVOKED' })
  })

  it.each([
    `UPDATE members SET role = 'STAFF' WHERE email = $1`,
    `UPDATE members SET status = 'REMOVED' WHERE email = $1`,
  ])('and those of the keys that come from the member, which are not revoked by it: %s', async (sql) => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const made = await makeKey(admin.session, [...permissionsOf('ADMIN')])
    const child = await makeKey(api.bearing(made.secret) as Session, [...permissionsOf('ADMIN')])
    const sent = [
      await sentBy(api.bearing(made.secret), 'STAFF'),
      await sentBy(api.bearing(child.secret), 'STAFF'),
    ]
    const others = await sentBy(owner(), 'STAFF')
    await behind(sql, [admin.email])
    for (const one of sent) expect(await statusOf(one)).toMatchObject({ status: 'REVOKED' })
    expect(await statusOf(others)).toMatchObject({ status: 'PENDING' })
  })

  it('accepting checks the sender again: where no trigger ran, it is not valid', async () => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const [first, last] = [await sentBy(admin.session, 'ADMIN'), await sentBy(admin.session, 'STAFF')]
    const { secret, id } = await makeKey(owner(), [...permissionsOf('ADMIN')])
    const byKey = await sentBy(api.bearing(secret), 'STAFF')
    await asOwner(api.database, api.tenantIds.A, async (client) => {
      await client.query('ALTER TABLE members DISABLE TRIGGER members_end_invitations')
      await client.query('ALTER TABLE api_keys DISABLE TRIGGER api_keys_end_invitations')
      await client.query(`UPDATE members SET status = 'REMOVED' WHERE email = $1`, [admin.email])
      await client.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [uuidOf(id)])
      await client.query('ALTER TABLE members ENABLE TRIGGER members_end_invitations')
      await client.query('ALTER TABLE api_keys ENABLE TRIGGER api_keys_end_invitations')
    })
    for (const one of [first, last, byKey]) {
      expect(await statusOf(one)).toMatchObject({ status: 'PENDING' })
      expect(await accept(one)).toEqual(NOT_VALID)
      expect(await statusOf(one), 'and is not used up').toMatchObject({ status: 'PENDING' })
    }
  })

  it('accepting while the inviter is removed: never a new member after the removal', async () => {
    for (let round = 0; round < 5; round += 1) {
      const admin = await newMember(api, 'A', 'ADMIN')
      const sent = await sentBy(admin.session, 'STAFF')
      const [accepted, removed] = await Promise.all([
        manage(api.asPerson('A', sent.email), ACCEPT, { token: sent.token }),
        codesOf(owner(), REMOVE, { id: admin.id, expectedVersion: 1 }),
      ])
      expect(removed).toEqual([])
      const { status } = await statusOf(sent)
      expect(status).toBe(accepted.member === null ? 'REVOKED' : 'ACCEPTED')
      if (accepted.member === null) continue
      const [order] = await rowsIn(
        api,
        'A',
        `SELECT (SELECT recorded_at FROM audit_entries WHERE action = 'invitationAccept' AND subject_id = $1)
           <= (SELECT max(recorded_at) FROM audit_entries WHERE action = 'memberRemove' AND subject_id = $2) AS in_time`,
        [uuidOf(accepted.member.id), uuidOf(admin.id)],
      )
      expect(order).toEqual({ in_time: true })
    }
  })

  it('cross-tenant: ends nothing of another tenant', async () => {
    const sent = await invite(api.as('B'), { email: newEmail(), role: 'STAFF' })
    const admin = await newMember(api, 'A', 'ADMIN')
    await asOwner(api.database, api.tenantIds.B, (client) =>
      client.query('UPDATE invitations SET invited_by_id = $1 WHERE id = $2', [
        uuidOf(admin.id),
        uuidOf(sent),
      ]),
    )
    expect(await codesOf(owner(), REMOVE, { id: admin.id, expectedVersion: 1 })).toEqual([])
    const [row] = await rowsIn(api, 'B', 'SELECT status FROM invitations WHERE id = $1', [uuidOf(sent)])
    expect(row).toEqual({ status: 'PENDING' })
  })
})
