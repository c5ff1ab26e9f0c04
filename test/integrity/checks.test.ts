// Every check against rows that were damaged for it, past the database's own constraints, each in a tenant of its own:
// it finds its damage, names what is damaged, and no other check says anything that it should not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { connectOwner, type OwnerConnection } from '../../src/db/owner.ts'
import { createTenant } from '../../src/db/tenant-directory.ts'
import { nodeId } from '../../src/graphql/node.ts'
import { VIOLATIONS_MAX } from '../../src/integrity/check.ts'
import { CHECKS } from '../../src/integrity/checks.ts'
import { type IntegrityReport, verifyTenant } from '../../src/integrity/verify.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Books, writeBooks } from './books.ts'
import { DAMAGES, orderId } from './damages.ts'

let testDatabase: TestDatabase
let owner: OwnerConnection
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  owner = await connectOwner(testDatabase.ownerUrl)
  await takeDownConstraints(owner)
  database = openDatabase({
    url: testDatabase.runtimeUrl,
    poolMax: 2,
    namedStatements: true,
    logger: createLogger('silent'),
  })
})
afterAll(async () => {
  await database.close()
  await owner.end()
  await testDatabase.drop()
})

/** What the database refuses by itself is what the checks are not tried on otherwise. */
async function takeDownConstraints({ query }: OwnerConnection): Promise<void> {
  const checks = await query<{ table: string; name: string }>(
    `SELECT conrelid::regclass::text AS "table", conname AS name FROM pg_constraint
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace`,
  )
  for (const { table, name } of checks) await query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`)
  await query('ALTER TABLE journal_entries DISABLE TRIGGER journal_entries_balanced')
  await query('ALTER TABLE postings DISABLE TRIGGER postings_balanced')
  await query('ALTER TABLE order_lines DROP CONSTRAINT order_lines_tenant_id_variant_id_fkey')
  await query('DROP INDEX journal_entries_tenant_id_kind_source_type_source_id_key')
}

let tenants = 0

/** A tenant with a shop in order. */
async function openShop(): Promise<{ tenantId: string; slug: string; books: Books }> {
  tenants += 1
  const slug = `shop-${tenants}`
  const tenantId = await createTenant(owner, {
    slug,
    name: slug,
    currency: 'USD',
    owner: { email: `owner@${slug}.example`, name: 'Owner' },
  })
  const books = await owner.inTenant(tenantId, (query) => writeBooks(query, tenantId))
  return { tenantId, slug, books }
}

async function verify({ tenantId, slug }: { tenantId: string; slug: string }, now = new Date()) {
  return await verifyTenant({ database, scope: { tenantId }, clock: () => now, tenantSlug: slug })
}

/** Check → ids of what it complains about, without those that found nothing. */
function complaints({ checks }: IntegrityReport): Record<string, string[]> {
  return Object.fromEntries(
    checks
      .filter(({ violations }) => violations.length > 0)
      .map(({ name, violations }) => [
        name,
        violations.map(({ subjects }) => subjects.map(({ id }) => id).join(' ')).sort(),
      ]),
  )
}

describe('books in order', () => {
  it('are found in order by every check, each of which says what it holds', async () => {
    const shop = await openShop()
    const report = await verify(shop)
    expect(complaints(report)).toEqual({})
    expect(report).toMatchObject({ tenant: shop.slug, ok: true })
    expect(report.checks.map(({ name, ok, violationCount }) => [name, ok, violationCount])).toEqual(
      CHECKS.map(({ name }) => [name, true, 0]),
    )
    for (const { name, description } of report.checks) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/)
      expect(description).toMatch(/\.$/)
    }
  })

  it('of a tenant that has sold nothing are in order', async () => {
    const owned = { email: 'owner@empty.example', name: 'Owner' }
    const tenantId = await createTenant(owner, {
      slug: 'empty',
      name: 'Empty',
      currency: 'USD',
      owner: owned,
    })
    expect(complaints(await verify({ tenantId, slug: 'empty' }))).toEqual({})
  })
})

describe('damage', () => {
  let bystander: Awaited<ReturnType<typeof openShop>>
  beforeAll(async () => {
    bystander = await openShop()
  })

  it.each(DAMAGES)('$name', async ({ inflict }) => {
    const shop = await openShop()
    const expected = await owner.inTenant(shop.tenantId, (query) => inflict(query, shop.books))
    const report = await verify(shop)
    expect(complaints(report)).toEqual(expected)
    expect(report.ok).toBe(false)
    for (const { ok, violationCount, violations } of report.checks) {
      expect(ok).toBe(violations.length === 0)
      expect(violationCount).toBe(violations.length)
    }
  })

  it('was tried on every check', () => {
    const tried = new Set(DAMAGES.map(({ name }) => name.slice(0, name.indexOf(':'))))
    expect([...tried].sort()).toEqual(CHECKS.map(({ name }) => name).sort())
  })

  it('cross-tenant: of others is not seen, neither before nor after', async () => {
    expect(tenants).toBeGreaterThan(DAMAGES.length)
    expect(complaints(await verify(bystander))).toEqual({})
    const late = await openShop()
    expect(complaints(await verify(late))).toEqual({})
  })

  it('beyond what a person reads is counted, not listed', async () => {
    const { tenantId, slug, books } = await openShop()
    await owner.inTenant(tenantId, (query) =>
      query(
        `INSERT INTO orders (id, number, customer_id, currency, total_minor, holds_stock)
         SELECT gen_random_uuid(), 1000 + n, $1, 'USD', 500, false FROM generate_series(1, $2::int) n`,
        [books.customerId, VIOLATIONS_MAX + 7],
      ),
    )
    const report = await verify({ tenantId, slug })
    const total = report.checks.find(({ name }) => name === 'orders-total')
    expect(total?.violations).toHaveLength(VIOLATIONS_MAX)
    expect(total?.violationCount).toBe(VIOLATIONS_MAX + 7)
  })

  it('is told in words that name the amounts', async () => {
    const shop = await openShop()
    const id = orderId(shop.books, 'partlyPaid')
    await owner.inTenant(shop.tenantId, (query) =>
      query('UPDATE orders SET paid_minor = paid_minor + 100 WHERE id = $1', [id]),
    )
    const { checks } = await verify(shop)
    expect(checks.flatMap(({ violations }) => violations)).toEqual([
      {
        message: 'it says that 600 was paid, its payments came to 500 (minor units of USD)',
        subjects: [{ type: 'Order', id: nodeId('Order', id) }],
      },
    ])
  })
})
