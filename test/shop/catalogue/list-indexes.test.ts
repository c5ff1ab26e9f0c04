// Variants with little stock, and products of one vendor or category, are found by index behind row-level security.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DATAMODEL } from '../../../src/db/datamodel.ts'
import { compileRead } from '../../../src/db/reader/read-sql.ts'
import { asRuntime, asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A } from '../../support/two-tenants.ts'

const VARIANTS = 20_000
const PRODUCTS = 5_000

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  await asSuperuser(database, async (superuser) => {
    // Without the triggers that keep the words of text search, which take most of the time.
    await superuser.query('SET LOCAL session_replication_role = replica')
    await superuser.query(
      `WITH product AS (
         INSERT INTO products (tenant_id, id, handle, title, vendor, category)
         SELECT $1::uuid, gen_random_uuid(), 'bulk-' || n, 'Bulk', 'Vendor ' || n % 200, 'Category ' || n % 200
         FROM generate_series(1, ${PRODUCTS}) n RETURNING id, handle
       ), variant AS (
         INSERT INTO variants (tenant_id, id, product_id, sku, title, price_minor, currency)
         SELECT $1::uuid, gen_random_uuid(), product.id, 'bulk-' || n, 'Item', 100, 'USD'
         FROM generate_series(1, ${VARIANTS}) n JOIN product ON handle = 'bulk-' || n % ${PRODUCTS} + 1
         RETURNING id, sku
       )
       INSERT INTO stock_levels (tenant_id, variant_id, on_hand, reserved)
       SELECT $1::uuid, id, 10 + substr(sku, 6)::int % 100, CASE WHEN sku LIKE '%000' THEN 9 ELSE 1 END FROM variant`,
      [TENANT_A.id],
    )
    await superuser.query('ANALYZE products, variants, stock_levels')
  })
})
afterAll(() => database?.drop())

/** Of the first page, as the runtime role. */
async function planOf(
  model: 'Product' | 'Variant',
  where: Record<string, unknown>,
  column: string,
): Promise<string> {
  const orderBy = [{ [column]: 'asc' }, { id: 'asc' }]
  const query = { where, select: { id: true }, orderBy, take: 21 }
  const { text, values } = compileRead(DATAMODEL, model, query, TENANT_A.id)
  return await asRuntime(database, TENANT_A.id, async (client) => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values])
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  })
}

it.each([
  ['few variants', 5, 'createdAt'],
  ['no variant', 0, 'sku'],
  ['every variant', 500, 'sku'],
])('availableBelow finds %s', async (_name, bound, column) => {
  const where = { stock: { available: { lt: bound } } }
  const plan = await planOf('Variant', where, column)
  expect(plan).not.toContain('Seq Scan')
  // The bound is a condition of the index, or tested on the level of each variant on the way.
  expect(plan).toMatch(/Index Cond: .*available < |Filter: .*available < /)
})

it.each([['vendor'], ['category']] as const)('products of one %s, and their variants', async (column) => {
  const condition = new RegExp(`Index Cond: .*${column} = `)
  expect(await planOf('Product', { [column]: 'nothing like it' }, 'createdAt')).toMatch(condition)
  expect(await planOf('Product', { [column]: 'nothing like it' }, 'title')).toMatch(condition)
  expect(await planOf('Variant', { product: { [column]: 'nothing like it' } }, 'createdAt')).toMatch(
    condition,
  )
})
