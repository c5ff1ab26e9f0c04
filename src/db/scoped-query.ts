// One message to PostgreSQL that carries a scope before its statement: everything up to the Sync is one transaction,
// so the setting is local to the statement and costs no round trip. Knows pg's query protocol, and nothing of pools.
import pg from 'pg'

/** A statement sent ahead of another in the same message; its rows are dropped. */
export type Prelude = {
  readonly text: string
  readonly values: readonly string[]
  readonly name: string | undefined
}

/** The parts of pg's connection that a query writes to; not in its published types. */
type Wire = {
  parsedStatements: Record<string, string>
  submittedNamedStatements: Record<string, string>
  parse(message: { text: string; name: string; types: readonly number[] }): void
  bind(message: {
    portal: string
    statement: string
    values: readonly string[]
    binary: boolean
    valueMapper(value: unknown): unknown
  }): void
  execute(message: { portal: string; rows: number }): void
}

/** pg's own Query, whose protocol methods its published types leave out. */
type QueryBase = new (
  config: pg.QueryConfig & { queryMode?: 'extended' },
  values: undefined,
  callback: undefined,
) => {
  name: string | undefined
  prepare(connection: Wire): void
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: Wire): void
  handleError(error: Error, connection: Wire): void
}

const Query = pg.Query as unknown as QueryBase

/**
 * A query whose preludes are sent under the same Sync. Preludes must be parameterised statements that cannot return
 * more than a few rows. An error in a prelude is the query's error, and the query is then not run.
 */
export class ScopedQuery extends Query {
  readonly #preludes: readonly Prelude[]
  #statementName: string | undefined
  #sent = false
  #preludesAnswered = 0

  constructor(config: pg.QueryConfig, preludes: readonly Prelude[]) {
    super({ ...config, queryMode: 'extended' }, undefined, undefined)
    this.#preludes = preludes
    this.#statementName = config.name
    // pg marks the active query's name as parsed at the first ParseComplete, which may be a prelude's. While one is
    // outstanding this query has no name; if its own Parse then fails, the connection believes nothing false.
    Object.defineProperty(this, 'name', {
      get: () => (this.#answeringPrelude ? undefined : this.#statementName),
      set: (name: string | undefined) => {
        this.#statementName = name
      },
    })
  }

  get #answeringPrelude(): boolean {
    return this.#sent && this.#preludesAnswered < this.#preludes.length
  }

  override prepare(connection: Wire): void {
    for (const prelude of this.#preludes) send(connection, prelude)
    super.prepare(connection)
    this.#sent = true
  }

  override handleDataRow(message: unknown): void {
    if (!this.#answeringPrelude) super.handleDataRow(message)
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    const prelude = this.#sent ? this.#preludes[this.#preludesAnswered] : undefined
    if (prelude === undefined) {
      super.handleCommandComplete(message, connection)
      return
    }
    if (prelude.name !== undefined) connection.parsedStatements[prelude.name] = prelude.text
    this.#preludesAnswered += 1
  }

  override handleError(error: Error, connection: Wire): void {
    // Nothing after the failed statement was run: this query's Parse may not have been, so it must be sent again.
    if (this.#statementName !== undefined) delete connection.submittedNamedStatements[this.#statementName]
    super.handleError(error, connection)
  }
}

function send(connection: Wire, { text, values, name = '' }: Prelude): void {
  if (name === '' || connection.parsedStatements[name] === undefined)
    connection.parse({ text, name, types: [] })
  connection.bind({ portal: '', statement: name, values, binary: false, valueMapper: (value) => value })
  connection.execute({ portal: '', rows: 0 })
}
