// A key never gives its maker more permissions: not when it is made, and not when its maker has lost some since.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PERMISSIONS, permissionsOf, ROLES, type Role } from '../../../src/auth/permissions.ts'
import { newId } from '../../../src/core/ids.ts'
import { type Api, emailOf, type Session, startApi } from '../../support/api.ts'
import { asOwner, asRuntime } from '../../support/database.ts'
import { askWithKey, CREATE, elsewhere, makeKey, sentBy, told } from '../../support/keys.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
  // A second owner, so that the first can become less.
  await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query(
      `INSERT INTO members (id, email, name, role) VALUES ($1, 'second@anchor.example', 'Second', 'OWNER')`,
      [newId()],
    ),
  )
})
afterAll(() => api?.close())

const setMember = async (role: Role, change: { role?: Role; status?: 'ACTIVE' | 'REMOVED' }) => {
  await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query(
      `UPDATE members SET role = coalesce($2::member_role, role), status = coalesce($3::member_status, status)
       WHERE email = $1`,
      [emailOf('A', role), change.role ?? null, change.status ?? null],
    ),
  )
  api.services.sessions.forget(api.tenantIds.A)
}
const permissionsOfKey = async (secret: string) =>
  (await askWithKey({ url: api.url, secret })).data.viewer.permissions
const errorsOf = async (session: Session, permissions: readonly string[], more = {}) =>
  (await session.data(CREATE, { input: { name: 'x', permissions, ...more } })).apiKeyCreate.userErrors
const withKey = async (secret: string, input: Record<string, unknown>) =>
  await askWithKey({ url: api.url, secret, source: CREATE, variables: { input: { name: 'x', ...input } } })

describe('who makes a key', () => {
  it.each(ROLES.filter((role) => permissionsOf(role).has('keys:manage')))(
    '%s can give every permission of the role, and is told each that it lacks',
    async (role) => {
      const held = permissionsOf(role)
      const errors = await errorsOf(api.as('A', role), PERMISSIONS)
      const lacked = PERMISSIONS.flatMap((permission, index) => (held.has(permission) ? [] : [String(index)]))
      expect(errors.map(({ field, code }: { field: string[]; code: string }) => [...field, code])).toEqual(
        lacked.map((index) => ['permissions', index, 'PERMISSION_NOT_HELD']),
      )
      const { secret } = await makeKey(
        api.as('A', role),
        PERMISSIONS.filter((permission) => held.has(permission)),
      )
      expect(await permissionsOfKey(secret)).toEqual([...held].sort())
    },
  )

  it('a key gives no more than its own list, by any maker', async () => {
    const { secret } = await makeKey(api.as('A'), ['keys:manage', 'things:read'])
    const { data } = await withKey(secret, { permissions: ['things:read', 'things:write', 'tenant:manage'] })
    expect(data.apiKeyCreate.userErrors).toEqual([
      {
        field: ['permissions', '1'],
        code: 'PERMISSION_NOT_HELD',
        message: 'you do not have things:write yourself',
      },
      {
        field: ['permissions', '2'],
        code: 'PERMISSION_NOT_HELD',
        message: 'you do not have tenant:manage yourself',
      },
    ])
  })

  it('a key without keys:manage makes none', async () => {
    const { secret } = await makeKey(api.as('A'), ['things:read', 'things:write'])
    const { errors } = await withKey(secret, { permissions: ['things:read'] })
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'keys:manage' } }])
  })

  it('a key that expires makes none that outlives it', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    const later = new Date(Date.now() + 7_200_000).toISOString()
    const { secret } = await makeKey(api.as('A'), ['keys:manage'], { expiresAt })
    const code = async (input: Record<string, unknown>) =>
      (await withKey(secret, { permissions: ['keys:manage'], ...input })).data.apiKeyCreate.userErrors.map(
        (error: { field: string[]; code: string }) => `${error.field} ${error.code}`,
      )
    expect(await code({})).toEqual(['expiresAt EXPIRY_NOT_HELD'])
    expect(await code({ expiresAt: later })).toEqual(['expiresAt EXPIRY_NOT_HELD'])
    expect(await code({ expiresAt })).toEqual([])
  })
})

describe('a maker that lost its role', () => {
  it('limits its keys, and the keys made with them, to the new role', async () => {
    const { secret } = await makeKey(api.as('A', 'ADMIN'), ['members:manage', 'things:read', 'things:write'])
    const child = await withKey(
      (await makeKey(api.as('A', 'ADMIN'), ['keys:manage', 'members:manage'])).secret,
      { permissions: ['members:manage'] },
    )
    await setMember('ADMIN', { role: 'VIEWER' })
    try {
      expect(await permissionsOfKey(secret)).toEqual(['things:read'])
      expect(await permissionsOfKey(child.data.apiKeyCreate.secret)).toEqual([])
      const { errors } = await askWithKey({ url: api.url, secret, source: '{ members { totalCount } }' })
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'members:read' } }])
    } finally {
      await setMember('ADMIN', { role: 'ADMIN' })
    }
    expect(await permissionsOfKey(secret)).toEqual(['members:manage', 'things:read', 'things:write'])
  })

  it('a removed maker’s keys are refused, and so are the keys made with them', async () => {
    const { secret } = await makeKey(api.as('A', 'ADMIN'), ['keys:manage', 'things:read'])
    const child = await withKey(secret, { permissions: ['things:read'] })
    await setMember('ADMIN', { status: 'REMOVED' })
    try {
      for (const one of [secret, child.data.apiKeyCreate.secret]) {
        expect((await askWithKey({ url: api.url, secret: one })).status).toBe(401)
      }
    } finally {
      await setMember('ADMIN', { status: 'ACTIVE' })
    }
  })

  it('makes no key while the identity cache is stale', async () => {
    await api.as('A', 'ADMIN').data('{ viewer { role } }')
    const { secret } = await makeKey(api.as('A', 'ADMIN'), ['keys:manage', 'things:read'])
    await askWithKey({ url: api.url, secret })
    // As another process would, without invalidating this one's cache.
    const demote = (role: Role) =>
      asOwner(api.database, api.tenantIds.A, (owner) =>
        owner.query('UPDATE members SET role = $2 WHERE email = $1', [emailOf('A', 'ADMIN'), role]),
      )
    await demote('STAFF')
    try {
      const input = { name: 'x', permissions: ['things:read'] }
      const { errors } = await api.as('A', 'ADMIN').send(CREATE, { input })
      expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'keys:manage' } }])
      expect(told(await withKey(secret, { permissions: ['things:read'] }))).toMatch(/FORBIDDEN$/)
    } finally {
      await setMember('ADMIN', { role: 'ADMIN' })
    }
  })
})

describe('case 32: a key that was revoked while it was in use', () => {
  const revokeBehind = (id: string) =>
    asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]),
    )
  const uuidOfKey = async (secret: string) =>
    (await elsewhere(api).authenticate(sentBy(secret), 'request-1')).actor.id as string

  it('makes no other one, even while it is still accepted', async () => {
    const { secret } = await makeKey(api.as('A'), ['keys:manage', 'things:read'])
    expect(told(await askWithKey({ url: api.url, secret }))).toBe('200 OK')
    await revokeBehind(await uuidOfKey(secret))
    const { errors, data } = await withKey(secret, { permissions: ['things:read'] })
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'keys:manage' } }])
    expect(data).toEqual({ apiKeyCreate: null })
  })

  it('invalidates a key that was made meanwhile: one whose maker was revoked is refused', async () => {
    const { secret } = await makeKey(api.as('A'), ['keys:manage', 'things:read'])
    const child = (await withKey(secret, { permissions: ['things:read'] })).data.apiKeyCreate
    await revokeBehind(await uuidOfKey(secret))
    expect(told(await askWithKey({ url: api.url, secret: child.secret }))).toBe('401 UNAUTHENTICATED')
  })
})

describe('the second wall', () => {
  const read = (permissions: string) => (client: { query(sql: string): Promise<unknown> }) =>
    client.query(
      `INSERT INTO api_keys (id, name, hint, hash, permissions, created_by)
       VALUES (gen_random_uuid(), 'x', '0000', sha256('${permissions}'), '{tenant:manage}', 'x')`,
    )

  it.each(['', 'things:write', 'places:write,things:write'])(
    'raw SQL of a session that may write %j makes no key, widens none and revives none',
    async (writes) => {
      const attempt = (sql: string) =>
        asRuntime(api.database, api.tenantIds.A, (client) => client.query(sql), writes)
      await expect(asRuntime(api.database, api.tenantIds.A, read('a'), writes)).rejects.toMatchObject({
        code: 'BK004',
      })
      for (const sql of [
        `UPDATE api_keys SET permissions = '{tenant:manage}'`,
        'UPDATE api_keys SET revoked_at = NULL',
        'UPDATE api_keys SET expires_at = NULL',
      ]) {
        await expect(attempt(sql)).rejects.toMatchObject({ code: 'BK004' })
      }
    },
  )

  it('keys are never deleted', async () => {
    await expect(
      asRuntime(api.database, api.tenantIds.A, (client) => client.query('DELETE FROM api_keys')),
    ).rejects.toMatchObject({ code: '42501' })
  })
})
