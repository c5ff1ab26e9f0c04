// An installation with its own database, and reading all rows that a tenant has in it. The modules state which columns
// are secret.
import '../../../src/modules.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createLogger } from '../../../src/core/logger.ts'
import { createSealer } from '../../../src/core/seal.ts'
import { connectOwner, type OwnerConnection } from '../../../src/db/owner.ts'
import { findTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'

export const silent = createLogger('silent')
/** The keys of an installation: two installations of a test share them unless they are about that. */
export const sealer = createSealer({ current: Buffer.alloc(32, 'keys of tenants') })

export interface Installation {
  database: TestDatabase
  owner: OwnerConnection
  /** For files, of this installation alone. */
  directory: string
  idOf(slug: string): Promise<string>
  close(): Promise<void>
}

/** Without tenants by default; the seed has two small tenants with rows in every table. */
export async function openInstallation(options: { seed?: 'two-tenants' } = {}): Promise<Installation> {
  const database = await createTestDatabase(options)
  const owner = await connectOwner(database.ownerUrl)
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-tenants-'))
  return {
    database,
    owner,
    directory,
    idOf: async (slug) => (await findTenant(owner, slug)).id,
    async close() {
      await owner.end()
      await database.drop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Every table that can hold a tenant's rows, from the catalogue alone, whatever its schema. */
export async function tablesOfTenants(database: TestDatabase): Promise<string[]> {
  return await asSuperuser(database, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relkind IN ('r', 'p') AND a.attname = 'tenant_id' AND NOT a.attisdropped ORDER BY 1`,
    )
    return rows.map(({ name }) => name)
  })
}

/** How many rows of a tenant each table has, of those that have any. */
export async function countsOf(database: TestDatabase, tenantId: string): Promise<Record<string, number>> {
  const tables = await tablesOfTenants(database)
  return await asSuperuser(database, async (client) => {
    const counts: Record<string, number> = {}
    for (const table of tables) {
      const { rows } = await client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM ${table} WHERE tenant_id = $1`,
        [tenantId],
      )
      if (rows[0] !== undefined && rows[0].count > 0) counts[table] = rows[0].count
    }
    return counts
  })
}

/** All rows of a tenant in a table, as JSON without the tenant, in one order. */
export async function rowsOf(
  database: TestDatabase,
  table: string,
  tenantId: string,
): Promise<Record<string, unknown>[]> {
  return await asSuperuser(database, async (client) => {
    const { rows } = await client.query<{ row: Record<string, unknown> }>(
      `SELECT to_jsonb(t) - 'tenant_id' AS row FROM ${pg.escapeIdentifier(table)} t WHERE tenant_id = $1
       ORDER BY (to_jsonb(t) - 'tenant_id')::text COLLATE "C"`,
      [tenantId],
    )
    return rows.map(({ row }) => row)
  })
}
