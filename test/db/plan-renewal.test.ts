// A plan that was made while its table was empty, and analysed, is not kept when the table has grown.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { readBetween, readsOf } from '../support/reads.ts'
import { TENANT_A } from '../support/two-tenants.ts'

const A = { tenantId: TENANT_A.id, writes: EVERYTHING }
const FINGERPRINT = new Uint8Array([170])
const CALLS = 1_600
/** A plan may be as old as half of its connection's uses, and PostgreSQL reads a table of a page or two as a whole. */
const MEASURED = 400
const ROWS_PER_CALL_MAX = 3

let test: TestDatabase
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  database = openDatabase({
    url: test.runtimeUrl,
    poolMax: 1,
    namedStatements: true,
    logger: createLogger('silent'),
  })
  await asAdmin(test.adminUrl, async (admin) => {
    await admin.query('TRUNCATE idempotency_keys')
    await admin.query('VACUUM ANALYZE idempotency_keys')
  })
})
afterAll(async () => {
  await database?.close()
  await test?.drop()
})

it.each<[how: string, claim: (key: string) => Promise<unknown>]>([
  [
    'in one message',
    (key) =>
      database.runAtOnce(A, [
        { name: 'claim', text: `SELECT app.take_idempotency_key('one', $1, 'aa')`, values: [key] },
        { name: 'store_one', text: storing('one'), values: [key] },
      ]),
  ],
  [
    'in a transaction',
    (key) =>
      database.withTenant(A, async (tx) => {
        await tx.$queryRaw`SELECT state FROM app.claim_idempotency_key('two', ${key}, ${FINGERPRINT})`
        await tx.$executeRaw`INSERT INTO idempotency_keys (operation, key, fingerprint, outcome, actor_kind, created_at)
          VALUES ('two', ${key}, ${FINGERPRINT}, '{}', 'SYSTEM', now())`
      }),
  ],
  [
    'by a read',
    async (key) => {
      await database.readText(A, {
        text: `SELECT count(*) FROM idempotency_keys WHERE tenant_id = $1 AND operation = 'read' AND key = $2`,
        values: [A.tenantId, key],
      })
      await database.runAtOnce(A, [{ name: 'store_read', text: storing('read'), values: [key] }])
    },
  ],
])('%s', async (_how, claim) => {
  for (let call = 0; call < CALLS - MEASURED; call += 1) await claim(`before ${call}`)
  const before = await readsOf(test, database, A.tenantId)
  for (let call = 0; call < MEASURED; call += 1) await claim(`measured ${call}`)
  const { rows = Number.NaN } =
    readBetween(before, await readsOf(test, database, A.tenantId)).get('idempotency_keys') ?? {}
  expect(rows / MEASURED).toBeLessThanOrEqual(ROWS_PER_CALL_MAX)
})

function storing(operation: string): string {
  return `INSERT INTO idempotency_keys (operation, key, fingerprint, outcome, actor_kind, created_at)
    VALUES ('${operation}', $1, '\\xaa', '{}', 'SYSTEM', now())`
}
