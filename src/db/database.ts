// The access to PostgreSQL for all other rooms: a handle per tenant, a transaction per tenant, and nothing without a
// scope.
import { PrismaPg } from '@prisma/adapter-pg'
import { LRUCache } from 'lru-cache'
import { isUuid } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import { PrismaClient } from '../generated/prisma/client.ts'
import { CommitUnknown, type Fault, faultOf } from './faults.ts'
import { turnOffBatching } from './prisma-internals.ts'
import { type Around, currentFrame, enterScope, type Scope, type Statement } from './scope.ts'
import { ScopedPool } from './scoped-pool.ts'
import { statementName } from './statement-name.ts'
import { extendForTenant, type ReadValue, type TenantClient } from './tenant-client.ts'

export { EVERYTHING, type Scope, type Statement } from './scope.ts'
export type { TenantClient } from './tenant-client.ts'

/** A tenant's transaction: the same handle, on one connection. */
export type Transaction = TenantClient & { readonly [transaction]: true }
declare const transaction: unique symbol

export type DatabaseOptions = {
  /** The runtime role's connection string. */
  readonly url: string
  readonly poolMax: number
  readonly namedStatements: boolean
  /** How long a caller waits for a free connection before the error BUSY. Default: 5 s. */
  readonly acquireTimeoutMs?: number
  /** How long a statement waits for a silent server. Default: 30 s. */
  readonly silenceTimeoutMs?: number
  readonly logger: Logger
}

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

export type TransactionOptions = {
  /** REPEATABLE READ: all statements see the tenant as of the first one. */
  readonly isSnapshot?: boolean
  /** The maximum duration. Default: 20 s. */
  readonly timeoutMs?: number
}

export type PoolState = {
  readonly total: number
  readonly idle: number
  readonly waiting: number
  readonly max: number
}

export type Database = {
  /** The tenant's handle: cheap to make, not to be used beyond the request. */
  forTenant(scope: Scope): TenantClient
  /**
   * Runs `work` in one READ COMMITTED transaction of the tenant; commits when it resolves, rolls back when it throws.
   * Transactions do not nest: pass the transaction as an argument instead. `around` travels with the first statement
   * and with COMMIT. `options` is for work that reads much.
   */
  withTenant<T>(
    scope: Scope,
    work: (tx: Transaction) => Promise<T>,
    around?: Around,
    options?: TransactionOptions,
  ): Promise<T>
  /**
   * Runs statements of the tenant as one transaction in one message. Their rows are dropped. Throws CommitUnknown when
   * the connection is lost before the answer.
   */
  runAtOnce(scope: Scope, statements: readonly Statement[]): Promise<void>
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
  /** Resolves when the database answers; rejects with its error otherwise. */
  ping(): Promise<void>
  poolState(): PoolState
  close(): Promise<void>
}

const ACQUIRE_TIMEOUT_MS = 5_000
/** Longer than the database's statement timeout, so that the server cancels first, with the reason. */
const TRANSACTION_TIMEOUT_MS = 20_000
const HANDLES_MAX = 1_000
/** Faults after which a COMMIT may have happened: the connection broke, or was silent until the time-out. */
const COMMIT_UNANSWERED: ReadonlySet<Fault | null> = new Set(['CONNECTION_LOST', 'UNAVAILABLE'])

export function openDatabase(options: DatabaseOptions): Database {
  const { poolMax, namedStatements, acquireTimeoutMs = ACQUIRE_TIMEOUT_MS } = options
  const pool = new ScopedPool({ ...options, connectionsMax: poolMax, acquireTimeoutMs })
  const adapter = new PrismaPg(pool, namedStatements ? { statementNameGenerator: statementName } : {})
  const client = new PrismaClient({ adapter, log: [] })
  turnOffBatching(client)
  const handles = new LRUCache<string, ReturnType<typeof extendForTenant>>({ max: HANDLES_MAX })

  function handleOf(scope: Scope): ReturnType<typeof extendForTenant> {
    const { tenantId, writes = '', caller = '', isUnauthenticated = false } = scope
    const key = `${tenantId} ${writes} ${isUnauthenticated} ${caller}`
    const known = handles.get(key)
    if (known !== undefined) return known
    const handle = extendForTenant(client, scope, readValue)
    handles.set(key, handle)
    return handle
  }

  async function readValue({ text, values }: Parameters<ReadValue>[0]): Promise<unknown> {
    const name = namedStatements ? statementName({ sql: text }) : ''
    const result = await pool.query({ name, text, values: [...values], rowMode: 'array' })
    return result.rows[0]?.[0]
  }

  return {
    // The extension has all operations of TenantClient; its inferred type cannot express those of the reader.
    forTenant: (scope) => handleOf(scope) as unknown as TenantClient,

    async withTenant(scope, work, around = {}, { isSnapshot, timeoutMs = TRANSACTION_TIMEOUT_MS } = {}) {
      if ((currentFrame()?.transaction ?? null) !== null)
        throw new Error('a transaction was opened inside a transaction')
      let worked = false
      const workOn = async (tx: unknown) => {
        // The extended client in a transaction is the handle without the members that TenantClient omits.
        const result = await work(tx as Transaction)
        worked = true
        return result
      }
      const bounds = {
        maxWait: acquireTimeoutMs,
        timeout: timeoutMs,
        ...(isSnapshot === true && { isolationLevel: 'RepeatableRead' as const }),
      }
      try {
        return await enterScope(scope, () => handleOf(scope).$transaction(workOn, bounds), around)
      } catch (error) {
        if (worked && COMMIT_UNANSWERED.has(faultOf(error))) {
          throw new CommitUnknown('the connection was lost during COMMIT', { cause: error })
        }
        throw error
      }
    },

    async runAtOnce(scope, statements) {
      await enterScope(scope, () => pool.runAtOnce(statements))
    },

    async resolveMember(tenantSlug, email) {
      type Row = AddressRow & { member_id: string | null; member_role: MemberRole; invitation_id: string }
      const [row] = await pool.queryBeforeTenant<Row>('SELECT * FROM app.resolve_member($1, $2)', [
        tenantSlug,
        email,
      ])
      if (row === undefined) return null
      const { member_id: memberId, member_role: role, invitation_id: invitationId } = row
      return { ...addressOf(row), ...(memberId === null ? { memberId, invitationId } : { memberId, role }) }
    },

    async membershipsOf(email) {
      type Row = AddressRow & { tenant_name: string; member_role: MemberRole }
      const rows = await pool.queryBeforeTenant<Row>('SELECT * FROM app.memberships_of($1)', [email])
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
      const [row] = await pool.queryBeforeTenant<Row>('SELECT * FROM app.resolve_api_key($1, $2)', [
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
      const [row] = await pool.queryBeforeTenant<Row>('SELECT * FROM app.resolve_support($1, $2)', [
        tenantSlug,
        email,
      ])
      if (row === undefined) return null
      const { grant_id: grantId, grant_access: access, grant_expires_at: expiresAt } = row
      return { ...addressOf(row), grantId, access, expiresAt }
    },

    async resolveTenant(key) {
      const [row] = await pool.queryBeforeTenant<AddressRow>(
        'SELECT * FROM app.resolve_tenant($1, $2)',
        'id' in key ? [isUuid(key.id) ? key.id : null, null] : [null, key.slug],
      )
      return row === undefined ? null : addressOf(row)
    },

    async ping() {
      await pool.queryBeforeTenant('SELECT 1', [])
    },

    poolState: () => ({
      total: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount + pool.awaitingTurnCount,
      max: poolMax,
    }),

    async close() {
      await client.$disconnect()
      await pool.end()
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
