// The figures of 30 days of a large tenant read the rows of their window alone, by index behind row-level security.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TenantClient } from '../../../src/db/database.ts'
import { customerFigures } from '../../../src/shop/figures/customers.ts'
import { orderCounts, salesByDay, topProducts } from '../../../src/shop/figures/sales.ts'
import { asRuntime, asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A } from '../../support/two-tenants.ts'

/** Spread over a year, each paid at once. */
const ORDERS = 20_000
const JUNE = { from: '2025-06-01', until: '2025-06-30' }
/** A twelfth of the year's, two days more on either side, and what the statistics are off by. */
const ROWS_MAX = ORDERS / 8

let database: TestDatabase
let customerId: string
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  await asSuperuser(database, async (superuser) => {
    // Without triggers and keys, which other tests are about.
    await superuser.query('SET LOCAL session_replication_role = replica')
    const { rows } = await superuser.query<{ id: string }>(
      `WITH customer AS (
         INSERT INTO customers (tenant_id, id, email, name)
         SELECT $1::uuid, gen_random_uuid(), n || '@bulk.example', 'Bulk' FROM generate_series(1, 200) n RETURNING id, email
       ), placed AS (
         INSERT INTO orders (tenant_id, id, number, customer_id, status, payment_status, currency, total_minor, paid_minor,
           holds_stock, placed_at, buyer)
         SELECT $1::uuid, gen_random_uuid(), 1000 + n, customer.id, 'PAID', 'PAID', 'USD', 300, 300, true,
           timestamptz '2025-01-01' + n * interval '1 year' / ${ORDERS}, '{}'
         FROM generate_series(1, ${ORDERS}) n JOIN customer ON email = n % 200 + 1 || '@bulk.example' RETURNING id, placed_at
       ), line AS (
         INSERT INTO order_lines (tenant_id, id, order_id, position, variant_id, sku, title, quantity, currency,
           unit_price_minor, total_minor)
         SELECT $1::uuid, gen_random_uuid(), id, 0, gen_random_uuid(), 'X', 'X', 1, 'USD', 300, 300 FROM placed
       ), payment AS (
         INSERT INTO payments (tenant_id, id, order_id, provider_kind, provider_id, status, amount_minor, currency, method,
           settled_at)
         SELECT $1::uuid, gen_random_uuid(), id, 'SANDBOX', gen_random_uuid(), 'SUCCEEDED', 300, 'USD', 'card', placed_at
         FROM placed
       )
       SELECT id FROM customer LIMIT 1`,
      [TENANT_A.id],
    )
    customerId = rows[0]?.id ?? ''
    await superuser.query('ANALYZE orders, order_lines, payments')
  })
})
afterAll(() => database?.drop())

type Plan = {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Plan[]
}

/** The rows that a figure's statement reads of each table, also those that it does not use. */
async function readBy(ask: (db: TenantClient) => Promise<unknown>): Promise<Record<string, number>> {
  const asked: { text: string; values: unknown[] }[] = []
  const recorder = {
    async $queryRaw(texts: TemplateStringsArray, ...values: unknown[]) {
      asked.push({ text: texts.reduce((text, next, index) => `${text}$${index}${next}`), values })
      return []
    },
  }
  await ask(recorder as unknown as TenantClient)
  expect(asked).toHaveLength(1)
  const [{ text, values } = { text: '', values: [] }] = asked
  const read: Record<string, number> = {}
  const count = (plan: Plan): void => {
    const { 'Relation Name': table, 'Actual Rows': found, 'Actual Loops': loops } = plan
    if (table !== undefined)
      read[table] = (read[table] ?? 0) + (found + (plan['Rows Removed by Filter'] ?? 0)) * loops
    for (const inner of plan.Plans ?? []) count(inner)
  }
  await asRuntime(database, TENANT_A.id, async (client) => {
    const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values)
    count(rows[0]['QUERY PLAN'][0].Plan)
  })
  return read
}

it.each<[string, string[], (db: TenantClient) => Promise<unknown>]>([
  ['salesByDay', ['orders', 'payments'], (db) => salesByDay(db, { ...JUNE, currency: null })],
  [
    'topProducts',
    ['orders', 'order_lines'],
    (db) => topProducts(db, { ...JUNE, currency: null, by: 'NET', first: 20 }),
  ],
  ['orderCounts', ['orders'], (db) => orderCounts(db, JUNE)],
  ['customers', ['orders'], (db) => customerFigures(db, [customerId])],
])('%s', async (_name, tables, ask) => {
  const read = await readBy(ask)
  for (const table of tables) {
    expect(read[table], table).toBeGreaterThan(0)
    expect(read[table], table).toBeLessThan(ROWS_MAX)
  }
})
