// The platform's statements on tenants: create, list, show, suspend, resume. Each change is recorded in the tenant's
// audit. Runs as the owner; not reachable by a tenant's request. tenant-erasure.ts has their erasure.
import { normalizeEmail } from '../../core/email.ts'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { LOCALE_DEFAULT, TIME_ZONE_DEFAULT } from '../../core/region.ts'
import { sqlstateOf } from '../../db/faults.ts'
import { escapeIdentifier } from '../../db/names.ts'
import type { OwnerConnection, OwnerQuery } from '../../db/owner.ts'

export type TenantStatus = 'ACTIVE' | 'SUSPENDED'

export interface TenantEntry {
  id: string
  slug: string
  status: TenantStatus
  createdAt: Date
  /** When it will be erased, and who requested that; null: not scheduled. */
  eraseAt: Date | null
  eraseRequestedBy: 'TENANT' | 'PLATFORM' | null
  /** It is being erased, which cannot be stopped any more. */
  isErasing: boolean
}

/** A tenant as `tenant show` prints it. */
export interface TenantDetails extends TenantEntry {
  name: string
  currency: string
  timeZone: string
  locale: string
  /** Active members, by their roles. */
  members: Record<string, number>
  /** The row counts of its tables that are not empty. */
  rows: Record<string, number>
}

export interface MemberEntry {
  email: string
  name: string
  role: string
  status: string
  createdAt: Date
}

export interface NewTenant {
  slug: string
  name: string
  /** ISO 4217. */
  currency: string
  /** Of the IANA database. Default: UTC. */
  timeZone?: string
  /** BCP 47, in its canonical form. Default: en. */
  locale?: string
  owner: { email: string; name: string }
  /** Reuses the slug of an erased tenant. */
  reuseSlug?: boolean
}

const UNIQUE_VIOLATION = '23505'
/** Raised by app.use_slug. */
const SLUG_WAS_USED = 'BK022'
const SQL_ENTRY = `
  SELECT id, slug, status, created_at AS "createdAt", erase_at AS "eraseAt", erase_requested_by AS "eraseRequestedBy",
    erasure_started_at IS NOT NULL AS "isErasing"
  FROM app.tenant_directory`
/** The audit's label for platform staff at a terminal. */
const OPERATOR_LABEL = 'command line'
const MEMBERS_LISTED_MAX = 10_000

/**
 * Makes a tenant and its first member, an OWNER, in one transaction; returns its id. Throws CONFLICT: the slug is
 * taken, or was an erased tenant's.
 */
export async function createTenant(connection: OwnerConnection, tenant: NewTenant): Promise<string> {
  const { slug, name, currency, owner, reuseSlug = false } = tenant
  const { timeZone = TIME_ZONE_DEFAULT, locale = LOCALE_DEFAULT } = tenant
  const id = newId()
  await connection.inTenant(id, async (query) => {
    if (reuseSlug) await releaseSlug(query, slug)
    await orSlugTaken(slug, () =>
      query('SELECT app.create_tenant($1, $2, $3, $4)', [id, slug, name, currency]),
    )
    await query('UPDATE tenants SET time_zone = $1, locale = $2', [timeZone, locale])
    await query(`INSERT INTO members (id, email, name, role) VALUES ($1, $2, $3, 'OWNER')`, [
      newId(),
      normalizeEmail(owner.email),
      owner.name,
    ])
    await auditAsOperator(query, id, 'tenantCreate', {
      slug,
      name,
      currency,
      timeZone,
      locale,
      owner: normalizeEmail(owner.email),
    })
  })
  return id
}

/** Adds only the directory entry of a new tenant, in the caller's transaction, which adds the rest. Throws CONFLICT. */
export async function enterNewTenant(
  query: OwnerQuery,
  { id, slug, reuseSlug }: { readonly id: string; readonly slug: string; readonly reuseSlug: boolean },
): Promise<void> {
  if (reuseSlug) await releaseSlug(query, slug)
  await orSlugTaken(slug, () =>
    query('INSERT INTO app.tenant_directory (id, slug) VALUES ($1, $2)', [id, slug]),
  )
}

/** Frees the slug of an erased tenant, in the transaction that makes the next one. */
async function releaseSlug(query: OwnerQuery, slug: string): Promise<void> {
  await query(
    `DELETE FROM app.used_slugs u WHERE u.slug = $1
       AND NOT EXISTS (SELECT FROM app.tenant_directory d WHERE d.slug = u.slug)`,
    [slug],
  )
}

async function orSlugTaken(slug: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (sqlstateOf(error) === UNIQUE_VIOLATION) {
      throw new AppError('CONFLICT', `there is already a tenant "${slug}"`, { slug }, { cause: error })
    }
    if (sqlstateOf(error) === SLUG_WAS_USED) {
      throw new AppError(
        'CONFLICT',
        `"${slug}" was the address of a tenant that was erased, and tokens and issuers may still name it: take another, or ` +
          'say --reuse-slug',
        { slug },
        { cause: error },
      )
    }
    throw error
  }
}

/** Every tenant, by slug. */
export function listTenants(connection: OwnerConnection): Promise<TenantEntry[]> {
  return connection.query<TenantEntry>(`${SQL_ENTRY} ORDER BY slug`)
}

/** Throws NOT_FOUND for an unknown slug. */
export async function findTenant(connection: OwnerConnection, slug: string): Promise<TenantEntry> {
  const [entry] = await connection.query<TenantEntry>(`${SQL_ENTRY} WHERE slug = $1`, [slug])
  if (entry === undefined) throw new AppError('NOT_FOUND', `there is no tenant "${slug}"`, { slug })
  return entry
}

/** A tenant's details; its audit records the access. Throws NOT_FOUND for an unknown slug. */
export async function showTenant(connection: OwnerConnection, slug: string): Promise<TenantDetails> {
  const entry = await findTenant(connection, slug)
  return await connection.inTenant(
    entry.id,
    async (query) => {
      const [tenant] = await query<Pick<TenantDetails, 'name' | 'currency' | 'timeZone' | 'locale'>>(
        'SELECT name, currency, time_zone AS "timeZone", locale FROM tenants',
      )
      if (tenant === undefined) throw new Error(`the tenant ${slug} has no row of its own`)
      const members = await query<{ role: string; count: number }>(
        `SELECT role::text, count(*)::int AS count FROM members WHERE status = 'ACTIVE' GROUP BY 1 ORDER BY 1`,
      )
      const rows: Record<string, number> = {}
      for (const { name } of await query<{ name: string }>(
        'SELECT table_name AS name FROM app.tenant_tables() ORDER BY table_name',
      )) {
        const [row] = await query<{ count: number }>(
          `SELECT count(*)::int AS count FROM public.${escapeIdentifier(name)}`,
        )
        if (row !== undefined && row.count > 0) rows[name] = row.count
      }
      await auditAsOperator(query, entry.id, 'tenantShow', {})
      const roles = Object.fromEntries(members.map(({ role, count }) => [role, count]))
      return { ...entry, ...tenant, members: roles, rows }
    },
    { isLong: true },
  )
}

/** A tenant's members, including removed ones; its audit records the access. Throws NOT_FOUND. */
export async function listMembers(connection: OwnerConnection, slug: string): Promise<MemberEntry[]> {
  const { id } = await findTenant(connection, slug)
  return await connection.inTenant(id, async (query) => {
    await auditAsOperator(query, id, 'tenantMembersList', {})
    return await query<MemberEntry>(
      `SELECT email, name, role::text, status::text, created_at AS "createdAt" FROM members
       ORDER BY email LIMIT ${MEMBERS_LISTED_MAX}`,
    )
  })
}

/**
 * Suspends or resumes a tenant; servers notice within seconds. Resuming also cancels an erasure, by the tenant or by the platform.
 * Returns the current entry; a tenant that already has the status is unchanged. Throws NOT_FOUND for an unknown slug,
 * CONFLICT for one that is being erased.
 */
export async function setTenantStatus(
  connection: OwnerConnection,
  slug: string,
  status: TenantStatus,
): Promise<TenantEntry> {
  const { id } = await findTenant(connection, slug)
  await connection.inTenant(id, async (query) => {
    const [entry] = await query<TenantEntry>(`${SQL_ENTRY} WHERE id = $1 FOR UPDATE`, [id])
    if (entry === undefined || entry.isErasing) throw beingErased(slug)
    if (entry.status !== status) {
      await query('UPDATE app.tenant_directory SET status = $2 WHERE id = $1', [id, status])
      const action = status === 'SUSPENDED' ? 'tenantSuspend' : 'tenantResume'
      await auditAsOperator(query, id, action, { status }, { status: entry.status })
    }
    if (status === 'ACTIVE' && entry.eraseAt !== null) {
      await setErasure(query, id, null)
      const before = { erasureAt: entry.eraseAt.toISOString() }
      await auditAsOperator(query, id, 'tenantErasureCancel', { erasureAt: null }, before)
    }
  })
  return await findTenant(connection, slug)
}

/**
 * Sets in how many days the tenant in scope is erased (null: never), by the database's clock, in the directory and in
 * its own row. Returns that time.
 */
export async function setErasure(query: OwnerQuery, id: string, days: number | null): Promise<Date | null> {
  const [entry] = await query<{ at: Date | null }>(
    `UPDATE app.tenant_directory
     SET erase_at = date_trunc('milliseconds', now()) + make_interval(days => $2::int),
       erase_requested_by = CASE WHEN $2::int IS NOT NULL THEN 'PLATFORM' END
     WHERE id = $1 RETURNING erase_at AS at`,
    [id, days],
  )
  const at = entry?.at ?? null
  await query('UPDATE tenants SET erasure_at = $1, updated_at = now()', [at])
  return at
}

function beingErased(slug: string): AppError {
  return new AppError('CONFLICT', `the tenant "${slug}" is being erased, which cannot be undone`, { slug })
}

/** Adds an entry to the audit of the tenant in scope: an action of platform staff at a terminal. */
export async function auditAsOperator(
  query: OwnerQuery,
  tenantId: string,
  action: string,
  after: object,
  before: object | null = null,
): Promise<void> {
  await query(
    `INSERT INTO audit_entries
       (id, actor_kind, actor_label, action, subject_type, subject_id, before, after, request_id)
     VALUES ($1, 'SYSTEM', '${OPERATOR_LABEL}', $2, 'Tenant', $3, $4, $5, 'command-line')`,
    [newId(), action, tenantId, before === null ? null : JSON.stringify(before), JSON.stringify(after)],
  )
}
