// Callers cannot revoke what may do more than they: keys, and support grants. The reverse of the rule on creating.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PERMISSIONS, permissionsOf, supportPermissions } from '../../../src/auth/permissions.ts'
import { type Api, type Session, startApi } from '../../support/api.ts'
import { asRuntime } from '../../support/database.ts'
import { makeKey, REVOKE } from '../../support/keys.ts'
import { rowsIn, uuidOf } from '../../support/people.ts'
import { unique } from '../../support/unique.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const withKey = async (permissions: readonly string[]) => {
  const { id, secret } = await makeKey(api.as('A'), permissions)
  return { id, session: api.bearing(secret) as Session }
}
const revoke = async (session: Session, id: string, more = {}) =>
  (await session.data(REVOKE, { input: { id, ...more } })).apiKeyRevoke
const GRANT = `mutation ($input: SupportAccessGrantInput!) { supportAccessGrant(input: $input) {
  supportGrant { id status } userErrors { field code message } } }`
const END = `mutation ($input: SupportAccessRevokeInput!) { supportAccessRevoke(input: $input) {
  supportGrant { id status } userErrors { field code message } } }`

describe('apiKeyRevoke', () => {
  it('with keys:manage alone revokes no key that may do more, and names the missing permission', async () => {
    const strong = await makeKey(api.as('A'), ['things:read', 'tenant:manage'])
    const weak = await withKey(['keys:manage'])
    const { apiKey, userErrors } = await revoke(weak.session, strong.id)
    expect(apiKey).toBeNull()
    expect(userErrors).toEqual([
      {
        field: ['id'],
        code: 'PERMISSION_NOT_HELD',
        message: 'this key may do more than you: you do not have tenant:manage, things:read',
      },
    ])
    expect((await api.bearing(strong.secret).data('{ viewer { permissions } }')).viewer.permissions).toEqual([
      'tenant:manage',
      'things:read',
    ])
  })

  it('an administrator revokes no key that may do more, and an owner revokes every key', async () => {
    const strong = await makeKey(api.as('A'), PERMISSIONS)
    const asMuch = await makeKey(api.as('A'), [...permissionsOf('ADMIN')])
    expect((await revoke(api.as('A', 'ADMIN'), strong.id)).userErrors).toMatchObject([
      { code: 'PERMISSION_NOT_HELD' },
    ])
    expect((await revoke(api.as('A', 'ADMIN'), asMuch.id)).userErrors).toEqual([])
    expect((await revoke(api.as('A'), strong.id)).apiKey).toMatchObject({ status: 'REVOKED' })
  })

  it('a key revokes itself, and keys with no more permissions', async () => {
    const [one, other] = [
      await withKey(['keys:manage', 'things:read']),
      await withKey(['keys:manage', 'things:read']),
    ]
    expect((await revoke(one.session, other.id)).userErrors).toEqual([])
    expect((await revoke(one.session, one.id)).userErrors).toEqual([])
  })

  it('counts a key’s present permissions: after its maker’s demotion it can be revoked', async () => {
    const permissions = ['members:manage', 'members:read', 'things:read']
    const { id } = await makeKey(api.as('A', 'ADMIN'), permissions)
    const weak = await withKey(['keys:manage', 'things:read'])
    expect((await revoke(weak.session, id)).userErrors).toMatchObject([{ code: 'PERMISSION_NOT_HELD' }])
    const setRole = (role: string) =>
      asRuntime(
        api.database,
        api.tenantIds.A,
        (client) => client.query(`UPDATE members SET role = $1 WHERE email = 'admin@anchor.example'`, [role]),
        'members:manage',
      )
    await setRole('VIEWER')
    try {
      expect((await revoke(weak.session, id)).userErrors).toEqual([])
    } finally {
      await setRole('ADMIN')
    }
  })

  it('cross-tenant: another tenant’s key is NOT_FOUND', async () => {
    const { id } = await makeKey(api.as('B'), PERMISSIONS)
    expect((await revoke(api.as('A'), id)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
  })

  it('a refusal leaves nothing', async () => {
    const strong = await makeKey(api.as('A'), ['tenant:manage'])
    const weak = await withKey(['keys:manage'])
    await revoke(weak.session, strong.id)
    const sql = 'SELECT revoked_at FROM api_keys WHERE id = $1'
    expect(await rowsIn(api, 'A', sql, [uuidOf(strong.id)])).toEqual([{ revoked_at: null }])
  })
})

describe('support access', () => {
  const input = (access: string) => ({ input: { access, hours: 1, reason: unique('why') } })

  it('is granted and revoked by callers that may do as much', async () => {
    const reading = await withKey(['support:manage', ...supportPermissions('READ')])
    const { supportAccessGrant: read } = await reading.session.data(GRANT, input('READ'))
    expect(read.userErrors).toEqual([])
    const { supportAccessGrant: refused } = await reading.session.data(GRANT, input('WRITE'))
    expect(refused.userErrors).toMatchObject([{ field: ['access'], code: 'PERMISSION_NOT_HELD' }])
    const { supportAccessGrant: write } = await api.as('A').data(GRANT, input('WRITE'))
    const end = { input: { id: write.supportGrant.id } }
    expect((await reading.session.data(END, end)).supportAccessRevoke).toMatchObject({
      supportGrant: null,
      userErrors: [{ field: ['id'], code: 'PERMISSION_NOT_HELD' }],
    })
    const own = { input: { id: read.supportGrant.id } }
    expect((await reading.session.data(END, own)).supportAccessRevoke.userErrors).toEqual([])
    expect((await api.as('A').data(END, end)).supportAccessRevoke.userErrors).toEqual([])
  })

  it('a key with support:manage alone grants no access', async () => {
    const { session } = await withKey(['support:manage'])
    const { supportAccessGrant } = await session.data(GRANT, input('READ'))
    expect(supportAccessGrant.userErrors).toMatchObject([{ code: 'PERMISSION_NOT_HELD' }])
  })
})
