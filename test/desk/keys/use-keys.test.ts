// Authentication by key, on a real database, in this process and another one.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newApiKey } from '../../../src/core/api-key.ts'
import { decodeId } from '../../../src/core/ids.ts'
import type { Database } from '../../../src/db/database.ts'
import { createTestClock, refusal } from '../../auth/token-setup.ts'
import { type Api, startApi } from '../../support/api.ts'
import { asOwner, asSuperuser } from '../../support/database.ts'
import { askWithKey, elsewhere, type MadeKey, makeKey, REVOKE, sentBy, told } from '../../support/keys.ts'
import { invitee } from '../../support/people.ts'

/** After this a key is looked up again; the promise is 5 s. */
const BELIEVED_MS = 2_000
const REQUEST = 'request-1'
/** The address of many requests with a bad key, so that the others are not limited. */
const CROWD = '127.0.0.9'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const uuidOf = ({ id }: MadeKey) => decodeId(id)?.uuid
const asTenant = (sql: string, values: unknown[]) =>
  asOwner(api.database, api.tenantIds.A, async (owner) => (await owner.query(sql, values)).rows)
const lastUse = async (key: MadeKey): Promise<Date | null> =>
  (await asTenant('SELECT last_used_at FROM api_keys WHERE id = $1', [uuidOf(key)]))[0].last_used_at
const revoke = (key: MadeKey) => api.as('A').data(REVOKE, { input: { id: key.id } })
const revokeBehind = (key: MadeKey) =>
  asTenant('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [uuidOf(key)])

describe('a key', () => {
  it('reads and writes what its list permits, as the tenant, and errors name the missing permission', async () => {
    const { id } = await invitee(api, 'A')
    const { secret } = await makeKey(api.as('A'), ['members:read'])
    const ask = (source: string) => askWithKey({ url: api.url, secret, source })
    expect((await ask(`{ node(id: "${id}") { id } }`)).data.node.id).toBe(id)
    const refused = await ask('{ exports { totalCount } }')
    expect(told(refused)).toBe('403 FORBIDDEN')
    expect(refused.errors[0]).toMatchObject({
      message: 'this needs the permission tenant:manage',
      extensions: { permission: 'tenant:manage' },
    })
    const written = await ask(
      'mutation { memberInvite(input: { email: "a@b.example", role: VIEWER }) { invitation { id } } }',
    )
    expect(written.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'members:manage' })
  })

  it("cross-tenant: finds nothing of another tenant's, and is refused for it", async () => {
    const { id } = await invitee(api, 'B')
    const { secret } = await makeKey(api.as('A'), ['members:read'])
    const source = `{ node(id: "${id}") { id } invitations { totalCount nodes { id } } }`
    const { data } = await askWithKey({ url: api.url, secret, source })
    expect(data.node).toBeNull()
    expect(JSON.stringify(data)).not.toContain(id)
    for (const [tenant, expected] of [
      ['anchor', '200 OK'],
      ['bollard', '403 FORBIDDEN'],
      ['no-such-tenant', '403 FORBIDDEN'],
    ] as const) {
      const answer = await askWithKey({ url: api.url, secret, headers: { 'bulkhead-tenant': tenant } })
      expect(told(answer)).toBe(expected)
    }
  })

  it('of a suspended tenant gets FORBIDDEN with the reason', async () => {
    const { secret } = await makeKey(api.as('B'), ['things:read'])
    const suspend = (status: string) =>
      asSuperuser(api.database, (client) =>
        client.query(`UPDATE app.tenant_directory SET status = $1 WHERE slug = 'bollard'`, [status]),
      )
    await suspend('SUSPENDED')
    const refused = elsewhere(api).authenticate(sentBy(secret), REQUEST)
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'this tenant is suspended' })
    await suspend('ACTIVE')
  })

  it('gets the same 401 whether it never existed, was revoked or has expired', async () => {
    const revoked = await makeKey(api.as('A'), ['things:read'])
    await revoke(revoked)
    const expired = await makeKey(api.as('A'), ['things:read'])
    await asTenant(`UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1`, [
      uuidOf(expired),
    ])
    const never = newApiKey('test', api.tenantIds.A)
    const ofNoTenant = newApiKey('test', '01890000-0000-7000-8000-000000000000')
    const broken = `${never.secret.slice(0, -1)}x`
    for (const secret of [revoked.secret, expired.secret, never.secret, ofNoTenant.secret, broken]) {
      const answer = await askWithKey({ url: api.url, secret })
      expect(told(answer)).toBe('401 UNAUTHENTICATED')
      expect(answer.errors[0]?.message).toBe('This API key is not valid.')
    }
  })

  it('of the other mode, or with a wrong checksum, is refused before the database is asked', async () => {
    const asked: string[] = []
    const resolveApiKey: Database['resolveApiKey'] = (tenantId, hash) => {
      asked.push(tenantId)
      return api.opened.resolveApiKey(tenantId, hash)
    }
    const other = elsewhere({ opened: { ...api.opened, resolveApiKey } })
    const { secret } = newApiKey('test', api.tenantIds.A)
    const wrong = secret.slice(0, -8) + '0'.repeat(8)
    const live = newApiKey('live', api.tenantIds.A).secret
    for (const text of [wrong, live, 'bk_', 'bk_test_', 'bk_test_x'])
      expect(await refusal(() => other.authenticate(sentBy(text), REQUEST))).toBe('UNAUTHENTICATED')
    expect(asked).toEqual([])
    expect(await refusal(() => other.authenticate(sentBy(secret), REQUEST))).toBe('UNAUTHENTICATED')
    expect(asked).toEqual([api.tenantIds.A])
    expect(told(await askWithKey({ url: api.url, secret: live }))).toBe('401 UNAUTHENTICATED')
  })
})

describe('case 32: a key that ends', () => {
  it('is refused within 2 s by another process, and not looked up at every request until then', async () => {
    const key = await makeKey(api.as('A'), ['things:read'])
    const clock = createTestClock()
    const other = elsewhere(api, clock)
    const authenticate = async () => await other.authenticate(sentBy(key.secret), REQUEST)
    await authenticate()
    await revoke(key)
    expect((await authenticate()).actor.kind).toBe('API_KEY')
    clock.advance(BELIEVED_MS)
    expect(await refusal(authenticate)).toBe('UNAUTHENTICATED')
  })

  it('is refused at the moment that it expires, although it is cached', async () => {
    const clock = createTestClock()
    const key = await makeKey(api.as('A'), ['things:read'])
    const expiresAt = new Date(clock().getTime() + 1_000)
    await asTenant('UPDATE api_keys SET expires_at = $2 WHERE id = $1', [uuidOf(key), expiresAt])
    const other = elsewhere(api, clock)
    const authenticate = async () => await other.authenticate(sentBy(key.secret), REQUEST)
    await authenticate()
    await revokeBehind(key)
    clock.advance(999)
    await authenticate()
    clock.advance(1)
    expect(await refusal(authenticate)).toBe('UNAUTHENTICATED')
  })

  it('is refused once its revocation is answered, during a hundred requests', async () => {
    const key = await makeKey(api.as('A'), ['things:read'])
    let isRevoked = false
    const answers: { told: string; begunAfter: boolean }[] = []
    /** Asks until it has asked three times since the revocation. */
    const client = async () => {
      for (let late = 0; late < 3; ) {
        const begunAfter = isRevoked
        late += begunAfter ? 1 : 0
        answers.push({
          told: told(await askWithKey({ url: api.url, secret: key.secret, from: CROWD })),
          begunAfter,
        })
      }
    }
    const clients = Array.from({ length: 8 }, client)
    await revoke(key)
    isRevoked = true
    await Promise.all(clients)
    const after = answers.filter(({ begunAfter }) => begunAfter)
    expect(after).toHaveLength(3 * clients.length)
    expect(after.filter((answer) => answer.told === '200 OK')).toEqual([])
  })
})

describe('the last use', () => {
  it('is recorded at the first request, and shown', async () => {
    const key = await makeKey(api.as('A'), ['things:read'])
    expect(await lastUse(key)).toBeNull()
    const before = Date.now()
    expect(told(await askWithKey({ url: api.url, secret: key.secret }))).toBe('200 OK')
    const used = await lastUse(key)
    expect(Math.abs((used?.getTime() ?? 0) - before)).toBeLessThan(5_000)
    const { node } = await api
      .as('A')
      .data('query ($id: ID!) { node(id: $id) { ... on ApiKey { lastUsedAt } } }', { id: key.id })
    expect(node.lastUsedAt).toBe(used?.toISOString())
  })

  it('is written at most once a minute, however often and by however many processes it is looked up', async () => {
    const key = await makeKey(api.as('A'), ['things:read'])
    const lookUp = async () => await elsewhere(api).authenticate(sentBy(key.secret), REQUEST)
    const version = async () =>
      (await asTenant('SELECT xmin::text FROM api_keys WHERE id = $1', [uuidOf(key)]))[0].xmin
    await Promise.all(Array.from({ length: 10 }, lookUp))
    const written = await version()
    await lookUp()
    expect(await version()).toBe(written)
    await asTenant(`UPDATE api_keys SET last_used_at = now() - interval '1 minute' WHERE id = $1`, [
      uuidOf(key),
    ])
    await lookUp()
    expect(Date.now() - ((await lastUse(key))?.getTime() ?? 0)).toBeLessThan(5_000)
  })

  it('delays no request: while the row is locked, the key is accepted without waiting', async () => {
    const key = await makeKey(api.as('A'), ['things:read'])
    await asOwner(api.database, api.tenantIds.A, async (owner) => {
      await owner.query('SELECT FROM api_keys WHERE id = $1 FOR UPDATE', [uuidOf(key)])
      const before = performance.now()
      await elsewhere(api).authenticate(sentBy(key.secret), REQUEST)
      expect(performance.now() - before).toBeLessThan(2_000)
    })
    expect(await lastUse(key)).toBeNull()
  })

  it('is not written on a read-only database, and the key is accepted', async () => {
    const key = await makeKey(api.as('A'), ['things:read'])
    const hash = createHash('sha256').update(key.secret).digest()
    const rows = await asSuperuser(api.database, async (client) => {
      await client.query('SET TRANSACTION READ ONLY')
      return (await client.query('SELECT * FROM app.resolve_api_key($1, $2)', [api.tenantIds.A, hash])).rows
    })
    expect(rows).toHaveLength(1)
    expect(await lastUse(key)).toBeNull()
  })

  it('of an invalid key is not recorded', async () => {
    const key = await makeKey(api.as('A'), ['things:read'])
    await revoke(key)
    await askWithKey({ url: api.url, secret: key.secret })
    expect(await lastUse(key)).toBeNull()
  })
})

it('a cached key costs no look-up: the second request is accepted at once', async () => {
  const { secret } = await makeKey(api.as('A'), ['things:read'])
  const other = elsewhere(api)
  await other.authenticate(sentBy(secret), REQUEST)
  expect(other.authenticate(sentBy(secret), REQUEST)).not.toBeInstanceOf(Promise)
})
