// The shop's lists obey the laws of paging (support/paging.ts), by every sort key, with filters and search.
import { afterAll, beforeAll } from 'vitest'
import { type Api, startApi } from '../../support/api.ts'
import { itPagesLists, type List, ordered } from '../../support/paging.ts'
import { seedLists } from './list-rows.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
  await seedLists(api, 'A')
  await seedLists(api, 'B')
})
afterAll(() => api?.close())

const SORTED = [
  {
    list: 'products',
    table: 'products',
    prefix: 'prod',
    keys: {
      CREATED_AT: 'created_at desc',
      UPDATED_AT: 'updated_at desc',
      TITLE: 'title COLLATE "und-x-icu" asc',
    },
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
    keys: { CREATED_AT: 'created_at desc', NAME: 'name COLLATE "und-x-icu" asc', EMAIL: 'email asc' },
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
    sql: ordered('products', 'title COLLATE "und-x-icu" asc', `vendor = 'Vendor 1'`),
  },
]

itPagesLists(LISTS, () => api)
