// The laws of paging, against a list that PostgreSQL sorts whole: any walk gives each row once, in order.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId } from '../../src/core/ids.ts'
import { type Api, type Session, startApi } from '../support/api.ts'
import { asOwner } from '../support/database.ts'
import { seedLists } from './list-rows.ts'

/** Enough pages of a few rows each; walks of one row at a time stay short. */
const RUNS = 12

let api: Api
let session: Session
beforeAll(async () => {
  api = await startApi()
  session = api.as('A')
  await seedLists(api, 'A')
  await seedLists(api, 'B')
})
afterAll(() => api?.close())

interface List {
  name: string
  /** The field, with `$page` standing for its paging arguments. */
  field: string
  /** Where the connection is in the data. */
  at?: (data: Record<string, never>) => unknown
  prefix: string
  /** The ids of the list in its order, as PostgreSQL sorts them. */
  sql: string
}

const SORTED = [
  {
    list: 'products',
    table: 'products',
    prefix: 'prod',
    keys: { CREATED_AT: 'created_at desc', UPDATED_AT: 'updated_at desc', TITLE: 'title asc' },
  },
  {
    list: 'variants',
    table: 'variants',
    prefix: 'var',
    keys: { CREATED_AT: 'created_at desc', SKU: 'sku asc', PRICE: 'price_minor asc' },
  },
  {
    list: 'customers',
    table: 'customers',
    prefix: 'cust',
    keys: { CREATED_AT: 'created_at desc', NAME: 'name asc', EMAIL: 'email asc' },
  },
  {
    list: 'orders',
    table: 'orders',
    prefix: 'ord',
    keys: { PLACED_AT: 'placed_at desc', NUMBER: 'number desc', TOTAL: 'total_minor desc' },
  },
]

const reversed = (order: string) =>
  order.endsWith('desc') ? order.replace('desc', 'asc') : order.replace('asc', 'desc')

function ordered(table: string, order: string, where = 'true'): string {
  const direction = order.split(' ')[1]
  return `SELECT id FROM ${table} WHERE ${where} ORDER BY ${order}, id ${direction}`
}

const LISTS: List[] = [
  ...SORTED.flatMap(({ list, table, prefix, keys }) =>
    Object.entries(keys).flatMap(([key, order]) => [
      {
        name: `${list} by ${key}`,
        field: `${list}(sortKey: ${key}, $page)`,
        prefix,
        sql: ordered(table, order),
      },
      {
        name: `${list} by ${key}, reversed`,
        field: `${list}(sortKey: ${key}, reverse: true, $page)`,
        prefix,
        sql: ordered(table, reversed(order)),
      },
    ]),
  ),
  { name: 'members', field: 'members($page)', prefix: 'mem', sql: ordered('members', 'email asc') },
  {
    name: 'stock movements',
    field: 'stockMovements($page)',
    prefix: 'mov',
    sql: ordered('stock_movements', 'created_at desc'),
  },
  {
    name: 'orders that a filter finds',
    field:
      'orders(filter: { status: [PLACED, PAID], placedFrom: "2026-01-02T00:00:00Z" }, sortKey: TOTAL, $page)',
    prefix: 'ord',
    sql: ordered('orders', 'total_minor desc', `status IN ('PLACED', 'PAID') AND placed_at >= '2026-01-02Z'`),
  },
  {
    name: 'products that a filter and a search find',
    field: 'products(filter: { vendor: "Vendor 1" }, query: "title", sortKey: TITLE, $page)',
    prefix: 'prod',
    sql: ordered('products', 'title asc', `vendor = 'Vendor 1'`),
  },
]

interface PageOf {
  nodes: { id: string }[]
  edges: { cursor: string; node: { id: string } }[]
  pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
  totalCount: number
}

const PAGE = `{ nodes { id } edges { cursor node { id } } totalCount
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`

async function page(list: List, args: Record<string, unknown>): Promise<PageOf> {
  const given = Object.entries(args).filter(([, value]) => value !== undefined)
  const text = given.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ')
  const data = await session.data(`{ list: ${list.field.replace('$page', text)} ${PAGE} }`)
  return data.list
}

async function oracle({ prefix, sql }: List): Promise<string[]> {
  const { rows } = await asOwner(api.database, api.tenantIds.A, (owner) => owner.query(sql))
  return rows.map(({ id }) => encodeId(prefix, id))
}

const ids = ({ nodes }: PageOf) => nodes.map(({ id }) => id)

describe.each(LISTS)('$name', (list) => {
  let all: string[]
  beforeAll(async () => {
    all = await oracle(list)
    expect(all.length).toBeGreaterThan(3)
  })

  it('walked forward or backward, in pages of any size, gives each row once, in order', async () => {
    const size = fc.oneof(fc.integer({ min: 3, max: 12 }), fc.constant(100), fc.constant(all.length))
    await fc.assert(
      fc.asyncProperty(size, fc.boolean(), async (rows, backward) => {
        const walked: string[] = []
        let cursor: string | null | undefined
        for (let more = true; more; ) {
          const args = backward ? { last: rows, before: cursor } : { first: rows, after: cursor }
          const at: PageOf = await page(list, args)
          if (backward) walked.unshift(...ids(at))
          else walked.push(...ids(at))
          expect(at.totalCount).toBe(all.length)
          more = backward ? at.pageInfo.hasPreviousPage : at.pageInfo.hasNextPage
          cursor = backward ? at.pageInfo.startCursor : at.pageInfo.endCursor
        }
        expect(walked).toEqual(all)
      }),
      { numRuns: 4 },
    )
  })

  it('between any two cursors, in either direction, is what the whole list has there', async () => {
    const cursors: string[] = []
    for (let after: string | undefined; cursors.length < all.length; after = cursors.at(-1))
      cursors.push(...(await page(list, { first: 100, after })).edges.map(({ cursor }) => cursor))
    const position = fc.option(fc.integer({ min: 0, max: all.length - 1 }), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(
        position,
        position,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (after, before, size, backward) => {
          const window = all.slice(after === undefined ? 0 : after + 1, before)
          const expected = backward ? window.slice(-size) : window.slice(0, size)
          const answer = await page(list, {
            ...(backward ? { last: size } : { first: size }),
            after: after === undefined ? undefined : cursors[after],
            before: before === undefined ? undefined : cursors[before],
          })
          expect(ids(answer)).toEqual(expected)
          expect(answer.edges.map(({ node }) => node.id)).toEqual(expected)
          expect(answer.pageInfo.startCursor).toBe(answer.edges[0]?.cursor ?? null)
          expect(answer.pageInfo.endCursor).toBe(answer.edges.at(-1)?.cursor ?? null)
          const more = window.length > expected.length
          expect(backward ? answer.pageInfo.hasPreviousPage : answer.pageInfo.hasNextPage).toBe(more)
        },
      ),
      { numRuns: RUNS },
    )
  })
})
