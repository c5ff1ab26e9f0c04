// The walls: access to PostgreSQL over a generated Prisma client. A handle per tenant, a transaction per tenant, and nothing
// without a scope. Knows no schema: database.ts opens them for this program's own.
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { LRUCache } from 'lru-cache'
import type { Logger } from '../core/logger.ts'
import { CommitUnknown, type Fault, faultOf } from './faults.ts'
import { datamodelOf, type WrittenSchema } from './models.ts'
import { turnOffBatching } from './prisma-internals.ts'
import { type View, WHOLE_VIEW } from './reader/view.ts'
import { readingHandles } from './reading-handle.ts'
import {
  type Around,
  currentFrame,
  enterScope,
  type Scope,
  type Statement,
  type ValuedStatement,
} from './scope.ts'
import { ScopedPool } from './scoped-pool.ts'
import { statementName } from './statement-name.ts'
import { type Extendable, extendForTenant, type Handle, type TenantClientOf } from './tenant-client.ts'

/** A tenant's transaction: the same handle, on one connection. */
export type TransactionOf<Client> = TenantClientOf<Client> & { readonly [transaction]: true }
declare const transaction: unique symbol

export type PoolOptions = {
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

export type WallsOptions<Client> = PoolOptions & {
  /** Makes the generated client: `(adapter) => new PrismaClient({ adapter })`. Called once; the client is not handed out. */
  readonly client: (adapter: SqlDriverAdapterFactory) => Client
  /** What the package's generator wrote of the schema. */
  readonly schema: WrittenSchema
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

export type Walls<Client> = {
  /**
   * The tenant's handle: cheap to make, not to be used beyond the request. `view`: the rows that its readMany and readCount
   * read. Default: all.
   */
  forTenant(scope: Scope, view?: View): TenantClientOf<Client>
  /**
   * Runs `work` in one READ COMMITTED transaction of the tenant; commits when it resolves, rolls back when it throws.
   * Transactions do not nest: pass the transaction as an argument instead. `around` travels with the first statement
   * and with COMMIT. `options` is for work that reads much.
   */
  withTenant<T>(
    scope: Scope,
    work: (tx: TransactionOf<Client>) => Promise<T>,
    around?: Around,
    options?: TransactionOptions,
  ): Promise<T>
  /**
   * Runs a statement of the tenant whose answer is one text: the first column of its first row; null when there is no row, or
   * for NULL. The shortest way to an answer; refused in a transaction. `values`: strings, numbers, bigints, booleans, null,
   * Date, Uint8Array, and arrays of them; a TypeError for any other.
   */
  readText(scope: Scope, statement: Omit<ValuedStatement, 'name'>): Promise<string | null>
  /**
   * Runs statements of the tenant as one transaction in one message. Resolves to the first column of the last one's first
   * row, as text; null when there is no row, or for NULL. Throws CommitUnknown when the connection is lost before the answer.
   */
  runAtOnce(scope: Scope, statements: readonly Statement[]): Promise<string | null>
  /**
   * Runs a statement without a tenant, for functions that answer before one is known. A table of tenants refuses it.
   */
  beforeTenant<Row extends Record<string, unknown>>(
    text: string,
    values: readonly (string | null)[],
  ): Promise<Row[]>
  /** Resolves when the database answers; rejects with its error otherwise. */
  ping(): Promise<void>
  poolState(): PoolState
  close(): Promise<void>
}

const ACQUIRE_TIMEOUT_MS = 5_000
/** Longer than the database's statement timeout, so that the server cancels first, with the reason. */
const TRANSACTION_TIMEOUT_MS = 20_000
/** Prisma's handles: 10 kB each, 23 kB with three models used. */
const HANDLES_MAX = 1_000
/** Faults after which a COMMIT may have happened: the connection broke, or was silent until the time-out. */
const COMMIT_UNANSWERED: ReadonlySet<Fault | null> = new Set(['CONNECTION_LOST', 'UNAVAILABLE'])

/**
 * Opens a pool on the database at `url`, as the runtime role. It connects at the first statement. Throws for a version of
 * Prisma's client that the walls do not know.
 */
export function openWalls<Client extends object>(options: WallsOptions<Client>): Walls<Client> {
  const { poolMax, namedStatements, acquireTimeoutMs = ACQUIRE_TIMEOUT_MS } = options
  const pool = new ScopedPool({ ...options, connectionsMax: poolMax, acquireTimeoutMs })
  const adapter = new PrismaPg(pool, namedStatements ? { statementNameGenerator: statementName } : {})
  // Its own type depends on the schema, and so do the handles': they have what TenantClientOf names.
  const client = options.client(adapter) as unknown as Extendable & { $disconnect(): Promise<void> }
  turnOffBatching(client)
  const datamodel = datamodelOf(options.schema)
  const handles = new LRUCache<string, Handle>({ max: HANDLES_MAX })

  function handleOf(scope: Scope, view: View = WHOLE_VIEW): Handle {
    const { tenantId, writes = '', caller = '', isUnauthenticated = false } = scope
    const key = `${tenantId} ${writes} ${isUnauthenticated} ${view.key} ${caller}`
    const known = handles.get(key)
    if (known !== undefined) return known
    const handle = extendForTenant(client, datamodel, scope, view)
    handles.set(key, handle)
    return handle
  }

  function readText(scope: Scope, { text, values }: ValuedStatement): Promise<string | null> {
    const name = namedStatements ? statementName({ sql: text }) : ''
    return pool.readText(scope, { text, values, name })
  }

  const readingHandle = readingHandles(datamodel, readText)

  return {
    forTenant: (scope, view = WHOLE_VIEW) =>
      readingHandle(scope, view, () => handleOf(scope, view)) as TenantClientOf<Client>,

    async withTenant(scope, work, around = {}, { isSnapshot, timeoutMs = TRANSACTION_TIMEOUT_MS } = {}) {
      if ((currentFrame()?.transaction ?? null) !== null)
        throw new Error('a transaction was opened inside a transaction')
      let worked = false
      const workOn = async (tx: unknown) => {
        // The extended client in a transaction is the handle without the members that TenantClientOf omits.
        const result = await work(tx as TransactionOf<Client>)
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

    readText,

    runAtOnce: (scope, statements) => pool.runAtOnce(scope, statements),

    beforeTenant: (text, values) => pool.queryBeforeTenant(text, values),

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
