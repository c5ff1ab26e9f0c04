// A message to PostgreSQL that sets the scope before its statement: everything up to the Sync is one transaction, so
// the setting is local to it and costs no round trip. Uses pg's query protocol.
import type pg from 'pg'
import { noteStatements } from './kept-statements.ts'
import { type DataRow, Query, type Wire } from './pg-internals.ts'
import type { Statement } from './scope.ts'

/** A statement sent before another in the same message. */
export type Prelude = Statement

/**
 * A query whose preludes are sent under the same Sync. Preludes must be parameterised statements with at most a few
 * rows. An error in a prelude is the query's error, and the query is then not run.
 */
export class ScopedQuery extends Query {
  readonly #config: pg.QueryConfig
  readonly #preludes: readonly Prelude[]
  #sent = false
  #kept: ReadonlySet<string> | undefined
  #preludesAnswered = 0
  /** The first column of the answered prelude's first row. */
  #received: string | null | undefined

  constructor(config: pg.QueryConfig, preludes: readonly Prelude[]) {
    super({ ...config, queryMode: 'extended' }, undefined, undefined)
    this.#config = config
    this.#preludes = preludes
  }

  // At each ParseComplete pg records the active query's name and text as prepared on the server. While a prelude is
  // being answered these must be the prelude's; otherwise a failed Parse of this query would stay recorded as prepared.
  get name(): string | undefined {
    return (this.#answered ?? this.#config).name
  }

  get text(): string {
    return (this.#answered ?? this.#config).text
  }

  // pg's constructor assigns both, from the same configuration.
  set name(_: string | undefined) {}
  set text(_: string) {}

  /** The prelude that the server answers next; none while this query is being written, or is answered itself. */
  get #answered(): Prelude | undefined {
    return this.#sent ? this.#preludes[this.#preludesAnswered] : undefined
  }

  override prepare(connection: Wire): void {
    const names = [...this.#preludes, this.#config].map(({ name = '' }) => name)
    const { closed, kept } = noteStatements(connection, names)
    this.#kept = kept
    for (const name of closed) connection.close({ type: 'S', name })
    for (const prelude of this.#preludes) send(connection, prelude)
    super.prepare(connection)
    this.#sent = true
  }

  /** Whether the failed statement was parsed in an earlier message, not in this one. */
  get failedKept(): boolean {
    return this.#kept?.has(this.name ?? '') === true
  }

  override handleDataRow(message: DataRow): void {
    if (this.#answered === undefined) super.handleDataRow(message)
    else if (this.#received === undefined) this.#received = message.fields[0] ?? null
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    const answered = this.#answered
    if (answered === undefined) {
      super.handleCommandComplete(message, connection)
      return
    }
    this.#preludesAnswered += 1
    answered.receive?.(this.#received ?? null)
    this.#received = undefined
  }

  override handleError(error: Error, connection: Wire): void {
    // Nothing after the failed statement was run: this query's Parse may be missing, so it must be sent again.
    if (this.#config.name !== undefined) delete connection.submittedNamedStatements[this.#config.name]
    super.handleError(error, connection)
  }

  override handleCopyInResponse(connection: Wire): void {
    super.handleCopyInResponse(connection)
    // The server skipped our Sync while it waited for data; without another it never answers again.
    connection.sync()
  }
}

function send(connection: Wire, { text, values, name = '' }: Prelude): void {
  if (name === '' || connection.parsedStatements[name] === undefined)
    connection.parse({ text, name, types: [] })
  connection.bind({ portal: '', statement: name, values, binary: false, valueMapper: (value) => value })
  connection.execute({ portal: '', rows: 0 })
}
