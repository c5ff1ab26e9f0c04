// The PostgreSQL server of the tests, and its migrated template. database.ts clones it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Logger } from '../../src/core/logger.ts'
import { startEmbeddedServer } from '../../src/db/embedded/embedded-server.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { tableShapes } from '../../src/db/proof/catalogue.ts'
import { type FixtureTable, fixtureTables } from '../../src/db/proof/fixture-rows.ts'
import { OWN_VALUES } from './module-setup.ts'
import { withDatabase, withRole } from './urls.ts'

/** What a test file needs to make a database. No connection, since it is passed between processes. */
export interface TestCluster {
  adminUrl: string
  ownerUrl: string
  runtimeUrl: string
  workerUrl: string
  template: string
  /** The tenants' tables in the template, with rows to fill them. */
  tables: FixtureTable[]
}

export interface RunningCluster {
  cluster: TestCluster
  stop(): Promise<void>
}

/** The roles' password on an external server; only set on roles that we create. */
const ROLE_PASSWORD = 'bulkhead-test'

/**
 * Unusual defaults for the server's sessions: another time zone, date order and value formats, so that every test shows
 * that no statement depends on the defaults.
 */
const FOREIGN_SETTINGS = {
  TimeZone: 'America/New_York',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '-5',
  default_transaction_isolation: 'repeatable read',
}

/** A temporary server under the temporary directory, without fsync. */
export async function embeddedCluster(logger: Logger): Promise<RunningCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-test-'))
  const removeDir = () => rm(dataDir, { recursive: true, force: true })
  const server = await startEmbeddedServer({ dataDir, logger, durable: false }).catch(async (error) => {
    await removeDir()
    throw error
  })
  const { adminUrl, ownerUrl, runtimeUrl, workerUrl } = server
  const cluster = { adminUrl, ownerUrl, runtimeUrl, workerUrl, template: 'bulkhead_template', tables: [] }
  await asAdmin(adminUrl, async (admin) => {
    for (const [name, value] of Object.entries(FOREIGN_SETTINGS))
      await admin.query(`ALTER SYSTEM SET ${name} = ${name === 'DateStyle' ? value : `'${value}'`}`)
    await admin.query('SELECT pg_reload_conf()')
  })
  const stop = async () => {
    await server.stop()
    await removeDir()
  }
  return migrated({ cluster, stop }, logger)
}

/** An external server, reached as a superuser; left unchanged except for three roles. */
export async function givenCluster(adminUrl: string, logger: Logger): Promise<RunningCluster> {
  const template = `bulkhead_template_${process.pid}`
  await asAdmin(adminUrl, async (admin) => {
    for (const role of ['bulkhead_owner', 'bulkhead_runtime', 'bulkhead_worker']) {
      const { rowCount } = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
      if (rowCount === 0) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${ROLE_PASSWORD}'`)
    }
  })
  const ownerUrl = withRole(adminUrl, 'bulkhead_owner', ROLE_PASSWORD)
  const runtimeUrl = withRole(adminUrl, 'bulkhead_runtime', ROLE_PASSWORD)
  const workerUrl = withRole(adminUrl, 'bulkhead_worker', ROLE_PASSWORD)
  const stop = () =>
    asAdmin(adminUrl, async (admin) => {
      await admin.query(`ALTER DATABASE ${template} IS_TEMPLATE false`)
      await admin.query(`DROP DATABASE ${template}`)
    })
  return migrated(
    { cluster: { adminUrl, ownerUrl, runtimeUrl, workerUrl, template, tables: [] }, stop },
    logger,
  )
}

async function migrated(running: RunningCluster, logger: Logger): Promise<RunningCluster> {
  const { adminUrl, ownerUrl, runtimeUrl, workerUrl, template } = running.cluster
  try {
    await asAdmin(adminUrl, (admin) => admin.query(`CREATE DATABASE ${template} OWNER bulkhead_owner`))
    await migrate({
      ownerUrl: withDatabase(ownerUrl, template),
      runtimeUrl: withDatabase(runtimeUrl, template),
      workerUrl: withDatabase(workerUrl, template),
      logger,
    })
    running.cluster.tables = await asAdmin(withDatabase(adminUrl, template), async (admin) =>
      fixtureTables(admin, await tableShapes(admin), OWN_VALUES),
    )
    // A connection to the template would make every clone fail.
    await asAdmin(adminUrl, (admin) =>
      admin.query(`ALTER DATABASE ${template} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`),
    )
    return running
  } catch (error) {
    await running.stop()
    throw error
  }
}

/** Runs `work` on a separate connection, outside any transaction. */
export async function asAdmin<T>(adminUrl: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}
