// Owns: the platform's statements on tenants: making, listing, suspending, resuming. Each leaves an entry in the
// tenant's own audit log. Runs as the owner; no tenant's request comes here.
import pg from 'pg'
import { AppError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { OwnerConnection, OwnerQuery } from './owner.ts'

export type TenantStatus = 'ACTIVE' | 'SUSPENDED'

export interface TenantEntry {
  id: string
  slug: string
  status: TenantStatus
  createdAt: Date
}

export interface NewTenant {
  slug: string
  name: string
  /** ISO 4217. */
  currency: string
  owner: { email: string; name: string }
}

const UNIQUE_VIOLATION = '23505'
const SQL_ENTRY = 'SELECT id, slug, status, created_at AS "createdAt" FROM app.tenant_directory'

/** Makes a tenant and its first member, an OWNER, in one transaction; answers its id. Throws CONFLICT: the slug is taken. */
export async function createTenant(connection: OwnerConnection, tenant: NewTenant): Promise<string> {
  const { slug, name, currency, owner } = tenant
  const id = newId()
  try {
    await connection.inTenant(id, async (query) => {
      await query('SELECT app.create_tenant($1, $2, $3, $4)', [id, slug, name, currency])
      await query(`INSERT INTO members (id, email, name, role) VALUES ($1, $2, $3, 'OWNER')`, [
        newId(),
        owner.email.toLowerCase(),
        owner.name,
      ])
      await audit(query, id, 'tenantCreate', { slug, name, currency })
    })
    return id
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION) {
      throw new AppError('CONFLICT', `there is already a tenant "${slug}"`, { slug }, { cause: error })
    }
    throw error
  }
}

/** Every tenant, by slug. */
export function listTenants(connection: OwnerConnection): Promise<TenantEntry[]> {
  return connection.query<TenantEntry>(`${SQL_ENTRY} ORDER BY slug`)
}

/**
 * Suspends or resumes a tenant; servers notice within seconds. Answers the entry as it is now; a tenant that had the
 * status already is left as it was. Throws NOT_FOUND for an unknown slug.
 */
export async function setTenantStatus(
  connection: OwnerConnection,
  slug: string,
  status: TenantStatus,
): Promise<TenantEntry> {
  const [entry] = await connection.query<TenantEntry>(`${SQL_ENTRY} WHERE slug = $1`, [slug])
  if (entry === undefined) throw new AppError('NOT_FOUND', `there is no tenant "${slug}"`, { slug })
  await connection.inTenant(entry.id, async (query) => {
    const changed = await query(
      'UPDATE app.tenant_directory SET status = $2 WHERE id = $1 AND status <> $2 RETURNING id',
      [entry.id, status],
    )
    if (changed.length === 0) return
    await audit(query, entry.id, status === 'SUSPENDED' ? 'tenantSuspend' : 'tenantResume', { status })
  })
  return { ...entry, status }
}

async function audit(query: OwnerQuery, tenantId: string, action: string, after: object): Promise<void> {
  await query(
    `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, after, request_id)
     VALUES ($1, 'SYSTEM', $2, 'Tenant', $3, $4, 'command-line')`,
    [newId(), action, tenantId, JSON.stringify(after)],
  )
}
