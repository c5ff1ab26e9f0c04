// All unpublished parts of pg that src/db uses: its connections, the protocol methods of its Query, and what a client calls
// on a query. pg's version is pinned, and test/architecture/library-internals.test.ts has a test of each part.
import pg from 'pg'

/** The parts of pg's connection that a query writes to. */
export type Wire = {
  /** The text of each named statement that the server has: pg adds one when the server tells that it has parsed it. */
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
  readonly stream: { readonly writable: boolean; write(bytes: Uint8Array): boolean }
  parse(message: { text: string; name: string; types: readonly number[] }): void
  bind(message: {
    portal: string
    statement: string
    values: readonly (string | null)[]
    binary: boolean
    valueMapper(value: unknown): unknown
  }): void
  execute(message: { portal: string; rows: number }): void
  close(message: { type: 'S'; name: string }): void
  sync(): void
  sendCopyFail(reason: string): void
}

export type DataRow = { readonly fields: readonly (string | null)[] }

/** pg's own Query, whose protocol methods its published types omit. */
type QueryBase = new (
  config: pg.QueryConfig & { queryMode?: 'extended' },
  values: undefined,
  callback: undefined,
) => {
  prepare(connection: Wire): void
  handleDataRow(message: DataRow): void
  handleCommandComplete(message: unknown, connection: Wire): void
  handleError(error: Error, connection: Wire): void
  handleCopyInResponse(connection: Wire): void
}

export const Query = pg.Query as unknown as QueryBase

/** What a client calls on a query that is not pg's own, and reads of it. */
export type Submitted<Answer> = {
  /** Of the statement whose Parse the server answers next: pg records both as prepared. */
  text: string | undefined
  name: string | undefined
  callback: ((error: Error | null, answer: Answer) => void) | undefined
  submit(connection: Wire): null
  handleRowDescription(): void
  handleDataRow(message: DataRow): void
  handleCommandComplete(): void
  handleEmptyQuery(): void
  handlePortalSuspended(): void
  /** Also called when the connection was lost, and once more when a silent server answers after all. */
  handleError(error: Error): void
  handleReadyForQuery(): void
  handleCopyInResponse(connection: Wire): void
  handleCopyData(): void
}

export function connectionOf(client: pg.ClientBase): Wire {
  return (client as unknown as { connection: Wire }).connection
}

/** Sends a query of our own. pg's types allow only its own classes. */
export function submitOn<Answer>(
  client: pg.ClientBase,
  query: object,
  callback: (error: Error | null, answer: Answer) => void,
): void {
  client.query(query as unknown as pg.QueryConfig, callback as unknown as () => void)
}

/** The number of the server's process, as the other end said at the connection's start. */
export function processIdOf(client: pg.Client): number {
  return (client as unknown as { processID: number }).processID
}
