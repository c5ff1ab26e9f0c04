// The number of statements of an operation of any shape: projection must leave no query per row.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { countStatements } from '../../support/statements.ts'
import { makeShop, type Shop } from '../support/shop.ts'

let api: Api
let session: Session
let shop: Shop
beforeAll(async () => {
  api = await startApi()
  session = api.as('A')
  shop = await makeShop(api, 'A')
})
afterAll(() => api?.close())

/** The caller's membership is looked up once per request; all other statements are the operation's. */
const MEMBERSHIP = /app\.resolve_member/

async function statementsOf(source: string, variables: Record<string, unknown> = {}): Promise<string[]> {
  const { statements } = await countStatements(() => session.data(source, variables))
  return statements.filter((text) => !MEMBERSHIP.test(text))
}

const LINE = 'id sku title quantity unitPrice { amount } total { amountMinor currency }'

const OPERATIONS: { what: string; source: (shop: Shop) => string; statements: number }[] = [
  {
    what: 'one order by id',
    source: ({ orders }) => `{ order(id: "${orders.PLACED.id}") { id number status total { amount } } }`,
    statements: 1,
  },
  {
    what: 'a page of orders with their customers',
    source: () => '{ orders(first: 20) { nodes { id number customer { id name } } } }',
    statements: 1,
  },
  {
    what: 'a page of orders with customers and lines',
    source: () =>
      `{ orders(first: 20) { nodes { id customer { name } lines(first: 3) { nodes { ${LINE} } } } } }`,
    statements: 1,
  },
  {
    what: 'three levels: customers, their orders, their lines, and what was bought',
    source: () =>
      `{ customers { nodes { name orders(first: 5) { nodes { number
         lines(first: 5) { nodes { sku variant { sku product { title } } } } } } } } }`,
    statements: 1,
  },
  {
    what: 'products with variants, their stock and its movements',
    source: () =>
      '{ products { nodes { title variants { nodes { sku stock { available } stockMovements(first: 2) { nodes { reason } } } } } } }',
    statements: 1,
  },
  {
    what: 'a fourth list within lists: one more, however many rows',
    source: () =>
      '{ customers(first: 3) { nodes { orders(first: 2) { nodes { customer { orders(first: 2) { nodes { customer { orders(first: 2) { nodes { lines(first: 2) { nodes { sku } } } } } } } } } } } } }',
    statements: 2,
  },
  {
    what: 'edges and nodes of one list together',
    source: () =>
      '{ orders { edges { cursor node { number customer { name } } } nodes { number lines { nodes { sku } } } pageInfo { endCursor } } }',
    statements: 1,
  },
  {
    what: 'a root totalCount',
    source: () => '{ orders(first: 1) { totalCount nodes { id } } }',
    statements: 2,
  },
  {
    what: 'a nested totalCount, for every row',
    source: () => '{ orders { nodes { number lines(first: 1) { totalCount nodes { sku } } } } }',
    statements: 1,
  },
  {
    what: 'one list under two aliases with the same page',
    source: () =>
      '{ orders { nodes { a: lines(first: 1) { nodes { sku } } b: lines(first: 1) { nodes { title } totalCount } } } }',
    statements: 1,
  },
  {
    what: 'one list under three aliases with different pages: one more for each, however many orders',
    source: () =>
      '{ orders { nodes { a: lines(first: 1) { nodes { sku } } b: lines(first: 2) { nodes { sku } } c: lines(last: 1) { nodes { sku } } } } }',
    statements: 3,
  },
  {
    what: 'fragments on the type, on an interface, and named',
    source: () =>
      `{ orders { nodes { ... on Node { id } ... on Order { number } ...More } } }
       fragment More on Order { customer { ... on Node { id } ... { name } } lines { nodes { ...Line } } }
       fragment Line on OrderLine { sku variant { product { title } } }`,
    statements: 1,
  },
  {
    what: 'nodes: one for each type among the ids',
    source: ({ orders, customers, variants }) =>
      `{ nodes(ids: ["${orders.PLACED.id}", "${customers[0]}", "${orders.PAID.id}", "${variants[0]}", "${customers[1]}"]) {
         __typename id ... on Order { lines { nodes { sku } } } ... on Customer { orders(first: 1) { nodes { number } } }
       } }`,
    statements: 3,
  },
  { what: 'nodes that are no ids: none', source: () => '{ nodes(ids: ["x", ""]) { id } }', statements: 0 },
  {
    what: 'the viewer, their tenant and their permissions',
    source: () => '{ viewer { member { name } tenant { name slug } permissions } }',
    statements: 2,
  },
]

describe('an operation costs a fixed number of statements', () => {
  it.each(OPERATIONS)('$what: $statements', async ({ source, statements }) => {
    expect(await statementsOf(source(shop))).toHaveLength(statements)
  })

  it('reads only requested columns', async () => {
    const [text = ''] = await statementsOf('{ orders(first: 2) { nodes { number } } }')
    expect(text).not.toMatch(/cancel_reason|refunded_minor|customer_id/)
  })

  it('reads nothing for fields that @skip and @include omit', async () => {
    const source = `query ($yes: Boolean!, $no: Boolean!) { orders { nodes {
      number
      customer @skip(if: $yes) { name }
      lines @include(if: $no) { nodes { sku } }
      ... @include(if: $no) { cancelReason }
      ...Refund @skip(if: $yes)
    } } }
    fragment Refund on Order { refundedAmount { amount } }`
    const [text = '', ...more] = await statementsOf(source, { yes: true, no: false })
    expect(more).toEqual([])
    expect(text).not.toMatch(/customers|order_lines|cancel_reason|refunded_minor/)
    const { orders } = await session.data(source, { yes: false, no: true })
    expect(Object.keys(orders.nodes[0])).toEqual([
      'number',
      'customer',
      'lines',
      'cancelReason',
      'refundedAmount',
    ])
  })
})

describe('lists asked for more than once', () => {
  it('each alias answers its own page', async () => {
    const { order } = await session.data(
      `query ($id: ID!) { order(id: $id) {
        first: lines(first: 1) { nodes { sku } pageInfo { hasNextPage } }
        all: lines(first: 5) { nodes { sku } totalCount }
        last: lines(last: 1) { nodes { sku } pageInfo { hasPreviousPage } }
      } }`,
      { id: shop.orders.PLACED.id },
    )
    expect(order).toEqual({
      first: { nodes: [{ sku: 'Anchor-1' }], pageInfo: { hasNextPage: true } },
      all: { nodes: [{ sku: 'Anchor-1' }, { sku: 'Anchor-2' }], totalCount: 2 },
      last: { nodes: [{ sku: 'Anchor-2' }], pageInfo: { hasPreviousPage: true } },
    })
  })

  it('and a fragment used in two places, one of which has more fields, has them there', async () => {
    const { order } = await session.data(
      `query ($id: ID!) { order(id: $id) {
        customer { orders(last: 1) { nodes { ...Pages } } }
        ...Pages
        second: lines(first: 2) { nodes { sku quantity } }
      } }
      fragment Pages on Order { first: lines(first: 1) { nodes { id } } second: lines(first: 2) { nodes { id } } }`,
      { id: shop.orders.PLACED.id },
    )
    for (const line of order.second.nodes) expect(Object.keys(line)).toEqual(['id', 'sku', 'quantity'])
    expect(order.customer.orders.nodes[0].second.nodes).toEqual(
      order.second.nodes.map(({ id }: Data) => ({ id })),
    )
  })

  it('and so do aliases inside an aliased list', async () => {
    const movements = (first: number) => `stockMovements(first: ${first}) { nodes { reason } }`
    const { order } = await session.data(
      `query ($id: ID!) { order(id: $id) {
        a: lines(first: 1) { nodes { sku } }
        b: lines(first: 2) { nodes { variant { one: ${movements(1)} three: ${movements(3)} } } }
      } }`,
      { id: shop.orders.PLACED.id },
    )
    for (const { variant } of order.b.nodes) {
      expect(variant.one.nodes).toHaveLength(1)
      expect(variant.three.nodes).toHaveLength(3)
      expect(variant.three.nodes[0]).toEqual(variant.one.nodes[0])
    }
  })

  it('a fragment used in two places answers in both, in any order of the lists', async () => {
    const { orders, order } = await session.data(
      `query ($id: ID!) {
        orders(last: 1) { nodes { a: lines(first: 1) { nodes { sku } } ...Two } }
        order(id: $id) { ...Two }
      }
      fragment Two on Order { b: lines(first: 2) { nodes { sku } } }`,
      { id: shop.orders.PLACED.id },
    )
    const both = { nodes: [{ sku: 'Anchor-1' }, { sku: 'Anchor-2' }] }
    expect(orders.nodes).toEqual([{ a: { nodes: [{ sku: 'Anchor-1' }] }, b: both }])
    expect(order).toEqual({ b: both })
  })

  it('two selections of one field are one page with the fields of both', async () => {
    const { orders } = await session.data(
      `{ orders(last: 1) { nodes { lines(first: 1) { nodes { sku } } } }
         ...Again }
       fragment Again on Query { orders(last: 1) { nodes { lines(first: 1) { nodes { quantity } totalCount } } } }`,
    )
    expect(orders.nodes).toEqual([{ lines: { nodes: [{ sku: 'Anchor-1', quantity: 2 }], totalCount: 2 } }])
  })
})
