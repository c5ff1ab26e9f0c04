import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { demoTenant } from '../../../src/shop/demo/demo-tenant.ts'
import { type SeedReport, seedDemo } from '../../../src/shop/demo/seed.ts'
import { asRuntime, asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'

const logger = createLogger('silent')
const acme = demoTenant('acme')

let database: TestDatabase
let first: SeedReport
beforeAll(async () => {
  database = await createTestDatabase()
  first = await seed()
})
afterAll(() => database?.drop())

const seed = () => seedDemo({ ownerUrl: database.ownerUrl, logger })

/** Restores the earlier state of the database. */
async function unseed(): Promise<void> {
  const tables = Object.keys(acme.tables).join(', ')
  await rows(
    `TRUNCATE tenants, tenant_counters, app.tenant_directory, app.person_directory, app.used_slugs, ${tables} CASCADE`,
  )
}

async function rows(sql: string): Promise<unknown[]> {
  return asSuperuser(database, async (client) => (await client.query(sql)).rows)
}

it('makes both tenants with the rows of the generator, and counts them', async () => {
  const total = [acme, demoTenant('globex')]
    .flatMap(({ tables }) => Object.values(tables))
    .reduce((sum, { length }) => sum + length, 0)
  expect(first).toEqual({ tenants: 2, rows: total, skipped: false })
  expect(
    await rows(`
      SELECT slug, t.name, currency::text, value, d.created_at = t.created_at AS dated, t.tenant_id AS id
      FROM app.tenant_directory d JOIN tenants t ON t.tenant_id = d.id
      JOIN tenant_counters c ON c.tenant_id = d.id AND c.name = 'order' ORDER BY slug`),
  ).toEqual([
    { slug: 'acme', name: 'Acme Outfitters', currency: 'USD', value: 3_000, dated: true, id: acme.tenant.id },
    expect.objectContaining({ slug: 'globex', currency: 'EUR', value: 3_000, dated: true }),
  ])
})

it('writes what the generator says, to the letter', async () => {
  await asRuntime(database, acme.tenant.id, async (client) => {
    const product = acme.tables.products[0]
    const found = await client.query('SELECT * FROM products WHERE id = $1', [product?.id])
    expect(found.rows[0]).toMatchObject({
      title: product?.title,
      created_at: product?.createdAt,
      status: 'ACTIVE',
    })
    const sums = await client.query(
      'SELECT count(*)::int AS orders, sum(total_minor)::text AS total, sum(refunded_minor)::text AS refunded FROM orders',
    )
    const sum = (key: 'totalMinor' | 'refundedMinor') =>
      String(acme.tables.orders.reduce((total, order) => total + order[key], 0n))
    expect(sums.rows).toEqual([{ orders: 3_000, total: sum('totalMinor'), refunded: sum('refundedMinor') }])
  })
})

it('has consistent sums in the database: stock of movements and open orders, totals of lines', async () => {
  expect(
    await rows(`
      SELECT l.* FROM stock_levels l
      LEFT JOIN (SELECT tenant_id, variant_id, sum(on_hand_delta) AS on_hand, sum(reserved_delta) AS reserved
        FROM stock_movements GROUP BY 1, 2) m USING (tenant_id, variant_id)
      LEFT JOIN (SELECT tenant_id, variant_id, sum(quantity) AS quantity FROM order_lines
        JOIN orders o USING (tenant_id) WHERE o.id = order_id AND o.status IN ('PLACED', 'PAID') GROUP BY 1, 2) open
        USING (tenant_id, variant_id)
      WHERE l.on_hand <> coalesce(m.on_hand, 0) OR l.reserved <> coalesce(m.reserved, 0)
        OR l.reserved <> coalesce(open.quantity, 0)`),
  ).toEqual([])
  expect(
    await rows(`
      SELECT id FROM (SELECT id, reserved_delta, on_hand_delta,
          sum(on_hand_delta) OVER history AS on_hand, sum(reserved_delta) OVER history AS reserved
        FROM stock_movements WINDOW history AS (PARTITION BY tenant_id, variant_id ORDER BY created_at, id)) moments
      WHERE reserved < 0 OR on_hand < reserved`),
  ).toEqual([])
  expect(
    await rows(`
      SELECT o.number FROM orders o JOIN order_lines l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
      GROUP BY o.tenant_id, o.id HAVING sum(l.total_minor) <> o.total_minor OR bool_or(l.currency <> o.currency)`),
  ).toEqual([])
})

it('has consistent money in the database: orders of payments, payments of refunds, and a ledger that balances', async () => {
  expect(
    await rows(`
      SELECT o.number FROM orders o
      LEFT JOIN (SELECT tenant_id, order_id, sum(amount_minor) AS paid, sum(refunded_minor) AS refunded
        FROM payments WHERE status = 'SUCCEEDED' GROUP BY 1, 2) p ON p.tenant_id = o.tenant_id AND p.order_id = o.id
      WHERE o.paid_minor <> coalesce(p.paid, 0) OR o.refunded_minor <> coalesce(p.refunded, 0)
        OR o.hold_expires_at IS NOT NULL`),
  ).toEqual([])
  expect(
    await rows(`
      SELECT p.id FROM payments p
      LEFT JOIN (SELECT tenant_id, payment_id, sum(amount_minor) AS refunded FROM refunds GROUP BY 1, 2) r
        ON r.tenant_id = p.tenant_id AND r.payment_id = p.id
      WHERE p.refunded_minor <> coalesce(r.refunded, 0)`),
  ).toEqual([])
  // By the accounts' codes: money received by hand, less refunds, is in the bank.
  expect(
    await rows(`
      SELECT d.slug, a.code, coalesce(sum(p.amount_minor), 0) = CASE a.code
          WHEN '1010' THEN (SELECT sum(paid_minor - refunded_minor) FROM orders o WHERE o.tenant_id = a.tenant_id)
          WHEN '4010' THEN (SELECT -sum(paid_minor) FROM orders o WHERE o.tenant_id = a.tenant_id)
          WHEN '4020' THEN (SELECT sum(refunded_minor) FROM orders o WHERE o.tenant_id = a.tenant_id)
          ELSE 0 END AS agrees
      FROM ledger_accounts a JOIN app.tenant_directory d ON d.id = a.tenant_id
      LEFT JOIN postings p ON p.tenant_id = a.tenant_id AND p.account_id = a.id AND p.currency = a.currency
      GROUP BY d.slug, a.tenant_id, a.code ORDER BY d.slug, a.code`),
  ).toEqual(
    ['acme', 'globex'].flatMap((slug) =>
      ['1000', '1010', '1020', '4010', '4020', '5010', '5020', '5030'].map((code) => ({
        slug,
        code,
        agrees: true,
      })),
    ),
  )
})

it('gives the accounts the same ids everywhere', async () => {
  const found = await asRuntime(database, acme.tenant.id, async (client) => {
    return (await client.query('SELECT code, id FROM ledger_accounts ORDER BY code')).rows
  })
  expect(found).toEqual(acme.accounts)
})

it('does nothing when the tenants are there', async () => {
  expect(await seed()).toEqual({ tenants: 0, rows: 0, skipped: true })
})

it('two processes that seed at once make each tenant once', async () => {
  await unseed()
  const reports = await Promise.all([seed(), seed()])
  expect(reports.reduce((sum, { tenants }) => sum + tenants, 0)).toBe(2)
  expect(await rows('SELECT count(*)::int AS orders FROM orders')).toEqual([{ orders: 6_000 }])
})

it('a failure in the middle rolls the tenant back, and the next call makes it', async () => {
  await unseed()
  const check = 'ALTER TABLE audit_entries'
  await rows(`${check} ADD CONSTRAINT broken CHECK (actor_id IS NULL)`)
  await expect(seed()).rejects.toThrow('broken')
  expect(await rows('SELECT slug FROM app.tenant_directory UNION ALL SELECT name FROM tenants')).toEqual([])
  expect(await rows('SELECT id FROM products LIMIT 1')).toEqual([])
  await rows(`${check} DROP CONSTRAINT broken`)
  expect(await seed()).toMatchObject({ tenants: 2, skipped: false })
})

it('a demo tenant that was erased stays erased, and the next start succeeds', async () => {
  await rows(`DELETE FROM app.tenant_directory WHERE slug = 'acme'`)
  expect(await seed()).toEqual({ tenants: 0, rows: 0, skipped: true })
  expect(await rows('SELECT slug, is_demo FROM app.tenant_directory')).toEqual([
    { slug: 'globex', is_demo: true },
  ])
})
