// Sends one message on a connection, and tells whether the connection is still usable.
import pg from 'pg'
import { faultOf, markStale, nameConstraint } from './faults.ts'
import { keptStatements, type Prelude, ScopedQuery } from './scoped-query.ts'

/**
 * A connection with more prepared statements than this is replaced when it is returned: PostgreSQL frees none before
 * the session ends (1,500 had left 340 MB). A Close message per dropped statement would be skipped after an error in
 * its message, and then our record and the server's would differ.
 */
export const KEPT_STATEMENTS_MAX = 250

/** Sends a statement, preceded by others, in one message. */
export function submit(
  client: pg.PoolClient,
  config: pg.QueryConfig,
  preludes: readonly Prelude[],
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    // pg accepts any object with submit(); its types allow only its own classes.
    const query = new ScopedQuery(config, preludes)
    client.query(query as unknown as pg.QueryConfig, (error: Error | null, result: pg.QueryResult) => {
      if (error === null) return resolve(result)
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

export function isFull(client: pg.PoolClient): boolean {
  return keptStatements(client) > KEPT_STATEMENTS_MAX
}
