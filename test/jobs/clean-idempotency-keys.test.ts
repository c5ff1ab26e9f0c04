// Old idempotency keys of a tenant are deleted, in any number.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemContext } from '../../src/auth/system-context.ts'
import { createLogger } from '../../src/core/logger.ts'
import { cleanKeysTask } from '../../src/jobs/clean-idempotency-keys.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

const NOW = new Date('2026-03-10T12:00:00Z')
/** More than two batches. */
const OLD = 2_001

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterAll(() => shop?.close())

const addKeys = (tenantId: string, count: number, age: string) =>
  shop.admin.query(
    `INSERT INTO idempotency_keys (tenant_id, operation, key, fingerprint, created_at)
     SELECT $1, 'test', $3 || n, '\\x00', $4::timestamptz - $3::interval FROM generate_series(1, $2::int) n`,
    [tenantId, count, age, NOW],
  )

it('cross-tenant: those older than three days are deleted in batches; younger ones and other tenants’ stay', async () => {
  await addKeys(TENANT_A.id, OLD, '72 hours 1 second')
  await addKeys(TENANT_A.id, 2, '71 hours 59 minutes')
  await addKeys(TENANT_B.id, 3, '100 hours')
  const { database } = shop
  const tenant = await database.resolveTenant({ id: TENANT_A.id })
  if (tenant === null) throw new Error('the fixture has no such tenant')
  const logger = createLogger('silent')
  await cleanKeysTask.run(
    systemContext({ tenant, database, clock: () => NOW, logger, requestId: 'job:1' }),
    {},
  )
  const { rows } = await shop.admin.query(
    `SELECT tenant_id AS id, count(*)::int FROM idempotency_keys WHERE operation = 'test' GROUP BY 1 ORDER BY 1`,
  )
  expect(rows).toEqual([
    { id: TENANT_A.id, count: 2 },
    { id: TENANT_B.id, count: 3 },
  ])
})
