// The first wall: a pool that sends no statement without a scope. Prisma's adapter talks to it as to any pg pool.
import pg from 'pg'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { createFairTurns, type FairTurns } from './fair-turns.ts'
import { CommitUnknown, faultOf } from './faults.ts'
import { currentFrame, type Scope, type Statement } from './scope.ts'
import { type Prelude, ScopedQuery } from './scoped-query.ts'

const SCOPE_SQL = "SELECT set_config('app.tenant_id', $1, true), set_config('app.permissions', $2, true)"
const SCOPE_NAME = 'bulkhead_scope'
/**
 * A transaction's statements find rows by key, so one plan serves all values. PostgreSQL would plan those that take
 * arrays anew each time: two thirds of a millisecond for an order, as much as placing it.
 */
const TRANSACTION_SCOPE_SQL = `${SCOPE_SQL}, set_config('plan_cache_mode', 'force_generic_plan', true)`
const TRANSACTION_SCOPE_NAME = 'bulkhead_transaction_scope'
const SILENCE_TIMEOUT_MS = 30_000
const NOTHING: pg.QueryResult = { rows: [], fields: [], rowCount: 0, command: '', oid: 0 }

export type ScopedPoolOptions = {
  readonly url: string
  readonly connectionsMax: number
  /** How long a caller waits for a free connection before it is told that the service is busy. */
  readonly acquireTimeoutMs: number
  /**
   * How long a statement waits for its answer before its connection is given up: for a server that went silent. Longer
   * than the database's own statement timeout, which is the usual bound. 30 s by default.
   */
  readonly silenceTimeoutMs?: number
  /** Named statements save a parse per query; PgBouncer before 1.21 cannot keep them. */
  readonly namedStatements: boolean
  readonly logger: Logger
}

export class ScopedPool extends pg.Pool {
  readonly #namedStatements: boolean
  readonly #logger: Logger
  readonly #turns: FairTurns

  constructor(options: ScopedPoolOptions) {
    const { url, connectionsMax, acquireTimeoutMs, silenceTimeoutMs, namedStatements, logger } = options
    super({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: acquireTimeoutMs,
      query_timeout: silenceTimeoutMs ?? SILENCE_TIMEOUT_MS,
      application_name: 'bulkhead',
      keepAlive: true,
    })
    this.#namedStatements = namedStatements
    this.#logger = logger
    this.#turns = createFairTurns({ connectionsMax, waitMaxMs: acquireTimeoutMs })
    this.on('error', (error) => logger.warn({ err: error }, 'an idle database connection was lost'))
  }

  /** Sends one statement with the scope ahead of it, in one round trip. */
  // biome-ignore lint/suspicious/noExplicitAny: pg overloads query() a dozen ways; the adapter uses this one.
  override query(config: any): any {
    const scope = this.#requireScope(config.text)
    // It would run beside the transaction that its caller means, and wait for a connection that holds one.
    if ((currentFrame()?.transaction ?? null) !== null)
      throw new Error('a statement went past the transaction it was asked in')
    return this.#inTurn(scope, () =>
      this.#withClient((client) => submit(client, config, [this.#scopePrelude(scope)])),
    )
  }

  /**
   * Sends statements under one Sync, the scope ahead of them: all are done, or none. Throws CommitUnknown when the
   * connection is lost between the message and its answer.
   */
  runAtOnce(statements: readonly Statement[]): Promise<pg.QueryResult> {
    const last = statements.at(-1)
    if (last === undefined) throw new Error('nothing to run')
    const scope = this.#requireScope(last.text)
    const preludes = [this.#transactionScope(scope), ...statements.slice(0, -1)]
    const named = preludes.map((statement) => this.#prelude(statement))
    return this.#inTurn(scope, () =>
      this.#withClient(async (client) => {
        try {
          return await submit(client, { ...this.#prelude(last), values: [...last.values] }, named)
        } catch (error) {
          if (!isLost(error)) throw error
          throw new CommitUnknown('the connection was lost before the answer', { cause: error })
        }
      }),
    )
  }

  /** A connection for one transaction, bound to the scope that asked for it. */
  // biome-ignore lint/suspicious/noExplicitAny: the callback form is pg's own way from query() to a connection.
  override connect(callback?: any): any {
    if (callback !== undefined) return super.connect(callback)
    const scope = this.#requireScope('BEGIN')
    return this.#connectInTurn(scope)
  }

  async #connectInTurn(scope: Scope): Promise<ScopedConnection> {
    await this.#turns.take(scope.tenantId)
    try {
      return this.#transactionOn(await super.connect(), scope)
    } catch (error) {
      this.#turns.giveBack(scope.tenantId)
      throw error
    }
  }

  /** How many wait for their tenant's turn, beside those who wait for a free connection. */
  get awaitingTurnCount(): number {
    return this.#turns.waiting
  }

  async #inTurn<T>({ tenantId }: Scope, work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.take(tenantId)
    if (turn !== null) await turn
    try {
      return await work()
    } finally {
      this.#turns.giveBack(tenantId)
    }
  }

  /** The one way round the scope, for src/db alone: what must be known before a tenant is. */
  async queryBeforeTenant<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly (string | null)[],
  ): Promise<Row[]> {
    return await this.#withClient(async (client) => (await client.query<Row>(text, [...values])).rows)
  }

  // pg's own query() gives up the connection at every SQL error; a refused statement is no reason to reconnect.
  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client: pg.PoolClient = await super.connect()
    let lost: Error | undefined
    const onError = (error: Error): void => {
      lost = error
    }
    client.on('error', onError)
    try {
      return await work(client)
    } catch (error) {
      if (isLost(error)) lost = error as Error
      throw error
    } finally {
      client.removeListener('error', onError)
      client.release(lost)
    }
  }

  #scopePrelude(scope: Scope): Prelude {
    return this.#prelude({ text: SCOPE_SQL, values: settingsOf(scope), name: SCOPE_NAME })
  }

  #transactionScope(scope: Scope): Prelude {
    return this.#prelude({
      text: TRANSACTION_SCOPE_SQL,
      values: settingsOf(scope),
      name: TRANSACTION_SCOPE_NAME,
    })
  }

  #prelude({ name, ...statement }: Statement): Prelude {
    return this.#namedStatements && name !== undefined ? { ...statement, name } : statement
  }

  #transactionOn(client: pg.PoolClient, scope: Scope): ScopedConnection {
    const { opening, closing } = currentFrame()?.transaction ?? {}
    return new ScopedConnection(client, scope, {
      first: [this.#transactionScope(scope), ...(opening === undefined ? [] : [this.#prelude(opening)])],
      last: () => [closing?.() ?? []].flat().map((statement) => this.#prelude(statement)),
      released: () => this.#turns.giveBack(scope.tenantId),
    })
  }

  #requireScope(statement: string): Scope {
    const frame = currentFrame()
    if (frame !== undefined) return frame.scope
    this.#logger.error({ statement }, 'a statement without a tenant was refused')
    throw new AppError('TENANT_REQUIRED', 'no tenant is in scope')
  }
}

type TransactionAround = {
  readonly first: readonly Prelude[]
  readonly last: () => readonly Prelude[]
  readonly released: () => void
}

/** The part of a pg client that Prisma's adapter uses in a transaction. */
class ScopedConnection {
  readonly #client: pg.PoolClient
  readonly #scope: Scope
  readonly #around: TransactionAround
  /** What opens the transaction, until the first statement takes it along: BEGIN costs no round trip of its own. */
  #opening: Prelude[] | undefined
  #ended = false
  #released = false
  #lost: Error | undefined
  /** Statements of one tick wait for each other here: pg will not queue them for much longer. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(client: pg.PoolClient, scope: Scope, around: TransactionAround) {
    this.#client = client
    this.#scope = scope
    this.#around = around
  }

  async query(config: pg.QueryConfig): Promise<pg.QueryResult> {
    const { text } = config
    // A statement that nobody awaited must not follow the connection to the next tenant who holds it.
    if (this.#ended) throw new Error('a statement came after the end of its transaction')
    if (text === 'BEGIN') {
      this.#opening = [statement('BEGIN')]
      return NOTHING
    }
    if (text === 'COMMIT' || text === 'ROLLBACK') return await this.#end(config)
    if (this.#opening !== undefined && text.startsWith('SET TRANSACTION ')) {
      this.#opening.push(statement(text))
      return NOTHING
    }
    if (currentFrame()?.scope.tenantId !== this.#scope.tenantId) {
      throw new Error("a transaction was used outside its own tenant's scope")
    }
    return await this.#send(config, this.#takeOpening())
  }

  /** What must be sent ahead of the next statement: once, all that opens the transaction. */
  #takeOpening(): readonly Prelude[] {
    if (this.#opening === undefined) return []
    const preludes = [...this.#opening, ...this.#around.first]
    this.#opening = undefined
    return preludes
  }

  async #end(config: pg.QueryConfig): Promise<pg.QueryResult> {
    this.#ended = true
    const closing = config.text === 'COMMIT' ? this.#around.last() : []
    if (this.#opening !== undefined && closing.length === 0) return NOTHING
    const result = await this.#send(config, [...this.#takeOpening(), ...closing])
    // PostgreSQL answers so, without an error, to the COMMIT of a transaction in which a statement had failed.
    if (config.text === 'COMMIT' && result.command !== 'COMMIT') {
      throw new Error(
        'nothing was committed: a statement of the transaction had failed, and its error was passed over',
      )
    }
    return result
  }

  #send(config: pg.QueryConfig, preludes: readonly Prelude[]): Promise<pg.QueryResult> {
    const answer = this.#last.then(() => submit(this.#client, config, preludes))
    this.#last = answer.catch((error) => {
      if (isLost(error)) this.#lost = error as Error
    })
    return answer
  }

  on(event: 'error', listener: (error: Error) => void): this {
    this.#client.on(event, listener)
    return this
  }

  removeListener(event: 'error', listener: (error: Error) => void): this {
    this.#client.removeListener(event, listener)
    return this
  }

  /** Gives the connection back, or gives it up when it may still be in a transaction. */
  release(error?: Error | boolean): void {
    this.#ended = true
    this.#client.release(error ?? this.#lost ?? this.#client.getTransactionStatus() !== 'I')
    if (this.#released) return
    this.#released = true
    this.#around.released()
  }
}

/** Whether an error says that the connection is no more: anything but the refusal of a statement. */
function isLost(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || faultOf(error) === 'CONNECTION_LOST'
}

function settingsOf({ tenantId, writes = '' }: Scope): readonly string[] {
  return [tenantId, writes]
}

function statement(text: string): Prelude {
  return { text, values: [] }
}

function submit(
  client: pg.PoolClient,
  config: pg.QueryConfig,
  preludes: readonly Prelude[],
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    // pg accepts anything with submit(); its types name only its own classes.
    const query = new ScopedQuery(config, preludes) as unknown as pg.QueryConfig
    client.query(query, (error: Error | null, result: pg.QueryResult) =>
      error ? reject(error) : resolve(result),
    )
  })
}
