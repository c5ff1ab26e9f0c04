// A database without the constraints that would refuse damage, and tenants in it with valid rows.

import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { connectOwner, type OwnerConnection } from '../../../src/db/owner.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { type IntegrityReport, verifyTenant } from '../../../src/integrity/verify.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { rowChecks } from '../../support/integrity.ts'
import { type Books, writeBooks } from './books.ts'

export interface Shop {
  tenantId: string
  slug: string
  books: Books
}

export interface Shops {
  testDatabase: TestDatabase
  owner: OwnerConnection
  database: Database
  /** A tenant with a valid shop. */
  open(): Promise<Shop>
  /** How many were opened so far. */
  count(): number
  verify(shop: Pick<Shop, 'tenantId' | 'slug'>): Promise<IntegrityReport>
  close(): Promise<void>
}

const POOL_MAX = 2

/** Call it in `beforeAll`, and `close` it. */
export async function startShops(): Promise<Shops> {
  const testDatabase = await createTestDatabase()
  const owner = await connectOwner(testDatabase.ownerUrl)
  await takeDownConstraints(owner)
  const database = openDatabase({
    url: testDatabase.runtimeUrl,
    poolMax: POOL_MAX,
    namedStatements: true,
    logger: createLogger('silent'),
  })
  let opened = 0
  return {
    testDatabase,
    owner,
    database,
    async open() {
      opened += 1
      const slug = `shop-${opened}`
      const people = { email: `owner@${slug}.example`, name: 'Owner' }
      const tenantId = await createTenant(owner, { slug, name: slug, currency: 'USD', owner: people })
      const books = await owner.inTenant(tenantId, (query) => writeBooks(query, tenantId))
      return { tenantId, slug, books }
    },
    count: () => opened,
    verify: ({ tenantId, slug }) =>
      verifyTenant({ database, scope: { tenantId }, clock: () => new Date(), tenantSlug: slug }, rowChecks()),
    async close() {
      await database.close()
      await owner.end()
      await testDatabase.drop()
    },
  }
}

/** Removes constraints, so that rows can be damaged for the checks. */
async function takeDownConstraints({ query }: OwnerConnection): Promise<void> {
  const checks = await query<{ table: string; name: string }>(
    `SELECT conrelid::regclass::text AS "table", conname AS name FROM pg_constraint
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace`,
  )
  for (const { table, name } of checks) await query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`)
  await query('ALTER TABLE journal_entries DISABLE TRIGGER journal_entries_balanced')
  await query('ALTER TABLE orders DISABLE TRIGGER orders_move')
  await query('ALTER TABLE postings DISABLE TRIGGER postings_balanced')
  await query('DROP INDEX journal_entries_tenant_id_kind_source_type_source_id_key')
}

/** Check → ids of its violations, sorted; without checks that passed. */
export function complaints({ checks }: IntegrityReport): Record<string, string[]> {
  return Object.fromEntries(
    checks
      .filter(({ violations }) => violations.length > 0)
      .map(({ name, violations }) => [
        name,
        violations.map(({ subjects }) => subjects.map(({ id }) => id).join(' ')).sort(),
      ]),
  )
}
