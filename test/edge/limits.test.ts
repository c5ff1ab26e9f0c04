// Hostile documents and sizes: refused before anything is read, and before slow processing.
import { createHash } from 'node:crypto'
import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor, refusalOf } from './front-door.ts'

let door: FrontDoor
beforeAll(async () => {
  // A refill large enough that the machine's speed does not affect the next request.
  door = await openFrontDoor({ budget: { restorePerSecond: 100_000_000 } })
})
afterAll(() => door?.close())

const repeat = (count: number, make: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => make(n)).join(' ')
const nested = (depth: number, inner: string) =>
  `{ order(id: 1) { ${'again { '.repeat(depth)}${inner}${' }'.repeat(depth)} } }`

async function refused(query: string, variables: Record<string, unknown> = {}): Promise<string> {
  const before = door.reads()
  const answer = await door.ask(query, variables)
  expect(door.reads(), 'nothing may be read').toBe(before)
  expect(answer.body).not.toHaveProperty('data')
  return refusalOf(answer)
}

describe('case 26: refused before anything is read', () => {
  it.each([
    ['30,000 aliases', `{ ${repeat(30_000, (n) => `a${n}:hello`)} }`, '413 BAD_USER_INPUT'],
    [
      '30,000 short aliases',
      `{ ${repeat(30_000, (n) => `${'abcdefgh'[n % 8]}:hello`).slice(0, 200_000)} }`,
      '400 QUERY_TOO_COMPLEX',
    ],
    ['51 aliases', `{ order(id: 1) { ${repeat(51, (n) => `a${n}: number`)} } }`, '400 QUERY_TOO_COMPLEX'],
    [
      'aliases multiplied by fragments',
      `{ order(id: 1) { ...A again { ...A } } } fragment A on Order { ${repeat(26, (n) => `a${n}: number`)} }`,
      '400 QUERY_TOO_COMPLEX',
    ],
    [
      '3,000 conflicting fields',
      `{ ${repeat(3_000, (n) => `hello(name: "${n}")`)} }`,
      '400 QUERY_TOO_COMPLEX',
    ],
    ['conflicting fields under the limits', '{ hello(name: "a") hello(name: "b") }', '400 BAD_USER_INPUT'],
    ['21 fields at the root', `{ ${repeat(21, () => 'hello')} }`, '400 QUERY_TOO_COMPLEX'],
    ['16 levels', nested(15, 'id'), '400 QUERY_TOO_COMPLEX'],
    ['a fragment in itself', '{ ...A } fragment A on Query { ...A }', '400 BAD_USER_INPUT'],
    [
      'fragments in a circle',
      '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
      '400 BAD_USER_INPUT',
    ],
    [
      'an unused circle',
      '{ hello } fragment A on Query { ...B } fragment B on Query { ...A }',
      '400 BAD_USER_INPUT',
    ],
    [
      'fragments that double thirty times',
      `{ ...F0 } ${repeat(30, (n) => `fragment F${n} on Order { a: again { ...F${n + 1} } b: again { ...F${n + 1} } }`)} fragment F30 on Order { id }`,
      '400 QUERY_TOO_COMPLEX',
    ],
    [
      'a circle of introspection',
      '{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }',
      '400 BAD_USER_INPUT',
    ],
    [
      'wide lists in wide lists',
      '{ orders(first: 100) { nodes { lines(first: 100) { nodes { id } } } } }',
      '400 QUERY_TOO_COMPLEX',
    ],
    [
      'deep lists of the usual size',
      '{ orders { nodes { lines { nodes { order { lines { nodes { order { lines { nodes { id } } } } } } } } } } }',
      '400 QUERY_TOO_COMPLEX',
    ],
    [
      'a thousand levels',
      `{ order(id: 1) ${'{ again '.repeat(900)}{ id }${' }'.repeat(900)} }`,
      '400 QUERY_TOO_COMPLEX',
    ],
  ])('case 26: %s', async (_name, query, refusal) => {
    expect(await refused(query)).toBe(refusal)
  })

  it('case 26: GraphiQL may introspect, and a deep but small operation runs', async () => {
    const { status, body } = await door.ask(
      getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true }),
    )
    expect([status, body.errors, body.data.__schema.queryType.name]).toEqual([200, undefined, 'Query'])
    expect((await door.ask(nested(13, 'id'))).status).toBe(200)
  })
})

describe('case 27: sizes', () => {
  it('case 27: a body over 256 KiB is answered 413', async () => {
    expect(await refused('{ hello }', { pad: 'x'.repeat(256 * 1_024) })).toBe('413 BAD_USER_INPUT')
  })

  it.each(['variables', 'extensions'])('case 27: deep JSON in %s is answered 400', async (name) => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
    const answer = await door.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"query":"{ hello }","${name}":${deep}}`,
    })
    expect(refusalOf(answer)).toBe('400 BAD_USER_INPUT')
  })

  it('case 27: JSON that would change a prototype is answered 400', async () => {
    const answer = await door.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ hello }","variables":{"__proto__":{"polluted":true}}}',
    })
    expect(refusalOf(answer)).toBe('400 BAD_USER_INPUT')
  })
})

describe('case 28: page sizes', () => {
  it.each(['first: 1000000000', 'first: 101', 'first: 0', 'first: -1', 'last: -5', 'first: 1, last: 1'])(
    'case 28: %s is refused as a literal',
    async (argument) => {
      expect(await refused(`{ orders(${argument}) { nodes { id } } }`)).toBe('400 BAD_USER_INPUT')
    },
  )

  it.each([1_000_000_000, 101, 0, -1, 1.5, '20', [1], {}])(
    'case 28: first = %j is refused as a variable',
    async (first) => {
      const query = 'query Q($first: Int) { orders(first: $first) { nodes { id } } }'
      expect(await refused(query, { first })).toBe('400 BAD_USER_INPUT')
    },
  )

  it('case 28: a page size in a fragment, and one that is a default, are held to the same', async () => {
    expect(await refused('{ ...F } fragment F on Query { orders(first: 101) { nodes { id } } }')).toBe(
      '400 BAD_USER_INPUT',
    )
    expect(await refused('query Q($n: Int = 101) { orders(first: $n) { nodes { id } } }')).toBe(
      '400 BAD_USER_INPUT',
    )
  })

  it('case 28: 1 to 100, from either end, and no size, are accepted', async () => {
    const query = 'query Q($first: Int, $last: Int) { orders(first: $first, last: $last) { nodes { id } } }'
    const sizeOf = async (variables: object) =>
      (await door.ask(query, { ...variables })).body.data.orders.nodes.length
    expect(await sizeOf({})).toBe(20)
    expect(await sizeOf({ first: 1 })).toBe(1)
    expect(await sizeOf({ first: 100, last: null })).toBe(100)
    expect(await sizeOf({ last: 7 })).toBe(7)
    for (const none of [{ first: null }, { last: null }, { first: null, last: null }])
      expect(await sizeOf(none)).toBe(20)
  })
})

describe('case 28: persisted queries', () => {
  const hashOf = (query: string) => createHash('sha256').update(query).digest('hex')
  const persisted = (sha256Hash: unknown, query?: string, role?: 'VIEWER') =>
    door.send(
      '/graphql',
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, extensions: { persistedQuery: { version: 1, sha256Hash } } }),
      },
      role,
    )

  it('case 28: a hash that is not the query’s is answered 400', async () => {
    expect(refusalOf(await persisted(hashOf('{ hello }'), '{ count }'))).toBe('400 BAD_USER_INPUT')
    for (const hash of ['', 'abc', {}, null, `${hashOf('{ hello }')}0`]) {
      expect(refusalOf(await persisted(hash))).toBe('400 BAD_USER_INPUT')
    }
  })

  it('case 28: a query can be sent by its hash once it was sent whole', async () => {
    const query = '{ hello(name: "again") }'
    expect((await persisted(hashOf(query))).body.errors[0].message).toBe('PersistedQueryNotFound')
    expect((await persisted(hashOf(query), query)).body.data).toEqual({ hello: 'hello again' })
    expect((await persisted(hashOf(query))).body.data).toEqual({ hello: 'hello again' })
  })

  it('case 28: a cached document does not bypass permission, cost or validity', async () => {
    const secret = '{ secretive }'
    expect((await persisted(hashOf(secret), secret)).status).toBe(200)
    expect(refusalOf(await persisted(hashOf(secret), undefined, 'VIEWER'))).toBe('403 FORBIDDEN')
    const dear = '{ orders(first: 100) { nodes { lines(first: 100) { nodes { id } } } } }'
    expect(refusalOf(await persisted(hashOf(dear), dear))).toBe('400 QUERY_TOO_COMPLEX')
    expect((await persisted(hashOf(dear))).body.errors[0].message).toBe('PersistedQueryNotFound')
    const invalid = '{ nothing }'
    expect(refusalOf(await persisted(hashOf(invalid), invalid))).toBe('400 BAD_USER_INPUT')
    expect((await persisted(hashOf(invalid))).body.errors[0].message).toBe('PersistedQueryNotFound')
  })
})

describe('an operation of which the caller may read nothing is refused', () => {
  it.each([
    ['a field', '{ secretive }', 'tenant:manage'],
    [
      'a field in a fragment',
      '{ ...A } fragment A on Query { ...B } fragment B on Query { secretive }',
      'tenant:manage',
    ],
    ['a field beside one that is skipped', '{ hello @skip(if: true) secretive }', 'tenant:manage'],
  ])('%s that the caller may not read: 403, and nothing is read', async (_name, query, permission) => {
    const before = door.reads()
    const answer = await door.ask(query, {}, 'VIEWER')
    expect(refusalOf(answer)).toBe('403 FORBIDDEN')
    expect(answer.body.errors[0].message).toContain(permission)
    expect(door.reads()).toBe(before)
  })

  it('each of its root fields has an error at its path, by its response name', async () => {
    const query = '{ a: secretive ...F } fragment F on Query { b: secretive hello @skip(if: true) }'
    const { status, body, headers } = await door.ask(query, {}, 'VIEWER')
    expect([status, 'data' in body]).toEqual([403, false])
    const requestId = headers.get('x-request-id')
    const refused = {
      message: 'this needs the permission tenant:manage',
      extensions: { code: 'FORBIDDEN', permission: 'tenant:manage', requestId },
    }
    expect(body.errors).toEqual([
      { ...refused, path: ['a'] },
      { ...refused, path: ['b'] },
    ])
  })

  it('of one part of which the caller may read nothing, that part is null with an error at its path', async () => {
    const { status, body, headers } = await door.ask('{ hello a: secretive b: secretive }', {}, 'VIEWER')
    expect([status, body.data]).toEqual([200, { hello: 'hello you', a: null, b: null }])
    const refused = { code: 'FORBIDDEN', permission: 'tenant:manage' }
    expect(body.errors).toMatchObject([
      { path: ['a'], extensions: refused },
      { path: ['b'], extensions: refused },
    ])
    expect(headers.get('retry-after')).toBeNull()
    expect((await door.ask('{ hello secretive @skip(if: true) }', {}, 'VIEWER')).body.errors).toBeUndefined()
  })

  it('pays a refusal for a part that it may not read, each time', async () => {
    const costOf = async (query: string) => {
      await door.ask(query, {}, 'VIEWER')
      return (await door.ask(query, {}, 'VIEWER')).body.extensions.cost.actual
    }
    expect((await costOf('{ hello secretive }')) - (await costOf('{ hello }'))).toBeGreaterThanOrEqual(20)
  })

  it('the operation that is named counts, not its neighbour', async () => {
    const answer = await door.send(
      '/graphql',
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: 'query A { hello } query B { secretive }', operationName: 'A' }),
      },
      'VIEWER',
    )
    expect(answer.body.data).toEqual({ hello: 'hello you' })
  })
})
