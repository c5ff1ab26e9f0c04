// The access to PostgreSQL for all other rooms: the walls over this program's own client, and the look-ups before a tenant
// is known.
import { isUuid } from '../core/ids.ts'
import { PrismaClient } from '../generated/prisma/client.ts'
import { SCHEMA } from './datamodel.ts'
import { openWalls, type PoolOptions, type Walls } from './walls.ts'

export type { TenantClient, Transaction } from './register.ts'
export { EVERYTHING, type Scope } from './scope.ts'
export type { PoolState } from './walls.ts'

/** A tenant as it is known before authentication. */
export type TenantAddress = {
  readonly tenantId: string
  readonly tenantSlug: string
  readonly tenantStatus: 'ACTIVE' | 'SUSPENDED'
}

export type MemberRole = 'OWNER' | 'ADMIN' | 'STAFF' | 'VIEWER'

/** A person's current relation to a tenant: a member, or the recipient of an open invitation. */
export type Membership = TenantAddress &
  (
    | { readonly memberId: string; readonly role: MemberRole }
    | { readonly memberId: null; readonly invitationId: string }
  )

/** A currently valid key. */
export type KnownKey = TenantAddress & {
  readonly keyId: string
  readonly name: string
  readonly permissions: readonly string[]
  /** The role of the member who made it, directly or through other keys; null: the platform made it. */
  readonly makerRole: MemberRole | null
  readonly expiresAt: Date | null
}

/** A tenant's active grant for platform staff. */
export type SupportLeave = TenantAddress & {
  readonly grantId: string
  readonly access: 'READ' | 'WRITE'
  readonly expiresAt: Date
}

/** A tenant of which a person is a member. */
export type TenantChoice = {
  readonly slug: string
  readonly name: string
  readonly status: TenantAddress['tenantStatus']
  readonly role: MemberRole
}

export type Database = Omit<Walls<PrismaClient>, 'beforeTenant'> & {
  /** Null for an unknown tenant, and for a person who is neither an active member nor invited. */
  resolveMember(tenantSlug: string, email: string): Promise<Membership | null>
  /** The slugs of the tenants of which the address is an active member; at most a hundred. */
  membershipsOf(email: string): Promise<TenantChoice[]>
  /** Null for a key that is unknown, expired, or revoked (or made by a revoked one). Records its use. */
  resolveApiKey(tenantId: string, hash: Uint8Array): Promise<KnownKey | null>
  /** Null without an active grant. Records the visit in the tenant's audit. */
  resolveSupport(tenantSlug: string, email: string): Promise<SupportLeave | null>
  /** The tenant with this id or slug; null for none. */
  resolveTenant(key: { readonly id: string } | { readonly slug: string }): Promise<TenantAddress | null>
}

export function openDatabase(options: PoolOptions): Database {
  const { beforeTenant, ...walls } = openWalls({
    ...options,
    client: (adapter) => new PrismaClient({ adapter, log: [] }),
    schema: SCHEMA,
  })

  return {
    ...walls,

    async resolveMember(tenantSlug, email) {
      type Row = AddressRow & { member_id: string | null; member_role: MemberRole; invitation_id: string }
      const [row] = await beforeTenant<Row>('SELECT * FROM app.resolve_member($1, $2)', [tenantSlug, email])
      if (row === undefined) return null
      const { member_id: memberId, member_role: role, invitation_id: invitationId } = row
      return { ...addressOf(row), ...(memberId === null ? { memberId, invitationId } : { memberId, role }) }
    },

    async membershipsOf(email) {
      type Row = AddressRow & { tenant_name: string; member_role: MemberRole }
      const rows = await beforeTenant<Row>('SELECT * FROM app.memberships_of($1)', [email])
      return rows.map(
        ({ tenant_slug: slug, tenant_name: name, tenant_status: status, member_role: role }) => ({
          slug,
          name,
          status,
          role,
        }),
      )
    },

    async resolveApiKey(tenantId, hash) {
      type Row = AddressRow & {
        key_id: string
        key_name: string
        key_permissions: string[]
        key_expires_at: Date | null
        key_maker_role: MemberRole | null
      }
      const [row] = await beforeTenant<Row>('SELECT * FROM app.resolve_api_key($1, $2)', [
        tenantId,
        `\\x${Buffer.from(hash).toString('hex')}`,
      ])
      if (row === undefined) return null
      return {
        ...addressOf(row),
        keyId: row.key_id,
        name: row.key_name,
        permissions: row.key_permissions,
        makerRole: row.key_maker_role,
        expiresAt: row.key_expires_at,
      }
    },

    async resolveSupport(tenantSlug, email) {
      type Row = AddressRow & {
        grant_id: string
        grant_access: SupportLeave['access']
        grant_expires_at: Date
      }
      const [row] = await beforeTenant<Row>('SELECT * FROM app.resolve_support($1, $2)', [tenantSlug, email])
      if (row === undefined) return null
      const { grant_id: grantId, grant_access: access, grant_expires_at: expiresAt } = row
      return { ...addressOf(row), grantId, access, expiresAt }
    },

    async resolveTenant(key) {
      const [row] = await beforeTenant<AddressRow>(
        'SELECT * FROM app.resolve_tenant($1, $2)',
        'id' in key ? [isUuid(key.id) ? key.id : null, null] : [null, key.slug],
      )
      return row === undefined ? null : addressOf(row)
    },
  }
}

type AddressRow = {
  readonly tenant_id: string
  readonly tenant_slug: string
  readonly tenant_status: TenantAddress['tenantStatus']
}

function addressOf(row: AddressRow): TenantAddress {
  return { tenantId: row.tenant_id, tenantSlug: row.tenant_slug, tenantStatus: row.tenant_status }
}
