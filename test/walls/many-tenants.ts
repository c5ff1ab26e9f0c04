// Any number of tenants, each with the fixture's rows, and Prisma over the pool without a handle's protection.
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { createLogger } from '../../src/core/logger.ts'
import { DATAMODEL } from '../../src/db/datamodel.ts'
import { ScopedPool } from '../../src/db/scoped-pool.ts'
import { statementName } from '../../src/db/statement-name.ts'
import { PrismaClient } from '../../src/generated/prisma/client.ts'
import { asSuperuser, type TestDatabase } from '../support/database.ts'
import { fixtureTableNames, withTriggersOff } from '../support/fixture.ts'
import { TENANT_A } from '../support/two-tenants.ts'
import { tableFacts } from './matrix.ts'

/** Makes tenants with tenant A's rows except for the tenant: the same ids, which the keys allow. */
export async function cloneTenants(database: TestDatabase, count: number): Promise<string[]> {
  const ids = Array.from(
    { length: count },
    (_, n) => `cccccccc-cccc-7ccc-8ccc-${n.toString(16).padStart(12, '0')}`,
  )
  await asSuperuser(database, async (client) => {
    for (const [n, id] of ids.entries()) {
      await client.query(`SELECT app.create_tenant($1, $2, 'Tenant', 'USD')`, [id, `tenant-${n}`])
    }
    await withTriggersOff(client, () => copyRows(client, ids))
  })
  return ids
}

async function copyRows(client: pg.Client, ids: readonly string[]): Promise<void> {
  for (const table of fixtureTableNames()) {
    const { rows } = await client.query<{ columns: string }>(
      `SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
         WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> 'tenant_id'`,
      [table],
    )
    const columns = rows[0]?.columns
    await client.query(
      `INSERT INTO "${table}" (tenant_id, ${columns})
         SELECT made.owner, ${columns} FROM "${table}", unnest($2::uuid[]) AS made (owner) WHERE tenant_id = $1
         ON CONFLICT DO NOTHING`,
      [TENANT_A.id, ids],
    )
  }
}

export interface Unprotected {
  pool: ScopedPool
  client: PrismaClient
  close(): Promise<void>
}

/** Internals of src/db: the pool, and Prisma's client over it without the tenant extension. */
export function openUnprotected(url: string, connectionsMax = 2): Unprotected {
  const pool = new ScopedPool({
    url,
    connectionsMax,
    acquireTimeoutMs: 5_000,
    namedStatements: true,
    logger: createLogger('silent'),
  })
  const client = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: statementName }) })
  return {
    pool,
    client,
    async close() {
      await client.$disconnect()
      await pool.end()
    },
  }
}

export interface ModelFacts {
  name: string
  /** Its property on a handle. */
  delegate: string
  table: string
  keyFields: string[]
  columns: string[]
  /** The columns that the API's reader reads: no bytes, which it refuses. */
  readableColumns: string[]
  relations: { name: string; model: string }[]
}

/** Every model of the schema, so that a new one is covered without further work. */
export async function modelsOf(database: TestDatabase): Promise<ModelFacts[]> {
  const facts = [...DATAMODEL].map(async ([name, { table, columns, relations }]) => {
    const { keyColumns } = await tableFacts(database, table)
    const fields = [...columns]
    return {
      name,
      delegate: name.charAt(0).toLowerCase() + name.slice(1),
      table,
      keyFields: keyColumns.map((key) => fields.find(([, column]) => column.name === key)?.[0] ?? key),
      columns: fields.map(([field]) => field),
      readableColumns: fields.flatMap(([field, { type }]) => (type === 'Bytes' ? [] : [field])),
      relations: [...relations].map(([field, { model }]) => ({ name: field, model })),
    }
  })
  return await Promise.all(facts)
}
