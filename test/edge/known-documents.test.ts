// Persisted queries: each tenant's own, and bounded for one and for all.
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { createTenantMap } from '../../src/core/tenant-map.ts'
import { type FrontDoor, memberDatabase, memberOf, openFrontDoor, refusalOf, tokenOf } from './front-door.ts'

let door: FrontDoor | undefined
afterEach(async () => {
  await door?.close()
  door = undefined
})

const TENANTS: Record<string, string> = {
  acme: 'aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa',
  globex: 'bbbbbbbb-bbbb-7bbb-8bbb-bbbbbbbbbbbb',
}

/** The front door with two tenants; sends as the owner of one of them. */
async function openForTwo() {
  const resolveMember = async (tenantSlug: string, email: string) => {
    const member = memberOf(email.replace('globex', 'acme'))
    return member === null ? null : { ...member, tenantId: TENANTS[tenantSlug] ?? '', tenantSlug }
  }
  const opened = await openFrontDoor({
    clock: () => new Date('2030-01-01T00:00:00Z'),
    database: memberDatabase({ resolveMember }),
  })
  door = opened
  return (tenant: string, parameters: object) =>
    opened.send('/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${tokenOf(`owner@${tenant}.example`, tenant)}`,
      },
      body: JSON.stringify(parameters),
    })
}

const persisted = (query: string) => ({
  extensions: {
    persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') },
  },
})

describe('cross-tenant', () => {
  const query = '{ hello(name: "a secret campaign") }'

  it('no tenant learns by a hash whether another ran a document', async () => {
    const send = await openForTwo()
    expect((await send('acme', { query, ...persisted(query) })).body.data).toBeTruthy()
    expect((await send('acme', persisted(query))).body.data).toBeTruthy()
    const answer = await send('globex', persisted(query))
    expect([answer.status, answer.body.errors[0].message]).toEqual([200, 'PersistedQueryNotFound'])
    expect(answer.body.data).toBeUndefined()
  })

  it('nor by what it costs to send it', async () => {
    const send = await openForTwo()
    await send('globex', { query: '{ count }' })
    const left = async () =>
      Number((await send('globex', { query: '{ count }' })).headers.get('ratelimit-remaining'))
    const costOf = async (document: string) => {
      const before = await left()
      await send('globex', { query: document })
      return before - (await left())
    }
    await send('acme', { query })
    expect(await costOf(query)).toBe(await costOf(query.replace('secret', 'public')))
  })

  it('nor by what is still answered when its own requests are refused', async () => {
    const send = await openForTwo()
    await send('acme', { query })
    let last = await send('globex', { query: '{ nothing }' })
    for (let n = 0; n < 200 && last.status === 400; n += 1)
      last = await send('globex', { query: `{ no${n} }` })
    expect(refusalOf(last)).toBe('429 RATE_LIMITED')
    expect(refusalOf(await send('globex', { query }))).toBe('429 RATE_LIMITED')
    expect((await send('acme', { query })).status).toBe(200)
  })
})

it('a document that was not admitted is not known', async () => {
  const send = await openForTwo()
  for (const query of ['{ nothing }', '{ orders(first: 101) { nodes { id } } }']) {
    await send('acme', { query, ...persisted(query) })
    expect((await send('acme', persisted(query))).body.errors[0].message).toBe('PersistedQueryNotFound')
  }
})

describe('the map of the tenants', () => {
  it('holds to the bound of a tenant: what it used last stays', () => {
    const map = createTenantMap<number>({ weightMax: 1_000, weightPerTenantMax: 100 })
    for (let n = 0; n < 100; n += 1) {
      map.set('a', `${n}`, n, 10)
      expect(map.get('a', '0')).toBe(0)
      expect(map.weight).toBeLessThanOrEqual(100)
    }
    expect(map.get('a', '1')).toBeUndefined()
    expect(map.get('a', '99')).toBe(99)
  })

  it('holds to the bound of all: the tenant that was quiet for longest makes room', () => {
    const map = createTenantMap<number>({ weightMax: 300, weightPerTenantMax: 100 })
    map.set('quiet', 'x', 1, 50)
    for (let n = 0; n < 1_000; n += 1) {
      map.set(`tenant ${n % 7}`, `${n}`, n, 20)
      map.get('tenant 0', `${n}`)
      expect(map.weight).toBeLessThanOrEqual(300)
    }
    expect(map.get('quiet', 'x')).toBeUndefined()
  })

  it('one tenant never takes another’s place while there is room for both', () => {
    const map = createTenantMap<number>({ weightMax: 1_000, weightPerTenantMax: 100 })
    map.set('b', 'x', 1, 10)
    for (let n = 0; n < 1_000; n += 1) map.set('a', `${n}`, n, 10)
    expect(map.get('b', 'x')).toBe(1)
  })

  it('counts what is replaced once, and keeps nothing that is too large for a tenant', () => {
    const map = createTenantMap<number>({ weightMax: 1_000, weightPerTenantMax: 100 })
    for (let n = 0; n < 50; n += 1) map.set('a', 'x', n, 60)
    expect([map.get('a', 'x'), map.weight]).toEqual([49, 60])
    map.set('a', 'y', 1, 101)
    expect([map.get('a', 'y'), map.weight]).toEqual([undefined, 60])
  })
})
