// The wall in the process: a pool that sends no statement without a scope. Prisma's adapter uses it like any pg pool.
import pg from 'pg'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { BEFORE_TENANT, createFairScheduler, type FairScheduler } from './fair-scheduler.ts'
import { CommitUnknown, markRefused } from './faults.ts'
import { isLost, isSpoilt, isStatementLost, submit, submitText } from './message.ts'
import { renewal } from './plan-renewal.ts'
import { currentFrame, requireTenant, type Scope, type Statement, type ValuedStatement } from './scope.ts'
import { ScopedConnection } from './scoped-connection.ts'
import type { Prelude } from './scoped-query.ts'
import { prepareSession } from './session-settings.ts'
import { statementName } from './statement-name.ts'
import { type Ahead, aheadOf } from './text-message.ts'
import { literalsOf } from './wire-format.ts'

const SCOPE_SQL = "SELECT set_config('app.tenant_id', $1, true), set_config('app.permissions', $2, true)"
const SCOPE_NAME = 'bulkhead_scope'
/**
 * A transaction's statements find rows by key, so one plan serves all values. PostgreSQL would replan those with array
 * parameters each time: two thirds of a millisecond for an order, as much as placing it.
 */
const TRANSACTION_SCOPE_SQL = `${SCOPE_SQL}, set_config('plan_cache_mode', 'force_generic_plan', true)`
const TRANSACTION_SCOPE_NAME = 'bulkhead_transaction_scope'
const SILENCE_TIMEOUT_MS = 30_000

export type ScopedPoolOptions = {
  readonly url: string
  readonly connectionsMax: number
  /** How long a caller waits for a free connection before the error BUSY. */
  readonly acquireTimeoutMs: number
  /**
   * How long a statement waits for its answer before its connection is destroyed: for a silent server. Longer than the
   * database's own statement timeout, which is the usual limit. Default: 30 s.
   */
  readonly silenceTimeoutMs?: number
  /** Named statements save a parse per query; PgBouncer before 1.21 does not support them. */
  readonly namedStatements: boolean
  readonly logger: Logger
}

export class ScopedPool extends pg.Pool {
  readonly #namedStatements: boolean
  readonly #logger: Logger
  readonly #scheduler: FairScheduler
  #generation = 0
  readonly #generations = new WeakMap<pg.PoolClient, number>()
  readonly #aheads = new WeakMap<Scope, Ahead>()

  constructor(options: ScopedPoolOptions) {
    const { url, connectionsMax, acquireTimeoutMs, silenceTimeoutMs, namedStatements, logger } = options
    super({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: acquireTimeoutMs,
      query_timeout: silenceTimeoutMs ?? SILENCE_TIMEOUT_MS,
      application_name: 'bulkhead',
      keepAlive: true,
      onConnect: prepareSession,
    })
    this.#namedStatements = namedStatements
    this.#logger = logger
    this.#scheduler = createFairScheduler({ connectionsMax, waitMaxMs: acquireTimeoutMs })
    this.on('error', (error) => logger.warn({ err: error }, 'an idle database connection was lost'))
  }

  /** Sends one statement preceded by the scope, in one round trip. */
  // biome-ignore lint/suspicious/noExplicitAny: pg overloads query() a dozen ways; the adapter uses this one.
  override query(config: any): any {
    const scope = this.#requireScope(config.text)
    refuseInTransaction()
    const preludes = [this.#scopePrelude(scope)]
    return this.#inTurn(turnOf(scope), (client, isNamed) =>
      isNamed ? submit(client, config, preludes) : submit(client, unnamed(config), preludes.map(unnamed)),
    )
  }

  /**
   * Sends one statement preceded by the scope, in one round trip, as one buffer. Resolves to the first column of its first
   * row, as text; null when there is no row. Throws like `literalsOf`.
   */
  async readText(scope: Scope, { values, ...named }: ValuedStatement): Promise<string | null> {
    requireTenant(scope)
    refuseInTransaction()
    const statement = { ...named, values: literalsOf(values) }
    return await this.#inTurn(turnOf(scope), (client, isNamed) =>
      isNamed
        ? submitText(client, statement, aheadsOf(renewal(client), this.#scopeAhead(scope)))
        : submitText(client, unnamed(statement), [aheadOf(scopeStatement(scope))]),
    )
  }

  /**
   * Sends statements under one Sync, preceded by the scope: all or none are done. Resolves to the first column of the last
   * one's first row, as text; null when there is no row. Throws CommitUnknown when the connection is lost between the
   * message and its answer.
   */
  async runAtOnce(scope: Scope, statements: readonly Statement[]): Promise<string | null> {
    const last = statements.at(-1)
    if (last === undefined) throw new Error('nothing to run')
    requireTenant(scope)
    refuseInTransaction()
    const all = [transactionScope(scope), ...statements.slice(0, -1)]
    const send = async (client: pg.PoolClient, isNamed: boolean): Promise<string | null> => {
      const form = isNamed ? (statement: Statement) => this.#prelude(statement) : unnamed
      try {
        return await submitText(
          client,
          form(last),
          [...renewal(client), ...all].map((statement) => aheadOf(form(statement))),
        )
      } catch (error) {
        if (!isLost(error)) throw error
        throw new CommitUnknown('the connection was lost before the answer', { cause: error })
      }
    }
    return await this.#inTurn(turnOf(scope), send)
  }

  /** A connection for one transaction, bound to the scope that asked for it. */
  // biome-ignore lint/suspicious/noExplicitAny: the callback form is pg's own way from query() to a connection.
  override connect(callback?: any): any {
    if (callback !== undefined) return super.connect(callback)
    const scope = this.#requireScope('BEGIN')
    return this.#connectInTurn(scope)
  }

  async #connectInTurn(scope: Scope): Promise<ScopedConnection> {
    const turn = turnOf(scope)
    await this.#scheduler.acquire(...turn)
    try {
      return this.#transactionOn(await this.#take(), scope)
    } catch (error) {
      this.#scheduler.release(...turn)
      throw error
    }
  }

  /** The number of requests waiting for their tenant's turn, besides those waiting for a free connection. */
  get awaitingTurnCount(): number {
    return this.#scheduler.waiting
  }

  /** Sends one message in its turn; once more, without prepared statements, when one no longer fits. */
  async #inTurn<T>([tenantId, caller]: Turn, send: Send<T>): Promise<T> {
    const turn = this.#scheduler.acquire(tenantId, caller)
    if (turn !== null) await turn
    try {
      return await this.#withClient(send, true)
    } catch (error) {
      if (!isStatementLost(error)) throw error
      this.#logger.warn({ err: error }, 'a prepared statement was lost: running it again')
      return await this.#withClient(send, false)
    } finally {
      this.#scheduler.release(tenantId, caller)
    }
  }

  /**
   * The only way around the scope, for src/db alone: look-ups before a tenant is known. In a small lane, in which each
   * statement is a caller, so that frequent ones leave turns for the others.
   */
  async queryBeforeTenant<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly (string | null)[],
  ): Promise<Row[]> {
    return await this.#inTurn([BEFORE_TENANT, text], async (client, isNamed) => {
      const name = isNamed && this.#namedStatements ? statementName({ sql: text }) : ''
      const { rows } = await submit(client, { name, text, values: [...values] }, [])
      return rows as Row[]
    })
  }

  // pg's own query() destroys the connection at every SQL error; a refused statement is no reason to reconnect.
  async #withClient<T>(send: Send<T>, isNamed: boolean): Promise<T> {
    const client = await this.#take()
    let lost: Error | undefined
    const onError = (error: Error): void => {
      lost = error
    }
    client.on('error', onError)
    try {
      return await send(client, isNamed)
    } catch (error) {
      this.#look(error)
      if (isSpoilt(error)) lost = error as Error
      throw error
    } finally {
      client.removeListener('error', onError)
      client.release(lost)
    }
  }

  /**
   * A connection whose prepared statements fit the present schema, as far as known. Each iteration destroys an outdated
   * one.
   */
  async #take(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await super.connect().catch(refused)
      if (this.#generationOf(client) === this.#generation) return client
      client.release(true)
    }
  }

  #generationOf(client: pg.PoolClient): number {
    const known = this.#generations.get(client)
    if (known !== undefined) return known
    this.#generations.set(client, this.#generation)
    return this.#generation
  }

  /** When the statements of one connection no longer fit the schema, those of the others do not either. */
  #look(error: unknown): void {
    if (isStatementLost(error)) this.#generation += 1
  }

  #scopePrelude(scope: Scope): Prelude {
    return this.#prelude(scopeStatement(scope))
  }

  /** Encoded once: the requests of a caller have one scope, as long as the identity is believed. */
  #scopeAhead(scope: Scope): Ahead {
    const known = this.#aheads.get(scope)
    if (known !== undefined) return known
    const made = aheadOf(this.#scopePrelude(scope))
    this.#aheads.set(scope, made)
    return made
  }

  #prelude({ name, ...statement }: Statement): Prelude {
    return this.#namedStatements && name !== undefined ? { ...statement, name } : statement
  }

  #transactionOn(client: pg.PoolClient, scope: Scope): ScopedConnection {
    const { opening, closing } = currentFrame()?.transaction ?? {}
    return new ScopedConnection(client, scope, {
      first: [
        this.#prelude(transactionScope(scope)),
        ...(opening === undefined ? [] : [this.#prelude(opening)]),
      ],
      last: () => [closing?.() ?? []].flat().map((statement) => this.#prelude(statement)),
      failed: (error) => this.#look(error),
      released: () => this.#scheduler.release(...turnOf(scope)),
    })
  }

  #requireScope(statement: string): Scope {
    const frame = currentFrame()
    if (frame !== undefined) return frame.scope
    this.#logger.error({ statement }, 'a statement without a tenant was refused')
    throw new AppError('TENANT_REQUIRED', 'no tenant is in scope')
  }
}

/** `isNamed`: with prepared statements, if this pool uses them. */
type Send<T> = (client: pg.PoolClient, isNamed: boolean) => Promise<T>

/** The renewal is usually empty. */
function aheadsOf(renewed: readonly Statement[], scope: Ahead): readonly Ahead[] {
  return renewed.length === 0 ? [scope] : [...renewed.map(aheadOf), scope]
}

function refused(error: unknown): never {
  markRefused(error)
  throw error
}

/** The tenant and the caller of a turn. */
type Turn = readonly [tenantId: string, caller: string | undefined]

function turnOf({ tenantId, caller, isUnauthenticated }: Scope): Turn {
  return isUnauthenticated === true ? [BEFORE_TENANT, caller] : [tenantId, caller]
}

function scopeStatement(scope: Scope): Statement {
  return { text: SCOPE_SQL, values: settingsOf(scope), name: SCOPE_NAME }
}

function transactionScope(scope: Scope): Statement {
  return { text: TRANSACTION_SCOPE_SQL, values: settingsOf(scope), name: TRANSACTION_SCOPE_NAME }
}

function unnamed<T extends object>(statement: T): T & { readonly name: string } {
  return { ...statement, name: '' }
}

/** A statement would run outside the caller's transaction, and wait for a connection while holding one. */
function refuseInTransaction(): void {
  if ((currentFrame()?.transaction ?? null) !== null)
    throw new Error('a statement was sent outside its transaction')
}

function settingsOf({ tenantId, writes = '' }: Scope): readonly string[] {
  return [tenantId, writes]
}
