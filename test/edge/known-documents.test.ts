// Persisted queries: separate per tenant, and bounded per tenant and in total.
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { createKnownDocuments } from '../../src/edge/known-documents.ts'
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

/** A server with two tenants; sends as the owner of one of them. */
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

  it('a hash does not reveal whether another tenant ran a document', async () => {
    const send = await openForTwo()
    expect((await send('acme', { query, ...persisted(query) })).body.data).toBeTruthy()
    expect((await send('acme', persisted(query))).body.data).toBeTruthy()
    const answer = await send('globex', persisted(query))
    expect([answer.status, answer.body.errors[0].message]).toEqual([200, 'PersistedQueryNotFound'])
    expect(answer.body.errors[0].extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND')
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

describe('what is kept', () => {
  /** A quarter of a tenant's bound. */
  const SOURCE = 'x'.repeat(250_000)

  it('is bounded for a tenant: what it used last stays', () => {
    const known = createKnownDocuments()
    for (let n = 0; n < 10; n += 1) {
      known.add('a', `${n}`, SOURCE)
      expect(known.has('a', '0')).toBe(true)
    }
    const left = Array.from({ length: 10 }, (_, n) => `${n}`).filter((hash) => known.has('a', hash))
    expect(left).toEqual(['0', '7', '8', '9'])
  })

  it('is bounded in total: the longest idle tenant is evicted', () => {
    const known = createKnownDocuments()
    known.add('quiet', '1', SOURCE)
    known.add('busy', '1', SOURCE)
    for (let n = 0; n < 200; n += 1) {
      known.add(`tenant ${n}`, '1', SOURCE)
      expect(known.has('busy', '1')).toBe(true)
    }
    expect(known.has('quiet', '1')).toBe(false)
    const left = Array.from({ length: 200 }, (_, n) => `tenant ${n}`).filter((id) => known.has(id, '1'))
    expect(left).toHaveLength(132)
  })

  it('grows with what a tenant adds, too', () => {
    const known = createKnownDocuments()
    for (let n = 0; n < 40; n += 1) {
      for (let m = 0; m < 4; m += 1) known.add(`tenant ${n}`, `${m}`, SOURCE)
    }
    const left = Array.from({ length: 40 }, (_, n) => `tenant ${n}`).filter((id) => known.has(id, '3'))
    expect(left).toEqual(Array.from({ length: 33 }, (_, n) => `tenant ${n + 7}`))
  })

  it('a tenant alone never takes another’s place', () => {
    const known = createKnownDocuments()
    known.add('b', '1', SOURCE)
    for (let n = 0; n < 1_000; n += 1) known.add('a', `${n}`, SOURCE)
    expect(known.has('b', '1')).toBe(true)
  })

  it('nothing that is too large for a tenant', () => {
    const known = createKnownDocuments()
    known.add('a', '1', 'x'.repeat(1_048_576))
    expect(known.has('a', '1')).toBe(false)
  })
})
