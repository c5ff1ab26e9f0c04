// A database per test file, cloned from the migrated template, and connections to it. cluster.ts has the server.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { EVERYTHING } from '../../src/db/database.ts'
import { prepareDatabase } from '../../src/db/migrations/prepare-database.ts'
import { asAdmin } from './cluster.ts'
import { seedTwoTenants } from './fixture.ts'
import { withDatabase } from './urls.ts'

export interface TestDatabase {
  name: string
  /** Migrates, and owns everything. */
  ownerUrl: string
  /** The server's role. */
  runtimeUrl: string
  /** The queue's role, which runs jobs. */
  workerUrl: string
  /** A superuser, who bypasses all policies. */
  adminUrl: string
  drop(): Promise<void>
}

/**
 * Clones the template; with a seed, it contains both tenants of fixture.ts. About 100 ms. Call it in `beforeAll` and
 * `drop` it in `afterAll`.
 */
export async function createTestDatabase(options: { seed?: 'two-tenants' } = {}): Promise<TestDatabase> {
  const database = await createPrepared(inject('cluster').template)
  if (options.seed === 'two-tenants')
    await asAdmin(database.ownerUrl, async (owner) => await seedTwoTenants(owner))
  return database
}

/** A database with the same rows. Ends all connections to the original. */
export async function copyDatabase({ name }: TestDatabase): Promise<TestDatabase> {
  const { adminUrl } = inject('cluster')
  await asAdmin(adminUrl, async (admin) => {
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    await admin.query('SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1', [
      name,
    ])
  })
  try {
    return await createPrepared(name)
  } finally {
    await asAdmin(adminUrl, (admin) => admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`))
  }
}

async function createPrepared(template: string): Promise<TestDatabase> {
  const { runtimeUrl, workerUrl } = inject('cluster')
  const database = await createFrom(template)
  await asAdmin(database.ownerUrl, async (owner) => {
    // A clone has the template's tables, but neither its settings nor its rights.
    const runtimeRole = new URL(runtimeUrl).username
    await prepareDatabase(owner, { runtimeRole, workerRole: new URL(workerUrl).username })
  })
  return database
}

/** An empty database, without the walls. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createFrom('template0')
}

async function createFrom(template: string): Promise<TestDatabase> {
  const { adminUrl, ownerUrl, runtimeUrl, workerUrl } = inject('cluster')
  const name = `bulkhead_test_${randomUUID().replaceAll('-', '')}`
  await asAdmin(adminUrl, (admin) =>
    // Copying the files costs half of writing each page to the log, and dropping them a quarter.
    admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy OWNER bulkhead_owner`),
  )
  return {
    name,
    ownerUrl: withDatabase(ownerUrl, name),
    runtimeUrl: withDatabase(runtimeUrl, name),
    workerUrl: withDatabase(workerUrl, name),
    adminUrl: withDatabase(adminUrl, name),
    drop: () =>
      asAdmin(adminUrl, async (admin) => {
        await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      }),
  }
}

/**
 * Runs `work` in one transaction of the runtime role, in the scope of `tenantId` (null: never set; '': a scope has
 * ended), on a separate connection. Commits, or rolls back when `work` throws. `writes`: the write permissions of the
 * scope. Default: everything.
 */
export function asRuntime<T>(
  database: TestDatabase,
  tenantId: string | null,
  work: (client: pg.Client) => Promise<T>,
  writes = EVERYTHING,
): Promise<T> {
  return inTransaction(database.runtimeUrl, tenantId, async (client) => {
    await client.query(`SELECT set_config('app.permissions', $1, true)`, [writes])
    return await work(client)
  })
}

/**
 * The same as the owner role, to which the policies apply too: without a tenant it cannot read tenants' tables either.
 */
export function asOwner<T>(
  database: TestDatabase,
  tenantId: string | null,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return inTransaction(database.ownerUrl, tenantId, work)
}

/** The same as a superuser, who bypasses the policies: to read everything, or to damage it. */
export function asSuperuser<T>(database: TestDatabase, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return inTransaction(database.adminUrl, null, work)
}

async function inTransaction<T>(
  url: string,
  tenantId: string | null,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('BEGIN')
    if (tenantId !== null) await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId])
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } finally {
    // An open transaction ends with its connection.
    await client.end()
  }
}
