// Creating, listing and revoking keys through the API.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newApiKey } from '../../../src/core/api-key.ts'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { type Api, emailOf, startApi } from '../../support/api.ts'
import { asOwner, asSuperuser } from '../../support/database.ts'
import { askWithKey, CREATE, makeKey, REVOKE, told } from '../../support/keys.ts'
import { unique } from '../../support/unique.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const create = async (input: Record<string, unknown>, role: 'OWNER' | 'ADMIN' = 'OWNER') =>
  (await api.as('A', role).data(CREATE, { input })).apiKeyCreate
const revoke = async (input: Record<string, unknown>, tenant: 'A' | 'B' = 'A') =>
  (await api.as(tenant).data(REVOKE, { input })).apiKeyRevoke
const told3 = (errors: { field: string[] | null; code: string }[]) =>
  errors.map(({ field, code }) => `${field?.join('.') ?? '-'} ${code}`)
const inFuture = () => new Date(Date.now() + 3_600_000).toISOString()
/** The whole database as one text. */
const everything = () =>
  asSuperuser(api.database, async (client) => {
    const { rows: tables } = await client.query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname IN ('public', 'app', 'graphile_worker')`,
    )
    let text = ''
    for (const { name } of tables) {
      const { rows } = await client.query(`SELECT to_jsonb(t)::text AS row FROM ${name} t`)
      text += rows.map(({ row }) => row).join('\n')
    }
    return text
  })

describe('a new key', () => {
  it('is returned with its secret, and authenticates from then on', async () => {
    const expiresAt = inFuture()
    const made = await create({ name: ' Till ', permissions: ['things:write', 'things:read'], expiresAt })
    expect(made.userErrors).toEqual([])
    expect(made.secret).toMatch(/^bk_test_/)
    expect(made.apiKey).toEqual({
      id: made.apiKey.id,
      name: 'Till',
      hint: made.secret.slice(-4),
      permissions: ['things:read', 'things:write'],
      status: 'ACTIVE',
      createdBy: emailOf('A', 'OWNER'),
      createdAt: made.apiKey.createdAt,
      expiresAt,
      lastUsedAt: null,
      revokedAt: null,
    })
    const source = '{ viewer { permissions role member { id } apiKey { id name } tenant { slug } } }'
    const answer = await askWithKey({ url: api.url, secret: made.secret, source })
    expect(answer.data.viewer).toEqual({
      permissions: ['things:read', 'things:write'],
      role: null,
      member: null,
      apiKey: { id: made.apiKey.id, name: 'Till' },
      tenant: { slug: 'anchor' },
    })
  })

  it('is stored without its secret: no table holds it, nor its random part', async () => {
    const { secret } = await makeKey(api.as('A'), ['things:read'])
    await askWithKey({ url: api.url, secret })
    const text = await everything()
    expect(text).toContain(secret.slice(-4))
    expect(text).not.toContain(secret)
    expect(text).not.toContain(secret.slice(34, 82))
  })

  it('shows its secret once: the same call again returns the same key without it', async () => {
    const input = {
      name: 'Once',
      permissions: ['things:read'],
      expiresAt: inFuture(),
      idempotencyKey: unique('key'),
    }
    const first = await create(input)
    const again = await create(input)
    expect(first.secret).toMatch(/^bk_test_/)
    expect(again).toEqual({ apiKey: first.apiKey, secret: null, userErrors: [] })
    const { extensions } = await api.as('A').send(CREATE, { input })
    expect(extensions).toMatchObject({ idempotency: 'replayed' })
    expect(told3((await create({ ...input, permissions: ['things:write'] })).userErrors)).toEqual([
      'idempotencyKey IDEMPOTENCY_KEY_REUSED',
    ])
  })

  it('is made once by twenty calls at once with the same idempotency key, and one of them returns its secret', async () => {
    const input = { name: 'Rivals', permissions: ['things:read'], idempotencyKey: unique('key') }
    const made = await Promise.all(Array.from({ length: 20 }, () => create(input)))
    expect(made.filter(({ secret }) => secret !== null)).toHaveLength(1)
    const ids = made.flatMap(({ apiKey }) => apiKey?.id ?? [])
    expect(new Set(ids).size).toBe(1)
  })

  it('is in the audit, by its maker, without its secret', async () => {
    const { id } = await makeKey(api.as('A'), ['things:read'], { name: 'Audited' })
    await revoke({ id })
    const { rows } = await asSuperuser(api.database, (client) =>
      client.query(
        `SELECT a.action, a.actor_label, a.before, a.after FROM audit_entries a JOIN api_keys k ON k.id = a.subject_id
         WHERE k.name = 'Audited' ORDER BY a.recorded_at, a.id`,
      ),
    )
    expect(rows).toMatchObject([
      {
        action: 'apiKeyCreate',
        actor_label: emailOf('A', 'OWNER'),
        before: null,
        after: { name: 'Audited', permissions: ['things:read'], expiresAt: null },
      },
      { action: 'apiKeyRevoke', before: { revokedAt: null }, after: { revokedAt: expect.any(String) } },
    ])
    expect(Object.keys(rows[0].after).sort()).toEqual(['expiresAt', 'name', 'permissions'])
  })
})

describe('what is wrong with a new key', () => {
  it('is reported at once, and nothing is made', async () => {
    const made = await create({
      name: ' ',
      permissions: ['things:fly', '*'],
      expiresAt: '2000-01-01T00:00:00Z',
    })
    expect(made).toMatchObject({ apiKey: null, secret: null })
    expect(told3(made.userErrors).sort()).toEqual([
      'expiresAt OUT_OF_RANGE',
      'name REQUIRED',
      'permissions.0 UNKNOWN_VALUE',
      'permissions.1 UNKNOWN_VALUE',
    ])
    expect(told3((await create({ name: 'x', permissions: [] })).userErrors)).toEqual(['permissions TOO_FEW'])
    expect(told3((await create({ name: 'x'.repeat(101), permissions: ['things:read'] })).userErrors)).toEqual(
      ['name TOO_LONG'],
    )
  })

  it('refuses permissions that no key can have', async () => {
    const { userErrors } = await create({ name: 'x', permissions: ['invitations:accept', 'system'] })
    expect(told3(userErrors)).toEqual(['permissions.0 UNKNOWN_VALUE', 'permissions.1 UNKNOWN_VALUE'])
  })

  it('after a hundred active keys the next one is refused until one is revoked', async () => {
    const session = api.as('B')
    const { id } = await makeKey(session, ['things:read'])
    await asOwner(api.database, api.tenantIds.B, (owner) =>
      owner.query(
        `INSERT INTO api_keys (id, name, hint, hash, permissions, created_by)
         SELECT gen_random_uuid(), 'n' || n, '0000', sha256(n::text::bytea), '{things:read}', 'x'
         FROM generate_series(1, 99) n`,
      ),
    )
    const input = { name: 'One more', permissions: ['things:read'] }
    const { apiKeyCreate } = await session.data(CREATE, { input })
    expect(apiKeyCreate).toMatchObject({ apiKey: null, secret: null })
    expect(told3(apiKeyCreate.userErrors)).toEqual(['- TOO_MANY_KEYS'])
    await revoke({ id }, 'B')
    expect((await session.data(CREATE, { input })).apiKeyCreate.userErrors).toEqual([])
  })
})

describe('revoking', () => {
  it('refuses the key at its next request, and can be repeated', async () => {
    const { id, secret } = await makeKey(api.as('A'), ['things:read'])
    expect(told(await askWithKey({ url: api.url, secret }))).toBe('200 OK')
    const { apiKey, userErrors } = await revoke({ id })
    expect(userErrors).toEqual([])
    expect(apiKey).toMatchObject({ id, status: 'REVOKED' })
    expect(told(await askWithKey({ url: api.url, secret }))).toBe('401 UNAUTHENTICATED')
    expect((await revoke({ id })).apiKey.revokedAt).toBe(apiKey.revokedAt)
  })

  it('ends the keys that it made, and theirs, since its holder may have them too', async () => {
    const first = await makeKey(api.as('A'), ['keys:manage', 'things:read'])
    const madeBy = async (secret: string) => {
      const input = { name: unique('Key'), permissions: ['keys:manage', 'things:read'] }
      const { data } = await askWithKey({ url: api.url, secret, source: CREATE, variables: { input } })
      return data.apiKeyCreate
    }
    const second = await madeBy(first.secret)
    const third = await madeBy(second.secret)
    const other = await makeKey(api.as('A'), ['things:read'])
    await revoke({ id: first.id })
    for (const { secret } of [first, second, third])
      expect(told(await askWithKey({ url: api.url, secret }))).toBe('401 UNAUTHENTICATED')
    expect(told(await askWithKey({ url: api.url, secret: other.secret }))).toBe('200 OK')
    const { nodes } = await api
      .as('A')
      .data('query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ApiKey { status } } }', {
        ids: [first.id, second.apiKey.id, third.apiKey.id, other.id],
      })
    expect(nodes.map(({ status }: { status: string }) => status)).toEqual([
      'REVOKED',
      'REVOKED',
      'REVOKED',
      'ACTIVE',
    ])
  })

  it("cross-tenant: another tenant's key, an absent one and a malformed id are NOT_FOUND, and the key stays valid", async () => {
    const { id, secret } = await makeKey(api.as('A'), ['things:read'])
    for (const other of [id, encodeId('key', newId()), 'key_x', '']) {
      const answer = await revoke({ id: other }, 'B')
      expect(answer.apiKey).toBeNull()
      expect(told3(answer.userErrors)).toEqual(['id NOT_FOUND'])
    }
    expect(told(await askWithKey({ url: api.url, secret }))).toBe('200 OK')
  })
})

describe('who may', () => {
  it.each(['STAFF', 'VIEWER'] as const)(
    '%s may not make, list or revoke keys, and is told what it needs',
    async (role) => {
      const session = api.as('A', role)
      const { id } = await makeKey(api.as('A'), ['things:read'])
      for (const answer of [
        await session.send(CREATE, { input: { name: 'x', permissions: ['things:read'] } }),
        await session.send(REVOKE, { input: { id } }),
        await session.send('{ apiKeys { totalCount } }'),
        await session.send('query ($id: ID!) { node(id: $id) { id } }', { id }),
      ]) {
        expect(answer.errors).toMatchObject([
          {
            code: 'FORBIDDEN',
            message: 'this needs the permission keys:manage',
            extensions: { permission: 'keys:manage' },
          },
        ])
      }
    },
  )

  it('cross-tenant: each tenant lists its own keys, the newest first', async () => {
    const source = '{ apiKeys(first: 100) { totalCount nodes { id createdAt } } }'
    const [a, b] = [(await api.as('A').data(source)).apiKeys, (await api.as('B').data(source)).apiKeys]
    const { rows } = await asSuperuser(api.database, (client) =>
      client.query('SELECT count(*)::int AS count FROM api_keys WHERE tenant_id = $1', [api.tenantIds.A]),
    )
    expect(a.totalCount).toBe(rows[0].count)
    const ids = new Set(b.nodes.map(({ id }: { id: string }) => id))
    expect(a.nodes.some(({ id }: { id: string }) => ids.has(id))).toBe(false)
    const times = a.nodes.map(({ createdAt }: { createdAt: string }) => createdAt)
    expect(times).toEqual(times.toSorted().reverse())
  })

  it('cross-tenant: a key that names another tenant is unknown', async () => {
    const { secret } = await makeKey(api.as('A'), ['things:read'])
    // Its hash is A's, and it names B, with a correct checksum, which anybody can compute.
    const forged = newApiKey('test', api.tenantIds.B)
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query('UPDATE api_keys SET hash = $1 WHERE hint = $2', [
        Buffer.from(forged.hash),
        secret.slice(-4),
      ]),
    )
    expect(told(await askWithKey({ url: api.url, secret: forged.secret }))).toBe('401 UNAUTHENTICATED')
  })
})
