// Case 21: with two tenants of different sizes, every count and search of one equals that of a database of its own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Data, startApi, type TenantKey } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
import { seedLists } from '../graphql/list-rows.ts'
import { makeCustomer, makeVariant, placeOrder } from '../support/shop.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
  await seedLists(api, 'A')
  // B has some of the same things, so that they would be counted with A's.
  const b = api.as('B')
  const customerId = await makeCustomer(b, {
    name: 'name Alpha',
    email: 'alpha1@shop.example',
    address: { country: 'DE' },
  })
  for (let n = 0; n < 3; n += 1) {
    const { id } = await makeVariant(b, { title: 'title Alpha', sku: `sku-Alpha-${n}` })
    await placeOrder(b, customerId, [{ variantId: id, quantity: 1 }])
  }
})
afterAll(() => api?.close())

/** A list with its filter, and the same query over one tenant's rows as a superuser. */
const COUNTS: [list: string, sql: string][] = [
  ['products', 'FROM products t WHERE true'],
  ['products(filter: { status: [ACTIVE] })', `FROM products t WHERE status = 'ACTIVE'`],
  [
    'products(query: "alpha")',
    `FROM products t WHERE title ILIKE '%alpha%' OR EXISTS (
       SELECT FROM variants v WHERE v.tenant_id = t.tenant_id AND v.product_id = t.id AND v.sku ILIKE '%alpha%')`,
  ],
  [
    'products(query: "sku-Alpha")',
    `FROM products t WHERE EXISTS (
       SELECT FROM variants v WHERE v.tenant_id = t.tenant_id AND v.product_id = t.id AND v.sku ILIKE '%sku-Alpha%')`,
  ],
  ['variants', 'FROM variants t WHERE true'],
  ['variants(query: "Alpha")', `FROM variants t WHERE sku ILIKE '%alpha%' OR title ILIKE '%alpha%'`],
  ['customers', 'FROM customers t WHERE true'],
  ['customers(filter: { country: "DE" })', `FROM customers t WHERE country = 'DE'`],
  [
    'customers(filter: { email: "alpha1@shop.example" })',
    `FROM customers t WHERE email = 'alpha1@shop.example'`,
  ],
  ['customers(query: "alpha")', `FROM customers t WHERE name ILIKE '%alpha%' OR email ILIKE '%alpha%'`],
  ['orders', 'FROM orders t WHERE true'],
  ['orders(filter: { status: [PLACED] })', `FROM orders t WHERE status = 'PLACED'`],
  ['orders(filter: { paymentStatus: [UNPAID] })', `FROM orders t WHERE payment_status = 'UNPAID'`],
  ['orders(query: "2")', 'FROM orders t WHERE number = 2'],
  [
    'orders(query: "alpha")',
    `FROM orders t JOIN customers c ON c.tenant_id = t.tenant_id AND c.id = t.customer_id
     WHERE (c.name ILIKE '%alpha%' OR c.email ILIKE '%alpha%')`,
  ],
  ['members', `FROM members t WHERE status = 'ACTIVE'`],
  ['stockMovements', 'FROM stock_movements t WHERE true'],
  ['stockMovements(reason: [RECEIPT])', `FROM stock_movements t WHERE reason = 'RECEIPT'`],
]

describe.each(['A', 'B'] as const)('case 21: tenant %s counts its own rows alone', (tenant) => {
  it.each(COUNTS)('%s', async (list, sql) => {
    const own = await countOf(tenant, sql)
    const both = (await countOf('A', sql)) + (await countOf('B', sql))
    expect(own, 'or there is nothing to mix up').toBeLessThan(both)
    const { counted } = await api.as(tenant).data(`{ counted: ${paged(list)} { totalCount nodes { id } } }`)
    expect(counted.totalCount).toBe(own)
    expect(counted.nodes).toHaveLength(own)
  })

  it('in nested lists, too', async () => {
    const { customers, products } = await api.as(tenant).data(
      `{ customers(first: 100) { nodes { orders(first: 1) { totalCount } } }
         products(first: 100) { nodes { variants(first: 1) { totalCount } } } }`,
    )
    expect(sum(customers, 'orders')).toBe(await countOf(tenant, 'FROM orders t WHERE true'))
    expect(sum(products, 'variants')).toBe(await countOf(tenant, 'FROM variants t WHERE true'))
  })
})

const paged = (list: string) =>
  list.endsWith(')') ? list.replace('(', '(first: 100, ') : `${list}(first: 100)`

const sum = ({ nodes }: Data, list: string): number =>
  nodes.reduce((total: number, node: Data) => total + node[list].totalCount, 0)

async function countOf(tenant: TenantKey, sql: string): Promise<number> {
  const { rows } = await asSuperuser(api.database, (client) =>
    client.query(`SELECT count(*)::int AS count ${sql.replace('WHERE', 'WHERE t.tenant_id = $1 AND (')})`, [
      api.tenantIds[tenant],
    ]),
  )
  return rows[0].count
}
