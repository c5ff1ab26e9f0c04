// Nested writes three levels deep through the tenant's client.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TENANT_A } from '../../support/two-tenants.ts'

let test: TestDatabase
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  const logger = createLogger('silent')
  database = openDatabase({ url: test.runtimeUrl, poolMax: 2, namedStatements: true, logger })
})
afterAll(async () => {
  await database?.close()
  await test?.drop()
})

it('belong to the handle’s tenant, with all nested rows', async () => {
  const A = { tenantId: TENANT_A.id }
  const variant = { sku: 's', title: 't', priceMinor: 1n, currency: 'USD', stock: { create: {} } }
  const made = await database.forTenant({ ...A, writes: EVERYTHING }).product.create({
    data: { handle: 'new', title: 'New', variants: { create: variant } },
    include: { variants: { include: { stock: true } } },
  })
  expect(made).toMatchObject({ ...A, variants: [{ ...A, stock: A }] })
})
