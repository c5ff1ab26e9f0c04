// What PostgreSQL has read of each table.
import type { Database } from '../../src/db/database.ts'
import { asAdmin } from './cluster.ts'
import type { TestDatabase } from './database.ts'

export interface Reads {
  /** Rows read by sequential scans, and index entries. */
  rows: number
  /** Rows read by sequential scans. */
  scanned: number
}

/** By table. `pool`: its sessions, all idle, report first: by themselves they do so after ten seconds. */
export async function readsOf(
  database: TestDatabase,
  pool: Pick<Database, 'readText' | 'poolState'>,
  tenantId: string,
): Promise<Map<string, Reads>> {
  const text = `SELECT pg_stat_force_next_flush(), pg_sleep(0.3)`
  await Promise.all(
    Array.from({ length: pool.poolState().total }, () => pool.readText({ tenantId }, { text, values: [] })),
  )
  return await asAdmin(database.adminUrl, async (admin) => {
    const { rows } = await admin.query<{ name: string; rows: string; scanned: string }>(
      `SELECT t.relname AS name, t.seq_tup_read AS scanned,
         t.seq_tup_read + coalesce((SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0) AS rows
       FROM pg_stat_user_tables t WHERE t.schemaname = 'public'`,
    )
    return new Map(
      rows.map((read) => [read.name, { rows: Number(read.rows), scanned: Number(read.scanned) }]),
    )
  })
}

export function readBetween(
  before: ReadonlyMap<string, Reads>,
  after: ReadonlyMap<string, Reads>,
): Map<string, Reads> {
  return new Map(
    [...after].map(([table, { rows, scanned }]) => {
      const start = before.get(table)
      return [table, { rows: rows - (start?.rows ?? 0), scanned: scanned - (start?.scanned ?? 0) }]
    }),
  )
}
