// The demo tenants pass all checks, since newcomers try `bulkhead verify` on them.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { verifyTenant } from '../../../src/integrity/verify.ts'
import { DEMO_SLUGS, demoTenant } from '../../../src/shop/demo/demo-tenant.ts'
import { seedDemo } from '../../../src/shop/demo/seed.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { rowChecks } from '../../support/integrity.ts'
import { complaints } from './shops.ts'

const logger = createLogger('silent')

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  await seedDemo({ ownerUrl: testDatabase.ownerUrl, logger })
  database = openDatabase({ url: testDatabase.runtimeUrl, poolMax: 2, namedStatements: true, logger })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

it.each(DEMO_SLUGS)('%s is in order', async (tenantSlug) => {
  const { tenant, tables } = demoTenant(tenantSlug)
  const scope = { tenantId: tenant.id, writes: EVERYTHING }
  const report = await verifyTenant({ database, scope, clock: () => new Date(), tenantSlug }, rowChecks())
  expect(complaints(report)).toEqual({})
  // There are rows to check.
  const [payments, postings] = await database.withTenant(scope, async (tx) => [
    await tx.payment.count(),
    await tx.posting.count(),
  ])
  expect([payments, postings]).toEqual([tables.payments.length, tables.postings.length])
  expect(postings).toBeGreaterThan(1_000)
})
