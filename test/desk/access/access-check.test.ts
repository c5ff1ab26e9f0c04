// The query that explains a permission: role, list, status, and missing objects; within one tenant.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../../src/auth/command-context.ts'
import {
  PERMISSIONS,
  permissionsOf,
  ROLES,
  type Role,
  supportPermissions,
  writesOf,
} from '../../../src/auth/permissions.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { checkAccess } from '../../../src/desk/access/check-access.ts'
import { type Api, emailOf, type Session, startApi, type TenantKey } from '../../support/api.ts'
import { asOwner } from '../../support/database.ts'
import { askWithKey, makeKey, REVOKE } from '../../support/keys.ts'
import { invitee } from '../../support/people.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const CHECK = `query ($subject: ID, $permission: String!, $id: ID) {
  accessCheck(subject: $subject, permission: $permission, id: $id) { allowed reasons { code message } }
}`
type Question = { subject?: string; permission: string; id?: string }
type Reason = { code: string; message: string }

const check = async (question: Question, session: Session = api.as('A', 'ADMIN')) =>
  (await session.data(CHECK, question)).accessCheck as { allowed: boolean; reasons: Reason[] }
/** `allowed: GRANTED`, as one text. */
const told = async (question: Question, session?: Session) => {
  const { allowed, reasons } = await check(question, session)
  return `${allowed}: ${reasons.map(({ code }) => code).join(', ')}`
}
const memberId = async (tenant: TenantKey, role: Role) =>
  (await api.as(tenant, role).data('{ viewer { member { id } } }')).viewer.member.id as string
const asTenant = (sql: string, values: unknown[]) =>
  asOwner(api.database, api.tenantIds.A, (owner) => owner.query(sql, values))

describe('a member', () => {
  it.each(ROLES)(
    '%s may do what the role has, and for the rest the answer names the roles that may',
    async (role) => {
      const subject = await memberId('A', role)
      for (const permission of PERMISSIONS) {
        const held = permissionsOf(role).has(permission)
        expect(await told({ subject, permission }), permission).toBe(
          held ? 'true: GRANTED' : 'false: ROLE_LACKS',
        )
      }
    },
  )

  it('gets a helpful explanation', async () => {
    const subject = await memberId('A', 'VIEWER')
    expect((await check({ subject, permission: 'things:read' })).reasons).toEqual([
      { code: 'GRANTED', message: 'by the role VIEWER' },
    ])
    expect((await check({ subject, permission: 'things:refund' })).reasons).toEqual([
      { code: 'ROLE_LACKS', message: 'VIEWER lacks things:refund: OWNER, ADMIN may' },
    ])
  })

  it('a removed member may do nothing, and every reason is given at once', async () => {
    const subject = await memberId('A', 'STAFF')
    await asTenant(`UPDATE members SET status = 'REMOVED' WHERE email = $1`, [emailOf('A', 'STAFF')])
    try {
      expect(await told({ subject, permission: 'things:write' })).toBe('false: MEMBER_REMOVED')
      expect(await told({ subject, permission: 'tenant:manage', id: encodeId('inv', newId()) })).toBe(
        'false: MEMBER_REMOVED, ROLE_LACKS, NOT_FOUND',
      )
    } finally {
      await asTenant(`UPDATE members SET status = 'ACTIVE' WHERE email = $1`, [emailOf('A', 'STAFF')])
    }
  })

  it('is read from the database, not from the identity cache', async () => {
    const subject = await memberId('A', 'STAFF')
    await asTenant(`UPDATE members SET role = 'VIEWER' WHERE email = $1`, [emailOf('A', 'STAFF')])
    try {
      expect(await told({ subject, permission: 'things:write' })).toBe('false: ROLE_LACKS')
    } finally {
      await asTenant(`UPDATE members SET role = 'STAFF' WHERE email = $1`, [emailOf('A', 'STAFF')])
    }
  })

  it('agrees with what the API then does', async () => {
    const subject = await memberId('A', 'ADMIN')
    for (const [permission, source] of [
      ['members:read', '{ members { totalCount } }'],
      ['keys:manage', '{ apiKeys { totalCount } }'],
      ['tenant:manage', '{ exports { totalCount } }'],
    ] as const) {
      const { errors } = await api.as('A', 'ADMIN').send(source)
      expect((await check({ subject, permission })).allowed).toBe(errors.length === 0)
    }
  })
})

describe('a key', () => {
  it('may do what its list permits', async () => {
    const { id: subject } = await makeKey(api.as('A'), ['things:read'])
    expect(await told({ subject, permission: 'things:read' })).toBe('true: GRANTED')
    expect((await check({ subject, permission: 'things:write' })).reasons).toEqual([
      {
        code: 'KEY_LACKS',
        message: "the key's list lacks things:write: it never changes, so make another key",
      },
    ])
  })

  it('that was revoked, or has expired, may do nothing, and the answer says since when', async () => {
    const revoked = await makeKey(api.as('A'), ['things:read'])
    const { apiKeyRevoke } = await api.as('A').data(REVOKE, { input: { id: revoked.id } })
    expect((await check({ subject: revoked.id, permission: 'things:read' })).reasons).toEqual([
      { code: 'KEY_REVOKED', message: `this key was revoked at ${apiKeyRevoke.apiKey.revokedAt}` },
    ])
    const expired = await makeKey(api.as('A'), ['things:read'])
    await asTenant(`UPDATE api_keys SET expires_at = '2020-01-01T00:00:00Z' WHERE hint = $1`, [
      expired.secret.slice(-4),
    ])
    expect((await check({ subject: expired.id, permission: 'things:write' })).reasons).toEqual([
      { code: 'KEY_EXPIRED', message: 'this key expired at 2020-01-01T00:00:00.000Z' },
      {
        code: 'KEY_LACKS',
        message: "the key's list lacks things:write: it never changes, so make another key",
      },
    ])
  })

  it('may do no more than its maker, and the answer names the maker’s role', async () => {
    const { id: subject } = await makeKey(api.as('A', 'ADMIN'), ['members:manage'])
    await asTenant(`UPDATE members SET role = 'STAFF' WHERE email = $1`, [emailOf('A', 'ADMIN')])
    api.services.sessions.forget(api.tenantIds.A)
    try {
      const { allowed, reasons } = await check(
        { subject, permission: 'members:manage' },
        api.as('A', 'OWNER'),
      )
      expect(allowed).toBe(false)
      expect(reasons).toEqual([
        {
          code: 'KEY_MAKER_LACKS',
          message: 'the key was made by STAFF, who lacks members:manage: OWNER, ADMIN may',
        },
      ])
    } finally {
      await asTenant(`UPDATE members SET role = 'ADMIN' WHERE email = $1`, [emailOf('A', 'ADMIN')])
      api.services.sessions.forget(api.tenantIds.A)
    }
  })

  it('may ask about itself, but about no other key without keys:manage', async () => {
    const { secret, id } = await makeKey(api.as('A'), ['members:read'])
    const other = await makeKey(api.as('A'), ['things:read'])
    const ask = (variables: Record<string, unknown>) =>
      askWithKey({ url: api.url, secret, source: CHECK, variables })
    for (const variables of [{ permission: 'members:read' }, { permission: 'members:read', subject: id }])
      expect((await ask(variables)).data.accessCheck.allowed).toBe(true)
    // Whether the key exists or not.
    for (const subject of [other.id, encodeId('key', newId())]) {
      const { errors } = await ask({ permission: 'things:read', subject })
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'keys:manage' } }])
    }
  })
})

describe('an object', () => {
  it('that exists does not change the answer', async () => {
    const { id } = await invitee(api, 'A')
    expect(await told({ permission: 'members:manage', id })).toBe('true: GRANTED')
  })

  it('cross-tenant: of another tenant, absent or with a malformed id gets the same answer', async () => {
    const { id: foreign } = await invitee(api, 'B')
    const answers = []
    for (const id of [foreign, encodeId('inv', newId()), 'inv_x', '', 'nonsense'])
      answers.push(await check({ permission: 'members:read', id }))
    for (const answer of answers)
      expect(answer).toEqual({
        allowed: false,
        reasons: [{ code: 'NOT_FOUND', message: 'there is no such object' }],
      })
  })
})

describe('a missing subject', () => {
  it('cross-tenant: another tenant’s member or key gets the same answer as an absent one', async () => {
    const foreignKey = await makeKey(api.as('B'), ['things:read'])
    const foreign = [await memberId('B', 'OWNER'), foreignKey.id]
    const absent = [encodeId('mem', newId()), encodeId('key', newId()), 'mem_x', 'key_x', '']
    const expected = {
      allowed: false,
      reasons: [{ code: 'NOT_FOUND', message: 'there is no such member or key' }],
    }
    for (const subject of [...foreign, ...absent])
      expect(await check({ subject, permission: 'things:read' }), subject).toEqual(expected)
  })
})

describe('the platform’s people', () => {
  it.each([
    ['READ', 'things:read', 'true: GRANTED'],
    ['READ', 'things:write', 'false: SUPPORT_LACKS'],
    ['WRITE', 'things:write', 'true: GRANTED'],
    ['WRITE', 'keys:manage', 'false: SUPPORT_LACKS'],
  ] as const)('with the access %s asking for %s are told %s', async (access, permission, expected) => {
    const permissions = supportPermissions(access)
    const caller: CommandContext = {
      scope: { tenantId: api.tenantIds.A, writes: writesOf(permissions) },
      tenantSlug: 'anchor',
      actor: { kind: 'SUPPORT', id: newId(), email: 'help@platform.example' },
      permissions,
      requestId: 'request-1',
      database: api.opened,
      clock: systemClock,
      logger: createLogger('silent'),
    }
    const question = { subject: { kind: 'CALLER' }, permission, isHere: null } as const
    const { allowed, reasons } = await checkAccess(caller, question)
    expect(`${allowed}: ${reasons.map(({ code }) => code).join()}`).toBe(expected)
  })
})

describe('a question', () => {
  it('without a subject is about the caller', async () => {
    expect(await told({ permission: 'members:read' })).toBe('true: GRANTED')
    expect(await told({ permission: 'tenant:manage' })).toBe('false: ROLE_LACKS')
    expect(await told({ permission: 'tenant:manage' }, api.as('A', 'OWNER'))).toBe('true: GRANTED')
  })

  it.each(['things:fly', '', '*', 'invitations:accept', 'constructor'])(
    'after %j is answered: there is no such permission',
    async (permission) => {
      expect(await told({ permission }, api.as('A', 'OWNER'))).toBe('false: PERMISSION_UNKNOWN')
    },
  )

  it.each(['STAFF', 'VIEWER'] as const)('is FORBIDDEN for %s, with the missing permission', async (role) => {
    const { data, errors } = await api.as('A', role).send(CHECK, { permission: 'things:read' })
    expect(data).toBeNull()
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'members:read' } }])
  })
})
