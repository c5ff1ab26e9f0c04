// The cost of operations, a tenant's budget, and its report in the answer.
import { type OperationDefinitionNode, parse } from 'graphql'
import { afterEach, describe, expect, it } from 'vitest'
import type { Actor } from '../../src/auth/command-context.ts'
import type { Permission } from '../../src/auth/permissions.ts'
import { factsOf } from '../../src/edge/cost-analysis.ts'
import {
  charge,
  chargeRefusal,
  createCostBudget,
  reportOf,
  requirePoints,
  spend,
} from '../../src/edge/cost-budget.ts'
import { createTestClock } from '../auth/token-setup.ts'
import { type FrontDoor, openFrontDoor, refusalOf, smallSchema } from './front-door.ts'

const schema = smallSchema()

/** A caller with all permissions. */
const EVERYTHING = new Set<Permission>(['things:read', 'things:write', 'tenant:manage'] as Permission[])

function factsFor(source: string) {
  const document = parse(source)
  return factsOf(schema, document, document.definitions[0] as OperationDefinitionNode)
}

describe('the cost of an operation', () => {
  it.each([
    ['scalars alone', '{ hello count }', {}, 1],
    ['an object', '{ order(id: 1) { id number tags } }', {}, 3],
    ['a page of the usual size', '{ orders { nodes { id } } }', {}, 24],
    ['a page', '{ orders(first: 5) { nodes { id } pageInfo { hasNextPage } } }', {}, 8],
    ['edges, each with its node', '{ orders(last: 5) { edges { node { id } } } }', {}, 12],
    ['a count', '{ orders(first: 5) { totalCount } }', {}, 12],
    ['pages in pages', '{ orders(first: 10) { nodes { lines(first: 3) { nodes { id } } } } }', {}, 56],
    ['the object of each row', '{ orders(first: 10) { nodes { again { id } } } }', {}, 23],
    ['a page in a variable', 'query Q($n: Int) { orders(first: $n) { nodes { id } } }', { n: 50 }, 59],
    ['a variable left out', 'query Q($n: Int = 7) { orders(first: $n) { nodes { id } } }', {}, 9],
    ['as many as there are ids', '{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 4],
    ['ids in a variable', 'query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: ['a', 'b'] }, 3],
    ['a list, by the length that its field says', '{ notes { text } }', {}, 12],
    ['a list of known length', 'mutation { orderPlace { order { id } userErrors { message } } }', {}, 4],
    [
      'fragments, wherever they are spread',
      'query { a: order(id: 1) { ...F } b: order(id: 2) { ...F } } fragment F on Order { again { id } }',
      {},
      5,
    ],
    [
      'a fragment on a connection',
      'query { orders(first: 9) { ...F } } fragment F on OrderConnection { nodes { id } }',
      {},
      12,
    ],
    ['introspection', '{ __schema { types { name } } }', {}, 5_000],
    ['one type of introspection', '{ __type(name: "Order") { name } }', {}, 100],
    ['ten scalars', '{ order(id: 1) { a: number b: number c: number d: number e: number } }', {}, 2],
    ['scalars of each row', '{ orders(first: 100) { nodes { id a: number b: number c: number } } }', {}, 149],
    ['texts by their bound', '{ notes { long a: long } }', {}, 413],
    [
      'one id a hundred times',
      'query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }',
      { ids: Array(100).fill('a') },
      115,
    ],
  ])('%s', (_name, source, variables, cost) => {
    expect(factsFor(source).plan(variables, EVERYTHING).cost).toBe(cost)
  })

  it('is computed once for a document, for all callers', () => {
    const document = parse('{ orders { nodes { id } } }')
    const operation = document.definitions[0] as OperationDefinitionNode
    expect(factsOf(schema, document, operation)).toBe(factsOf(schema, document, operation))
  })

  it.each([
    ['skipped', '{ hello orders @skip(if: true) { nodes { id } } }', {}],
    ['not included', '{ hello orders @include(if: false) { nodes { id } } }', {}],
    [
      'skipped by a variable',
      'query ($a: Boolean!) { hello orders @skip(if: $a) { nodes { id } } }',
      { a: true },
    ],
    [
      'left out by a default',
      'query ($a: Boolean = false) { hello orders @include(if: $a) { totalCount } }',
      {},
    ],
    [
      'in a fragment',
      'query ($a: Boolean!) { hello ... @include(if: $a) { orders { nodes { id } } } }',
      { a: false },
    ],
    [
      'in a spread fragment',
      'query ($a: Boolean!) { hello ...F @skip(if: $a) } fragment F on Query { orders { totalCount } secretive }',
      { a: true },
    ],
  ])('a field that is %s costs nothing, needs no permission and no valid page', (_how, source, variables) => {
    const none = new Set<Permission>()
    const nothing = factsFor('{ hello }').plan({}, none).cost
    const facts = factsFor(source)
    expect(facts.plan(variables, none)).toMatchObject({ cost: nothing, refusedFor: null })
    expect([...facts.plan(variables, none).prices]).toEqual([])
    const cursor = source.replace(/orders/, 'orders(after: "foreign", first: 9999)')
    const plan = factsFor(cursor).plan(variables, EVERYTHING)
    expect(plan.cost).toBe(nothing)
    expect(() => plan.checkCursors('a')).not.toThrow()
  })

  it.each([
    ['one day', '2026-01-31', '2026-01-31', 1],
    ['30 days, over the change of clocks', '2026-03-15', '2026-04-13', 30],
    ['400 days', '2025-01-01', '2026-02-04', 400],
    ['as many as are answered at most', '2025-01-01', '9999-12-29', 400],
    ['none, for a period that ends before it begins', '2026-02-01', '2026-01-01', 0],
    ['none, for what is no day', 'yesterday', '2026-01-01', 0],
  ])('a period costs its days: %s', (_name, from, until, days) => {
    const literal = (field: string) => factsFor(`{ ${field}(from: "${from}", until: "${until}") { text } }`)
    const variable = (field: string) =>
      factsFor(`query Q($from: String!, $until: String!) { ${field}(from: $from, until: $until) { text } }`)
    const costs = (field: string) =>
      [literal(field), variable(field)].map((facts) => facts.plan({ from, until }, EVERYTHING))
    // Each day is an object with a text, and half a point more.
    for (const { cost, prices } of costs('days')) {
      expect(cost).toBe(Math.max(1, Math.ceil(days * 1.658 + 0.008)))
      expect(prices.get('days') ?? 0).toBe(days * 0.5)
    }
    // Ten objects, whatever the period.
    for (const { cost, prices } of costs('best')) {
      expect(cost).toBe(Math.ceil(10 + days * 2 + 11.588))
      expect(prices.get('best')).toBe(10 + days * 2)
    }
  })

  it('depends on the variables of each request', () => {
    const facts = factsFor('query ($a: Boolean!) { hello orders @include(if: $a) { nodes { id } } }')
    const costs = [true, false, true].map((a) => facts.plan({ a }, EVERYTHING).cost)
    expect(costs).toEqual([24, 1, 24])
  })

  it('a field that the caller may not read costs its error, and the operation a refusal', () => {
    const facts = factsFor('{ hello orders(first: 100) { nodes { id again { id } } totalCount } }')
    const all = facts.plan({}, EVERYTHING)
    const none = facts.plan({}, new Set())
    expect([all.cost > 200, none.cost, none.refusedFor]).toEqual([true, 2 + 20, null])
    expect([[...all.prices], [...none.prices]]).toEqual([[['totalCount', 10]], []])
  })

  it('an operation is refused for the missing permission of each root field where it may read none', () => {
    const refused = (source: string, ...held: Permission[]) => {
      const { refusedFor } = factsFor(source).plan({}, new Set(held))
      return refusedFor === null ? null : Object.fromEntries(refusedFor)
    }
    const both = { orders: 'things:read', secretive: 'tenant:manage' }
    expect(refused('{ orders { nodes { id } } secretive }')).toEqual(both)
    expect(refused('{ ... { secretive } orders { nodes { id } } }')).toEqual(both)
    expect(refused('{ a: secretive b: secretive a: secretive }')).toEqual({
      a: 'tenant:manage',
      b: 'tenant:manage',
    })
    expect(refused('{ orders { nodes { id } } secretive }', 'tenant:manage')).toBeNull()
    expect(refused('{ secretive hello }')).toBeNull()
    expect(refused('{ secretive @skip(if: true) orders { nodes { id } } }')).toEqual({
      orders: 'things:read',
    })
    expect(refused('{ ... { hello @skip(if: true) } secretive }')).toEqual({ secretive: 'tenant:manage' })
    expect(refused('{ node(id: 1) { ... on Order { number } } }')).toBeNull()
  })
})

/** A caller of the tenant with this id. */
function callerOf(tenantId: string, id = 'anna', kind: 'MEMBER' | 'INVITED' = 'MEMBER') {
  const scope = { tenantId, permissions: [], actor: id }
  const email = `${id}@acme.example`
  const actor: Actor = kind === 'MEMBER' ? { kind, id, role: 'STAFF', email } : { kind, id, email }
  return { scope, actor } as unknown as Parameters<ReturnType<typeof createCostBudget>['accountOf']>[0]
}

describe('a tenant’s budget', () => {
  const clock = createTestClock()
  const budget = () => createCostBudget({ clock, capacity: 1_000, restorePerSecond: 100 })
  const limited = expect.objectContaining({ code: 'RATE_LIMITED' })

  it('is spent, comes back with time, and is never more than full', () => {
    const account = budget().accountOf(callerOf('a'))
    spend(account, 750)
    expect(() => spend(account, 1)).toThrow(limited)
    clock.advance(5_000)
    spend(account, 375)
    clock.advance(60_000)
    expect(reportOf(account, 1, 1, clock)).toMatchObject({ remaining: 750, restoreRate: 75 })
    charge(account, -50)
    expect(reportOf(account, 1, 1, clock).remaining).toBe(750)
  })

  it('is the tenant’s own', () => {
    const points = budget()
    spend(points.accountOf(callerOf('a')), 750)
    expect(() => spend(points.accountOf(callerOf('b')), 750)).not.toThrow()
  })

  it('one caller spends three quarters of it at most, and the others always find the rest', () => {
    const points = budget()
    spend(points.accountOf(callerOf('a', 'key')), 750)
    expect(() => spend(points.accountOf(callerOf('a', 'key')), 1)).toThrow(limited)
    spend(points.accountOf(callerOf('a', 'owner')), 250)
    expect(() => spend(points.accountOf(callerOf('a', 'owner')), 1)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('this tenant') }),
    )
  })

  it('a caller who floods for long leaves the others a quarter of the refill', () => {
    const points = budget()
    const [key, owner] = [points.accountOf(callerOf('a', 'key')), points.accountOf(callerOf('a', 'owner'))]
    for (let second = 0; second < 60; second += 1) {
      clock.advance(1_000)
      expect(() => {
        for (;;) spend(key, 5)
      }).toThrow(limited)
      expect(() => spend(owner, 25)).not.toThrow()
    }
  })

  it('an invited person has a twentieth, for accepting', () => {
    const invited = budget().accountOf(callerOf('a', 'kim', 'INVITED'))
    expect([invited.caller.capacity, invited.caller.restorePerSecond]).toEqual([50, 5])
  })

  it('says when to retry, and when it will be full', () => {
    const account = budget().accountOf(callerOf('a'))
    spend(account, 690)
    expect(() => spend(account, 360)).toThrow(expect.objectContaining({ details: { retryAfterSeconds: 4 } }))
    expect(reportOf(account, 690, 690, clock).restoredAt).toBe(
      new Date(clock().getTime() + 9_200).toISOString(),
    )
  })

  it('an underestimated cost becomes a debt of at most one capacity', () => {
    const account = budget().accountOf(callerOf('a'))
    charge(account, 1_000_000)
    expect(reportOf(account, 1, 1, clock).remaining).toBe(0)
    expect(() => requirePoints(account)).toThrow(limited)
    clock.advance(21_000)
    expect(reportOf(account, 1, 1, clock).remaining).toBe(750)
  })

  it('refused requests have their own budget, a tenth of the share', () => {
    const account = budget().accountOf(callerOf('a'))
    chargeRefusal(account, 74)
    expect(() => requirePoints(account)).not.toThrow()
    chargeRefusal(account, 1)
    expect(() => requirePoints(account)).toThrow(limited)
    clock.advance(1_000)
    expect(() => requirePoints(account)).not.toThrow()
  })
})

describe('over HTTP', () => {
  let door: FrontDoor | undefined
  afterEach(async () => {
    await door?.close()
    door = undefined
  })
  const now = new Date('2030-01-01T00:00:00Z')
  const budget = { capacity: 1_000, restorePerSecond: 100 }

  it('the answer shows requested, used and remaining points; unused ones are returned', async () => {
    const few = () => ({ nodes: [{ id: 'a' }, { id: 'b' }], totalCount: 2 })
    door = await openFrontDoor({ clock: () => now, budget, resolvers: { orders: few } })
    const query = '{ orders(first: 50) { nodes { id } totalCount } }'
    // Reading its text the first time is charged too: 100 points, and 2 for each of 17 tokens, including its beginning
    // and end.
    expect((await door.ask(query)).body.extensions.cost.remaining).toBe(750 - 14 - 134)
    const { body } = await door.ask(query)
    expect(body.extensions.cost).toEqual({
      requested: 69,
      actual: 14,
      remaining: 750 - 14 - 14 - 134,
      restoreRate: 75,
      restoredAt: '2030-01-01T00:00:02.160Z',
    })
  })

  it('over the budget is 429 with Retry-After, and nothing is read', async () => {
    door = await openFrontDoor({ clock: () => now, budget })
    const query = (first: number) => `{ orders(first: ${first}) { nodes { id number } } }`
    expect((await door.ask(query(100))).status).toBe(200)
    const before = door.reads()
    let answer = await door.ask(query(100))
    for (let n = 0; n < 20 && answer.status === 200; n += 1) answer = await door.ask(query(100))
    expect(refusalOf(answer)).toBe('429 RATE_LIMITED')
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    const reads = door.reads()
    expect(reads).toBeGreaterThan(before)
    expect(refusalOf(await door.ask(query(100)))).toBe('429 RATE_LIMITED')
    expect(door.reads()).toBe(reads)
  })

  it('a budget too small for the largest operations reports its limit', async () => {
    door = await openFrontDoor({ clock: () => now, budget })
    const answer = await door.ask('{ orders(first: 100) { nodes { lines { nodes { id } } } } }')
    expect(refusalOf(answer)).toBe('400 QUERY_TOO_COMPLEX')
    expect(answer.body.errors[0].extensions.max).toBe(750)
  })
})
