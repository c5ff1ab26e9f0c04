// Inviting by e-mail, revoking an invitation, and their list.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissionsOf, ROLES, type Role } from '../../../src/auth/permissions.ts'
import { newApiKey } from '../../../src/core/api-key.ts'
import { newId } from '../../../src/core/ids.ts'
import { INVITATIONS_PER_DAY_MAX } from '../../../src/desk/members/invite-member.ts'
import { type Api, type Data, emailOf, startApi } from '../../support/api.ts'
import { asOwner, asSuperuser } from '../../support/database.ts'
import {
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
  uuidOf,
} from '../../support/people.ts'

const DAYS_MS = 24 * 3_600_000
const LIST = '{ invitations(first: 100) { totalCount nodes { id email role status sentAt } } }'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const inA = (sql: string, values?: unknown[]) => rowsIn(api, 'A', sql, values)

describe('memberInvite', () => {
  it('makes an invitation that is open for seven days, and names the inviter', async () => {
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

  it('reports every problem at once', async () => {
    const { invitation, userErrors } = await manage(api.as('A'), INVITE, {
      email: 'a@x.example, b@x.example',
      role: 'STAFF',
      name: 'Jo\r\nBcc: c@x.example',
    })
    expect(invitation).toBeNull()
    expect(userErrors).toEqual([
      { field: ['email'], message: 'this is not an e-mail address', code: 'FORMAT' },
      { field: ['name'], message: 'a name is one line of text', code: 'FORMAT' },
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

  it('by an API key: gives no more than the key has, and fails when it was revoked', async () => {
    const keyOf = async (permissions: readonly string[]) => {
      const { secret, hash, hint } = newApiKey('test', api.tenantIds.A)
      const id = newId()
      await inA(
        `INSERT INTO api_keys (id, name, hint, hash, permissions, created_by) VALUES ($1, $2, $3, $4, $5, '')`,
        [id, 'Desk\r\nBcc: x@x.example', hint, Buffer.from(hash), permissions],
      )
      return { id, secret }
    }
    const inviteAs = async (secret: string, role: Role) => {
      const query = INVITE.replace(/invitation \{[^}]*\}/, 'invitation { id invitedBy }')
      const response = await fetch(`${api.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify({ query, variables: { input: { email: newEmail(), role } } }),
      })
      // The server's answer; its shape is the document's.
      const { data, errors = [] } = (await response.json()) as {
        data: Data
        errors?: { extensions: { code: string } }[]
      }
      const codes = data?.memberInvite?.userErrors.map(({ code }: { code: string }) => code) ?? []
      return [...codes, ...errors.map(({ extensions }) => extensions.code)]
    }
    const staff = await keyOf([...permissionsOf('STAFF'), 'members:read', 'members:manage'])
    for (const [role, codes] of [
      ['VIEWER', []],
      ['STAFF', []],
      ['ADMIN', ['ROLE_TOO_HIGH']],
      ['OWNER', ['ROLE_TOO_HIGH']],
    ] as const)
      expect([role, await inviteAs(staff.secret, role)]).toEqual([role, codes])
    const bare = await keyOf(['members:read', 'members:manage'])
    expect(await inviteAs(bare.secret, 'VIEWER')).toEqual(['ROLE_TOO_HIGH'])
    const clerk = await keyOf([...permissionsOf('STAFF')])
    expect(await inviteAs(clerk.secret, 'VIEWER')).toEqual(['FORBIDDEN'])
    // The key is still cached here: the change itself must be refused.
    await inA('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [staff.id])
    expect(await inviteAs(staff.secret, 'VIEWER')).toEqual(['FORBIDDEN'])
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

  it('cross-tenant: the same person may be invited by each, and neither finds out', async () => {
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

it('a removed member can be invited again', async () => {
  const { id, email } = await newMember(api, 'A')
  const { version } = await memberOf(api.as('A'), email)
  expect(await codesOf(api.as('A'), REMOVE, { id, expectedVersion: version })).toEqual([])
  expect(await codesOf(api.as('A'), INVITE, { email, role: 'VIEWER' })).toEqual([])
})
