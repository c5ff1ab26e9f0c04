// What an operation costs, what a tenant may spend, and what the answer says of it.
import { type OperationDefinitionNode, parse } from 'graphql'
import { afterEach, describe, expect, it } from 'vitest'
import { createCostBudget } from '../../src/edge/cost-budget.ts'
import { factsOf } from '../../src/edge/document-facts.ts'
import { createRecentMap } from '../../src/edge/recent-map.ts'
import { type FrontDoor, openFrontDoor, refusalOf, smallSchema } from './front-door.ts'
import { createTestClock } from './token-setup.ts'

const schema = smallSchema()

function factsFor(source: string) {
  const document = parse(source)
  return factsOf(schema, document, document.definitions[0] as OperationDefinitionNode)
}

describe('the cost of an operation', () => {
  it.each([
    ['scalars alone', '{ hello count }', {}, 1],
    ['an object', '{ order(id: 1) { id number tags } }', {}, 1],
    ['a page of the usual size', '{ orders { nodes { id } } }', {}, 21],
    ['a page', '{ orders(first: 5) { nodes { id } pageInfo { hasNextPage } } }', {}, 7],
    ['edges, each with its node', '{ orders(last: 5) { edges { node { id } } } }', {}, 11],
    ['a count', '{ orders(first: 5) { totalCount } }', {}, 11],
    ['pages in pages', '{ orders(first: 10) { nodes { lines(first: 3) { nodes { id } } } } }', {}, 51],
    ['the object of each row', '{ orders(first: 10) { nodes { again { id } } } }', {}, 21],
    ['a page in a variable', 'query Q($n: Int) { orders(first: $n) { nodes { id } } }', { n: 50 }, 51],
    ['a variable left out', 'query Q($n: Int = 7) { orders(first: $n) { nodes { id } } }', {}, 8],
    ['as many as there are ids', '{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3],
    ['ids in a variable', 'query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: ['a', 'b'] }, 2],
    ['a list of unknown length', '{ notes { text } }', {}, 10],
    ['a list of known length', 'mutation { orderPlace { order { id } userErrors { message } } }', {}, 3],
    [
      'fragments, wherever they are spread',
      'query { a: order(id: 1) { ...F } b: order(id: 2) { ...F } } fragment F on Order { again { id } }',
      {},
      4,
    ],
    [
      'a fragment on a connection',
      'query { orders(first: 9) { ...F } } fragment F on OrderConnection { nodes { id } }',
      {},
      10,
    ],
    ['introspection', '{ __schema { types { name } } }', {}, 100],
  ])('%s', (_name, source, variables, cost) => {
    expect(factsFor(source).cost(variables)).toBe(cost)
  })

  it('is known once for a document, whoever asks', () => {
    const document = parse('{ orders { nodes { id } } }')
    const operation = document.definitions[0] as OperationDefinitionNode
    expect(factsOf(schema, document, operation)).toBe(factsOf(schema, document, operation))
  })

  it('names the permissions of fields, of types, and of fragments behind an interface', () => {
    expect(factsFor('{ orders { nodes { id } } secretive }').permissions).toEqual([
      'orders:read',
      'tenant:manage',
    ])
    expect(factsFor('{ node(id: 1) { ... on Order { number } } }').permissions).toEqual(['orders:read'])
    expect(factsFor('{ node(id: 1) { id } }').permissions).toEqual([])
  })
})

describe('a tenant’s budget', () => {
  const clock = createTestClock()
  const budget = () => createCostBudget({ clock, capacity: 100, restorePerSecond: 10 })

  it('is spent, comes back with time, and is never more than full', () => {
    const points = budget()
    points.spend('a', 100)
    expect(() => points.spend('a', 1)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }))
    clock.advance(5_000)
    points.spend('a', 50)
    clock.advance(60_000)
    expect(points.report('a', 1, 1)).toMatchObject({ remaining: 100, restoreRate: 10 })
    points.refund('a', 50)
    expect(points.report('a', 1, 1).remaining).toBe(100)
  })

  it('is the tenant’s own', () => {
    const points = budget()
    points.spend('a', 100)
    expect(() => points.spend('b', 100)).not.toThrow()
  })

  it('says when to come again, and when it will be full', () => {
    const points = budget()
    points.spend('a', 90)
    expect(() => points.spend('a', 60)).toThrow(
      expect.objectContaining({ details: { retryAfterSeconds: 5 } }),
    )
    expect(points.report('a', 90, 90).restoredAt).toBe(new Date(clock().getTime() + 9_000).toISOString())
  })
})

describe('over HTTP', () => {
  let door: FrontDoor | undefined
  afterEach(async () => {
    await door?.close()
    door = undefined
  })
  const now = new Date('2030-01-01T00:00:00Z')
  const budget = { capacity: 100, restorePerSecond: 10 }

  it('the answer says what was asked for, used and left; what was not used is given back', async () => {
    const few = () => ({ nodes: [{ id: 'a' }, { id: 'b' }], totalCount: 2 })
    door = await openFrontDoor({ clock: () => now, budget, resolvers: { orders: few } })
    const { body } = await door.ask('{ orders(first: 50) { nodes { id } totalCount } }')
    expect(body.extensions.cost).toEqual({
      requested: 61,
      actual: 13,
      remaining: 87,
      restoreRate: 10,
      restoredAt: '2030-01-01T00:00:01.300Z',
    })
  })

  it('over the budget is 429 with Retry-After, and nothing is read', async () => {
    door = await openFrontDoor({ clock: () => now, budget })
    const query = '{ orders(first: 60) { nodes { id } } }'
    expect((await door.ask(query)).status).toBe(200)
    const before = door.reads()
    const answer = await door.ask(query)
    expect(refusalOf(answer)).toBe('429 RATE_LIMITED')
    expect(answer.headers.get('retry-after')).toBe('3')
    expect(door.reads()).toBe(before)
  })

  it('an operation that fails gives back what it did not use', async () => {
    const fail = () => {
      throw new Error('no')
    }
    door = await openFrontDoor({ clock: () => now, budget, resolvers: { orders: fail } })
    const { body } = await door.ask('{ orders(first: 60) { nodes { id } } }')
    expect(body.extensions.cost).toMatchObject({ requested: 61, actual: 1, remaining: 99 })
  })
})

describe('the map of recent things', () => {
  it('forgets what was long unused, keeps what is used, and stays within its bound', () => {
    const map = createRecentMap<number>(10)
    map.set('used', 0)
    for (let n = 1; n <= 1_000; n += 1) {
      map.set(`${n}`, n)
      expect(map.get('used')).toBe(0)
      expect(map.size).toBeLessThanOrEqual(11)
    }
    expect(map.get('1')).toBeUndefined()
    expect(map.get('1000')).toBe(1_000)
  })

  it('counts weights', () => {
    const map = createRecentMap<string>(100)
    map.set('a', 'heavy', 60)
    map.set('b', 'heavy', 60)
    expect(map.get('a')).toBeUndefined()
    expect(map.get('b')).toBe('heavy')
    map.delete('b')
    expect(map.get('b')).toBeUndefined()
  })
})
