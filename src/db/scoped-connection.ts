// A connection in one tenant's transaction, as Prisma's adapter uses it. The pool chooses the connection.
import type pg from 'pg'
import { isSpoilt, submit } from './message.ts'
import { currentFrame, type Scope } from './scope.ts'
import type { Prelude } from './scoped-query.ts'

const NOTHING: pg.QueryResult = { rows: [], fields: [], rowCount: 0, command: '', oid: 0 }

export type TransactionAround = {
  readonly first: readonly Prelude[]
  readonly last: () => readonly Prelude[]
  readonly failed: (error: unknown) => void
  readonly released: () => void
}

/** The part of a pg client that Prisma's adapter uses in a transaction. */
export class ScopedConnection {
  readonly #client: pg.PoolClient
  readonly #scope: Scope
  readonly #around: TransactionAround
  /** The opening of the transaction, which travels with the first statement: BEGIN costs no round trip. */
  #opening: Prelude[] | undefined
  #ended = false
  #released = false
  #lost: Error | undefined
  /** Concurrent statements wait for each other here, since pg is deprecating its own queue. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(client: pg.PoolClient, scope: Scope, around: TransactionAround) {
    this.#client = client
    this.#scope = scope
    this.#around = around
  }

  async query(config: pg.QueryConfig): Promise<pg.QueryResult> {
    const { text } = config
    // A statement that nobody awaited must not run on the connection's next tenant.
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

  /** What must be sent before the next statement: once, the opening of the transaction. */
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
    // PostgreSQL answers so, without an error, to the COMMIT of a transaction with a failed statement.
    if (config.text === 'COMMIT' && result.command !== 'COMMIT') {
      throw new Error(
        'nothing was committed: a statement of the transaction had failed, and its error was ignored',
      )
    }
    return result
  }

  #send(config: pg.QueryConfig, preludes: readonly Prelude[]): Promise<pg.QueryResult> {
    const answer = this.#last.then(() => submit(this.#client, config, preludes))
    this.#last = answer.catch((error) => {
      this.#around.failed(error)
      if (isSpoilt(error)) this.#lost = error as Error
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

  /** Returns the connection, or destroys it when it may still be in a transaction. */
  release(error?: Error | boolean): void {
    this.#ended = true
    const mayBeOpen = this.#client.getTransactionStatus() !== 'I'
    this.#client.release(error ?? this.#lost ?? mayBeOpen)
    if (this.#released) return
    this.#released = true
    this.#around.released()
  }
}

function statement(text: string): Prelude {
  return { text, values: [] }
}
