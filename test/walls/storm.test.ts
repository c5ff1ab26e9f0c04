import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { openDatabase } from '../../src/db/database.ts'
import { asAdmin } from '../support/cluster.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { resetTallies } from '../support/tally.ts'
import { cloneTenants, openUnprotected } from './many-tenants.ts'
import { findPgBouncer, startPgBouncer } from './pgbouncer.ts'
import { runStorm, TALLIES } from './storm.ts'

const TENANTS = 40
const UNITS = 2_000
const CONCURRENCY = 48
const POOL_MAX = 6
/** About ten seconds on two cores; long enough for a busy machine, short enough to detect a hang. */
const STORM_MAX_MS = 60_000
const seed = Number(process.env.STORM_SEED ?? randomInt(2 ** 31))
const pgBouncer = findPgBouncer()

let test: TestDatabase
let tenantIds: string[]
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  tenantIds = await cloneTenants(test, TENANTS)
  // Short timeouts, as on a production database.
  await asAdmin(test.adminUrl, (admin) =>
    admin.query(`ALTER ROLE bulkhead_runtime IN DATABASE ${test.name} SET statement_timeout = '400ms'`),
  )
})
afterAll(() => test?.drop())

/** One storm through `url`, its report, and the pool's state afterwards. */
async function storm(url: string, namedStatements: boolean): Promise<void> {
  console.info(`STORM_SEED=${seed} draws this storm again`)
  await asSuperuser(test, async (client) => {
    await client.query('TRUNCATE audit_entries, idempotency_keys')
  })
  await resetTallies(test, tenantIds, TALLIES)
  const logger = createLogger('silent')
  const database = openDatabase({ url, poolMax: POOL_MAX, namedStatements, logger })
  try {
    const report = await runStorm({ test, database, tenantIds, units: UNITS, concurrency: CONCURRENCY, seed })
    console.info(JSON.stringify(report))
    expect(report.wrong).toEqual([])
    expect(report.answered).toBeGreaterThan(UNITS / 2)
    expect(report.kills).toBeGreaterThan(0)
    const calm = await Promise.all(
      tenantIds.map((tenantId) => database.forTenant({ tenantId }).export.count()),
    )
    expect(new Set(calm).size).toBe(1)
    await expect.poll(() => database.poolState().waiting).toBe(0)
    expect(database.poolState().idle).toBe(database.poolState().total)
  } finally {
    await database.close()
  }
}

/** The tenants left in PgBouncer's own connections, which all clients share. */
async function leftOvers(url: string): Promise<unknown[]> {
  const { pool, close } = openUnprotected(url)
  const looks = Array.from({ length: 10 }, () =>
    pool.queryBeforeTenant(`SELECT current_setting('app.tenant_id', true) AS tenant`, []),
  )
  const left = (await Promise.all(looks)).map(([row]) => row?.tenant)
  await close()
  return left.filter((tenant) => tenant !== null && tenant !== '')
}

describe(`case 8: ${UNITS} units of work of ${TENANTS} tenants on ${POOL_MAX} connections that keep breaking`, () => {
  it(
    'show nobody another’s row, and leave each tenant exactly what it did',
    async () => {
      await storm(test.runtimeUrl, true)
    },
    STORM_MAX_MS,
  )

  it.skipIf(pgBouncer === null)(
    `the same through PgBouncer in transaction mode (${pgBouncer?.version ?? 'skipped: there is no program pgbouncer'})`,
    async () => {
      const bouncer = await startPgBouncer(test.runtimeUrl, POOL_MAX - 2)
      try {
        await storm(bouncer.url, false)
        expect(await leftOvers(bouncer.url)).toEqual([])
      } finally {
        await bouncer.stop()
      }
    },
    STORM_MAX_MS,
  )
})
