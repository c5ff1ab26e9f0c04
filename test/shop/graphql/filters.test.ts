// Filters of lists: by columns of relations, ranges, days of the tenant's time zone, and times of change.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DATAMODEL } from '../../../src/db/datamodel.ts'
import { compileRead } from '../../../src/db/reader/read-sql.ts'
import { spanOf } from '../../../src/graphql/between.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asOwner, asRuntime } from '../../support/database.ts'
import { keyWith } from '../../walls/bearers.ts'
import {
  makeCustomer,
  makeProduct,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../support/shop.ts'

let api: Api
let a: Session
let kettles: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  kettles = await makeProduct(a, { title: 'Kettle', vendor: 'Forge', category: 'Kitchen' })
  const bowls = await makeProduct(a, { title: 'Bowl', vendor: 'Clay', category: 'Kitchen', status: 'DRAFT' })
  await makeVariant(a, { productId: kettles, sku: 'K-1', priceMinor: 1000n })
  await makeVariant(a, { productId: kettles, sku: 'K-2', priceMinor: 2050n })
  await makeVariant(a, { productId: kettles, sku: 'K-3', priceMinor: 1500n, currency: 'EUR' })
  await makeVariant(a, { productId: bowls, sku: 'B-1', priceMinor: 2050n })
  await makeVariant(api.as('B'), { sku: 'K-1', priceMinor: 1000n })
})
afterAll(() => api?.close())

const skus = async (filter: object) => {
  const { variants } = await a.data(
    'query ($filter: VariantFilter) { variants(filter: $filter, sortKey: SKU) { totalCount nodes { sku } } }',
    { filter },
  )
  expect(variants.totalCount).toBe(variants.nodes.length)
  return variants.nodes.map(({ sku }: Data) => sku)
}

describe('variants', () => {
  it('by their product, and what is known of it', async () => {
    expect(await skus({ productId: kettles })).toEqual(['K-1', 'K-2', 'K-3'])
    expect(await skus({ vendor: 'Clay' })).toEqual(['B-1'])
    expect(await skus({ category: 'Kitchen', status: ['DRAFT'] })).toEqual(['B-1'])
    expect(await skus({ vendor: 'Forge', status: ['DRAFT'] })).toEqual([])
  })

  it('by a range of prices in one currency, with its bounds', async () => {
    expect(await skus({ price: { min: '10.00', max: '20.50', currency: 'USD' } })).toEqual([
      'B-1',
      'K-1',
      'K-2',
    ])
    expect(await skus({ price: { min: '10.01', currency: 'USD' } })).toEqual(['B-1', 'K-2'])
    expect(await skus({ price: { currency: 'EUR' } })).toEqual(['K-3'])
    expect(await skus({ price: { max: '9'.repeat(30), currency: 'USD' } })).toHaveLength(3)
    const { errors } = await a.send(
      '{ variants(filter: { price: { min: "1.001", currency: "USD" } }) { totalCount } }',
    )
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })
})

describe('orders', () => {
  const numbers = async (filter: object, session = a) => {
    const { orders } = await session.data(
      'query ($filter: OrderFilter) { orders(filter: $filter, sortKey: NUMBER, reverse: true) { nodes { number } } }',
      { filter },
    )
    return orders.nodes.map(({ number }: Data) => number)
  }
  const TIMES = [
    '2026-03-28T22:59:59Z',
    '2026-03-28T23:00:00Z',
    '2026-03-29T21:59:59Z',
    '2026-03-29T22:00:00Z',
  ]

  beforeAll(async () => {
    const customer = await makeCustomer(a)
    const { variants } = await a.data('{ variants(query: "K-1") { nodes { id } } }')
    const [{ id }] = variants.nodes
    for (const [n] of TIMES.entries()) await placeOrder(a, customer, [{ variantId: id, quantity: n + 1 }])
    await asOwner(api.database, api.tenantIds.A, async (owner) => {
      for (const [n, time] of TIMES.entries())
        await owner.query('UPDATE orders SET placed_at = $1 WHERE number = $2', [time, n + 1])
      await owner.query(`UPDATE tenants SET time_zone = 'Europe/Berlin'`)
    })
  })

  it('by number, SKU and total', async () => {
    expect(await numbers({ number: 2 })).toEqual([2])
    expect(await numbers({ sku: 'K-1' })).toEqual([1, 2, 3, 4])
    expect(await numbers({ sku: 'K-2' })).toEqual([])
    expect(await numbers({ total: { min: '20.00', max: '30.00', currency: 'USD' } })).toEqual([2, 3])
  })

  it("by days of the tenant's time zone, the shorter one of spring included", async () => {
    expect(await numbers({ placedOn: { from: '2026-03-29', until: '2026-03-29' } })).toEqual([2, 3])
    expect(await numbers({ placedOn: { until: '2026-03-28' } })).toEqual([1])
    expect(await numbers({ placedOn: { from: '2026-03-30' } })).toEqual([4])
    expect(await numbers({ placedOn: {} })).toHaveLength(4)
    const { errors } = await a.send('{ orders(filter: { placedOn: { from: "2026-02-30" } }) { totalCount } }')
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })

  it("by SKU needs catalogue:read: an order has the SKU of its day, and today's is the catalogue's", async () => {
    const source = '{ orders(filter: { sku: "K-1" }) { totalCount } }'
    const { data, errors } = await (await keyWith(api, 'A', ['orders:read'])).send(source)
    expect(data).toEqual({ orders: null })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'catalogue:read' } }])
    const both = await keyWith(api, 'A', ['orders:read', 'catalogue:read'])
    expect((await both.send(source)).data).toEqual({ orders: { totalCount: 4 } })
  })

  it('cross-tenant: none of another tenant’s', async () => {
    expect(await numbers({ sku: 'K-1' }, api.as('B'))).toEqual([])
  })

  it('a day stays a condition of the index', async () => {
    const where = spanOf('placedAt', 'placed', { placedOn: { from: '2026-03-29', until: '2026-03-29' } })
    const query = { where, select: { id: true }, orderBy: [{ placedAt: 'asc' }, { id: 'asc' }], take: 21 }
    const { text, values } = compileRead(DATAMODEL, 'Order', query, api.tenantIds.A)
    const plan = await asRuntime(api.database, api.tenantIds.A, async (client) => {
      await client.query('SET LOCAL enable_seqscan = off')
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values])
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    })
    expect(plan).toMatch(/Index Cond: .*placed_at >= .*placed_at </)
  })
})

describe('a copy is kept in step', () => {
  it.each([['products'], ['variants'], ['customers'], ['orders'], ['payments'], ['refunds'], ['disputes']])(
    '%s are filtered and sorted by when they were changed',
    async (list) => {
      const { list: found } = await a.data(
        `{ list: ${list}(filter: { updatedFrom: "2000-01-01T00:00:00Z", updatedBefore: "9999-01-01T00:00:00Z" }, sortKey: UPDATED_AT, reverse: true) {
          totalCount nodes { id updatedAt } } }`,
      )
      const times: string[] = found.nodes.map(({ updatedAt }: Data) => String(updatedAt))
      expect(times).toEqual([...times].sort())
      const last = times.at(-1)
      if (last === undefined) return
      const after = await a.data(
        `query ($from: DateTime) { list: ${list}(filter: { updatedFrom: $from }) { nodes { updatedAt } } }`,
        { from: last },
      )
      expect(after.list.nodes.length).toBeGreaterThan(0)
      for (const { updatedAt } of after.list.nodes) expect(updatedAt).toBe(last)
    },
  )

  it('an edit moves a record to the end', async () => {
    const { productUpdate } = await a.data(
      'mutation ($id: ID!) { productUpdate(input: { id: $id, expectedVersion: 1, title: "Big kettle" }) { userErrors { code } } }',
      { id: kettles },
    )
    expect(productUpdate.userErrors).toEqual([])
    const { products } = await a.data('{ products(sortKey: UPDATED_AT, first: 1) { nodes { id } } }')
    expect(products.nodes).toEqual([{ id: kettles }])
  })

  it('payments are sorted by their amount, and a refund moves its payment to the end', async () => {
    const customer = await makeCustomer(a)
    const { id } = await makeVariant(a, { priceMinor: 500n })
    const pay = async (quantity: number) =>
      await payOrder(api, 'A', (await placeOrder(a, customer, [{ variantId: id, quantity }])).id)
    const [small, large] = [await pay(1), await pay(3)]
    const sorted = async (sortKey: string) =>
      (await a.data(`{ payments(sortKey: ${sortKey}) { nodes { id } } }`)).payments.nodes.map(
        (payment: Data) => payment.id,
      )
    expect(await sorted('AMOUNT')).toEqual([large, small])
    expect(await sorted('UPDATED_AT')).toEqual([large, small])
    await refundPayment(a, small, 100n)
    expect(await sorted('UPDATED_AT')).toEqual([small, large])
  })
})

// Last: its order would be one of those above.
describe('variants by what can be sold of them', () => {
  const below = async (availableBelow: number, vendor = 'Pan maker') => await skus({ availableBelow, vendor })

  beforeAll(async () => {
    const pans = await makeProduct(a, { title: 'Pan', vendor: 'Pan maker' })
    await makeVariant(a, { productId: pans, sku: 'P-0', stock: 0 })
    await makeVariant(a, { productId: pans, sku: 'P-3', stock: 3 })
    const { id } = await makeVariant(a, { productId: pans, sku: 'P-9', stock: 9 })
    await placeOrder(a, await makeCustomer(a), [{ variantId: id, quantity: 8 }])
  })

  it('on hand less reserved, as orders change it', async () => {
    expect(await below(0)).toEqual([])
    expect(await below(1)).toEqual(['P-0'])
    expect(await below(2)).toEqual(['P-0', 'P-9'])
    expect(await below(3)).toEqual(['P-0', 'P-9'])
    expect(await below(4)).toEqual(['P-0', 'P-3', 'P-9'])
    expect(await below(1, 'Nobody')).toEqual([])
  })

  it('cross-tenant: none of another tenant’s', async () => {
    const { variants } = await api
      .as('B')
      .data('{ variants(filter: { availableBelow: 50 }) { nodes { sku } } }')
    expect(variants.nodes).toEqual([])
  })

  it('needs the permission to read stock, as the stock itself does', async () => {
    const source = 'query ($filter: VariantFilter) { variants(filter: $filter) { totalCount } }'
    const reading = await keyWith(api, 'A', ['catalogue:read'])
    expect((await reading.send(source, { filter: { availableBelow: 1 } })).errors).toMatchObject([
      { code: 'FORBIDDEN', extensions: { permission: 'stock:read' } },
    ])
    expect((await reading.send(source, { filter: { vendor: 'Pan maker' } })).errors).toEqual([])
    const both = await keyWith(api, 'A', ['catalogue:read', 'stock:read'])
    expect((await both.send(source, { filter: { availableBelow: 1 } })).errors).toEqual([])
  })
})
