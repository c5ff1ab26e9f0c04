// Variants with little stock are found by index behind row-level security.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DATAMODEL } from '../../../src/db/datamodel.ts'
import { compileRead } from '../../../src/db/reader/read-sql.ts'
import { asOwner, asRuntime, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A } from '../../support/two-tenants.ts'

const VARIANTS = 20_000

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  await asOwner(database, TENANT_A.id, async (owner) => {
    await owner.query(
      `WITH product AS (
         INSERT INTO products (id, handle, title) VALUES (gen_random_uuid(), 'bulk', 'Bulk') RETURNING id
       ), variant AS (
         INSERT INTO variants (id, product_id, sku, title, price_minor, currency)
         SELECT gen_random_uuid(), product.id, 'bulk-' || n, 'Item', 100, 'USD' FROM product, generate_series(1, ${VARIANTS}) n
         RETURNING id, sku
       )
       INSERT INTO stock_levels (variant_id, on_hand, reserved)
       SELECT id, 10 + substr(sku, 6)::int % 100, CASE WHEN sku LIKE '%000' THEN 9 ELSE 1 END FROM variant`,
    )
    await owner.query('ANALYZE variants, stock_levels')
  })
})
afterAll(() => database?.drop())

it.each([
  ['few variants', 5, 'createdAt'],
  ['no variant', 0, 'sku'],
  ['every variant', 500, 'sku'],
])('availableBelow finds %s', async (_name, bound, column) => {
  const where = { stock: { available: { lt: bound } } }
  const orderBy = [{ [column]: 'asc' }, { id: 'asc' }]
  const { text, values } = compileRead(
    DATAMODEL,
    'Variant',
    { where, select: { id: true }, orderBy, take: 21 },
    TENANT_A.id,
  )
  const plan = await asRuntime(database, TENANT_A.id, async (client) => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values])
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  })
  expect(plan).not.toContain('Seq Scan')
  // The bound is a condition of the index, or tested on the level of each variant on the way.
  expect(plan).toMatch(/Index Cond: .*available < |Filter: .*available < /)
})
