// The platform's statements on erasure: ordering it, carrying it out, and the records that are retained. Runs as the
// owner. The worker carries out scheduled ones, through app.erase_due_tenants; the steps are functions of the database.
// What is retained, by table and column, is listed in app.retained: `desk_retained` makes it, `shop_tenants` fills it.
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../core/errors.ts'
import type { OwnerConnection } from '../../db/owner.ts'
import { auditAsOperator, findTenant, setErasure, type TenantEntry } from './tenant-directory.ts'

/** Rows per step: a fraction of a second, far below the statement timeout. */
const ERASURE_ROWS_MAX = 2_000
const WAIT_MS = 1_000
const PAGE_ROWS = 1_000

/** What is known of an erased tenant. */
export interface ErasedTenant {
  tenantId: string
  slug: string
  name: string
  requestedBy: 'TENANT' | 'PLATFORM'
  startedAt: Date
  /** Null: its erasure is in progress. */
  erasedAt: Date | null
  /** The number of rows that each table had. */
  rowCounts: Record<string, number>
  retainUntil: Date
}

export interface RetainedRecord {
  kind: string
  id: string
  content: Record<string, unknown>
}

/**
 * Suspends a tenant at once, and schedules its erasure in so many days (0: due now). An erasure that has begun
 * continues. Throws NOT_FOUND for an unknown slug.
 */
export async function orderErasure(
  connection: OwnerConnection,
  slug: string,
  days: number,
): Promise<TenantEntry> {
  const found = await findTenant(connection, slug)
  if (found.isErasing) return found
  await connection.inTenant(found.id, async (query) => {
    const [suspended] = await query(
      `UPDATE app.tenant_directory SET status = 'SUSPENDED' WHERE id = $1 AND erasure_started_at IS NULL RETURNING id`,
      [found.id],
    )
    if (suspended === undefined) return
    const at = await setErasure(query, found.id, days)
    const before = { status: found.status, erasureAt: found.eraseAt?.toISOString() ?? null }
    const after = { status: 'SUSPENDED', erasureAt: at?.toISOString() ?? null }
    await auditAsOperator(query, found.id, 'tenantErase', after, before)
  })
  return await findTenant(connection, slug)
}

/**
 * Carries out the erasure of a due tenant, step by step, each in its own transaction; a worker may do some of them.
 * Returns what was erased. Throws CONFLICT when it was cancelled meanwhile.
 */
export async function eraseNow(
  connection: OwnerConnection,
  { id, slug }: Pick<TenantEntry, 'id' | 'slug'>,
): Promise<ErasedTenant> {
  for (;;) {
    const [row] = await connection.query<{ state: string }>('SELECT app.erase_step($1, $2) AS state', [
      id,
      ERASURE_ROWS_MAX,
    ])
    if (row?.state === 'WAITING') await sleep(WAIT_MS)
    if (row?.state === 'ERASED' || row?.state === 'NOT_DUE') break
  }
  const erased = (await erasedTenants(connection, slug)).find(({ tenantId }) => tenantId === id)
  if (erased?.erasedAt == null) throw new AppError('CONFLICT', `the erasure of "${slug}" was called off`)
  return erased
}

/** The erased tenants of this slug, latest first. */
export async function erasedTenants(connection: OwnerConnection, slug: string): Promise<ErasedTenant[]> {
  return await connection.query<ErasedTenant>(
    `SELECT tenant_id AS "tenantId", slug, name, requested_by AS "requestedBy", started_at AS "startedAt",
       erased_at AS "erasedAt", row_counts AS "rowCounts", retain_until AS "retainUntil"
     FROM app.erased_tenants WHERE slug = $1 ORDER BY started_at DESC`,
    [slug],
  )
}

/** The retained records of an erased tenant, by kind and id, a page at a time. */
export async function* retainedRecords(
  connection: OwnerConnection,
  tenantId: string,
): AsyncGenerator<RetainedRecord[]> {
  let after: { kind: string; id: string } = { kind: '', id: '00000000-0000-0000-0000-000000000000' }
  for (;;) {
    const page = await connection.query<RetainedRecord>(
      `SELECT kind, id, content FROM app.retained_records
       WHERE tenant_id = $1 AND (kind, id) > ($2, $3::uuid) ORDER BY kind, id LIMIT ${PAGE_ROWS}`,
      [tenantId, after.kind, after.id],
    )
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = last
  }
}

/** The number of retained records of an erased tenant, by kind. */
export async function retainedCounts(
  connection: OwnerConnection,
  tenantId: string,
): Promise<Record<string, number>> {
  const rows = await connection.query<{ kind: string; count: number }>(
    'SELECT kind, count(*)::int AS count FROM app.retained_records WHERE tenant_id = $1 GROUP BY kind ORDER BY kind',
    [tenantId],
  )
  return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]))
}

/**
 * Deletes retained records past their time, and their tenants' entries, of all tenants. Returns the number of tenants.
 */
export async function purgeExpired(connection: OwnerConnection): Promise<number> {
  const PURGED = 'erased_at IS NOT NULL AND retain_until < now()'
  for (;;) {
    const rows = await connection.query(
      `DELETE FROM app.retained_records WHERE ctid = ANY (ARRAY(
         SELECT r.ctid FROM app.retained_records r JOIN app.erased_tenants e USING (tenant_id)
         WHERE ${PURGED} LIMIT ${PAGE_ROWS})) RETURNING 1`,
    )
    if (rows.length === 0) break
  }
  const gone = await connection.query(
    `DELETE FROM app.erased_tenants e WHERE ${PURGED}
       AND NOT EXISTS (SELECT FROM app.retained_records r WHERE r.tenant_id = e.tenant_id) RETURNING 1`,
  )
  return gone.length
}
