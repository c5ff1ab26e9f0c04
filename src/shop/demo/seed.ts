// Writes the demo tenants into a migrated database. demo-tenant.ts builds their rows.
import type { Logger } from '../../core/logger.ts'
import { snakeOf } from '../../core/names.ts'
import { connectOwner, type OwnerConnection, type OwnerQuery } from '../../db/owner.ts'
import { DEMO_SLUGS, demoTenant } from './demo-tenant.ts'
import type { DemoTenant } from './rows.ts'

export interface SeedReport {
  /** Tenants made by this call. */
  tenants: number
  /** Rows written by this call. */
  rows: number
  /** True when the demo tenants existed already. */
  skipped: boolean
}

/** Held until the tenant is committed: a second process waits, and then finds the tenant. */
const SEED_LOCK = 'bulkhead: demo tenants'
/** The bound of that wait and of each statement: a slow machine needs more than a request's timeout. */
const STATEMENT_TIMEOUT_MS = 60_000

/**
 * Makes the missing demo tenants, each in one transaction, so that a crash leaves no partial one. Safe to call at every
 * start and by several processes at once. Throws database errors.
 */
export async function seedDemo({
  ownerUrl,
  logger,
}: {
  ownerUrl: string
  logger: Logger
}): Promise<SeedReport> {
  const owner = await connectOwner(ownerUrl)
  try {
    const written = new Set<string>()
    const report: SeedReport = { tenants: 0, rows: 0, skipped: true }
    for (const slug of DEMO_SLUGS) {
      // Checked before the rows are built too, so that later starts cost one query.
      if (await wasMade(owner.query, slug)) continue
      const demo = demoTenant(slug)
      const rows = await seedTenant(owner, demo)
      if (rows === null) continue
      report.tenants += 1
      report.rows += rows
      report.skipped = false
      for (const table of Object.keys(demo.tables)) written.add(table)
      logger.info({ tenant: slug, rows }, 'demo tenant made')
    }
    // Otherwise the planner takes the tables for empty until autovacuum runs.
    if (written.size > 0) await owner.query(`ANALYZE ${[...written].join(', ')}`)
    return report
  } finally {
    await owner.end()
  }
}

/** Writes one tenant; null when another process was first. */
async function seedTenant(owner: OwnerConnection, demo: DemoTenant): Promise<number | null> {
  const { tenant, tables, accounts, lastOrderNumber } = demo
  return owner.inTenant(tenant.id, async (query) => {
    const timeout = `${STATEMENT_TIMEOUT_MS}ms`
    await query(`SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true)`, [
      timeout,
    ])
    await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [SEED_LOCK])
    if (await wasMade(query, tenant.slug)) return null
    await query('SELECT app.create_tenant($1, $2, $3, $4)', [
      tenant.id,
      tenant.slug,
      tenant.name,
      tenant.currency,
    ])
    await query('UPDATE app.tenant_directory SET created_at = $2, is_demo = true WHERE id = $1', [
      tenant.id,
      tenant.createdAt,
    ])
    await query('UPDATE tenants SET created_at = $1, updated_at = $1', [tenant.createdAt])
    await query(`UPDATE tenant_counters SET value = $1 WHERE name = 'order'`, [lastOrderNumber])
    for (const { code, id } of accounts) {
      await query('UPDATE ledger_accounts SET id = $2, created_at = $3 WHERE code = $1', [
        code,
        id,
        tenant.createdAt,
      ])
    }
    let count = 0
    for (const [table, rows] of Object.entries(tables)) count += await insertRows(query, table, rows)
    return count
  })
}

/** Made by the seed, or the slug is taken by a user's tenant. An erased demo tenant is not made again. */
async function wasMade(query: OwnerQuery, slug: string): Promise<boolean> {
  const found = await query('SELECT FROM app.used_slugs WHERE slug = $1', [slug])
  return found.length > 0
}

/**
 * Inserts all rows by one statement. Table and column names come from this folder's code, never from a client. The rows
 * are one JSON document, which PostgreSQL reads into the table's row type, so that enums and amounts need no casts.
 */
async function insertRows(query: OwnerQuery, table: string, rows: readonly object[]): Promise<number> {
  const columns = Object.keys(rows[0] ?? {})
    .map(snakeOf)
    .join(', ')
  const document = JSON.stringify(rows.map(asRecord), (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  await query(
    `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1)`,
    [document],
  )
  return rows.length
}

function asRecord(row: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [snakeOf(name), value]))
}
