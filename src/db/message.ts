// Sends one message on a connection, and tells whether the connection is still usable.
import pg from 'pg'
import { faultOf, markStale, nameConstraint } from './faults.ts'
import { submitOn } from './pg-internals.ts'
import { type Prelude, ScopedQuery } from './scoped-query.ts'
import { type Ahead, TextMessage, type TextStatement } from './text-message.ts'

/** Sends a statement, preceded by others, in one message. */
export function submit(
  client: pg.PoolClient,
  config: pg.QueryConfig,
  preludes: readonly Prelude[],
): Promise<pg.QueryResult> {
  return sent(client, new ScopedQuery(config, preludes))
}

/** Sends statements in one message; resolves to the first column of the last one's first row, null without one. */
export function submitText(
  client: pg.PoolClient,
  statement: TextStatement,
  ahead: readonly Ahead[],
): Promise<string | null> {
  return sent(client, new TextMessage(ahead, statement))
}

function sent<Answer>(client: pg.PoolClient, query: { readonly failedKept: boolean }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    submitOn<Answer>(client, query, (error, answer) => {
      if (error === null) return resolve(answer)
      markStale(error, query.failedKept)
      nameConstraint(error)
      reject(error)
    })
  })
}

/** Whether an error means that the connection is gone: any but the refusal of a statement. */
export function isLost(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || faultOf(error) === 'CONNECTION_LOST'
}

/** Whether a connection must not be reused after an error. */
export function isSpoilt(error: unknown): boolean {
  return isLost(error) || isStatementLost(error)
}

/** Whether a prepared statement is gone, or no longer fits the schema. Nothing was run. */
export function isStatementLost(error: unknown): boolean {
  return faultOf(error) === 'STATEMENT_LOST'
}
