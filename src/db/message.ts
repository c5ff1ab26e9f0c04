// Owns: sending one message on a connection, and what came of the connection. Knows no scope and no pool.
import pg from 'pg'
import { faultOf, markStale, nameConstraint } from './faults.ts'
import { keptStatements, type Prelude, ScopedQuery } from './scoped-query.ts'

/**
 * A connection that keeps more statements than this is replaced by a new one when it is given back: PostgreSQL frees none
 * before the session ends (1,500 had left 340 MB). A Close message for each that is left out would be passed over after an
 * error in its message, and what we believe and what the server keeps would part.
 */
export const KEPT_STATEMENTS_MAX = 250

/** Sends a statement with others ahead of it, in one message. */
export function submit(
  client: pg.PoolClient,
  config: pg.QueryConfig,
  preludes: readonly Prelude[],
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    // pg accepts anything with submit(); its types name only its own classes.
    const query = new ScopedQuery(config, preludes)
    client.query(query as unknown as pg.QueryConfig, (error: Error | null, result: pg.QueryResult) => {
      if (error === null) return resolve(result)
      markStale(error, query.failedKept)
      nameConstraint(error)
      reject(error)
    })
  })
}

/** Whether an error says that the connection is no more: anything but the refusal of a statement. */
export function isLost(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || faultOf(error) === 'CONNECTION_LOST'
}

/** Whether a connection must not be used again after an error. */
export function isSpoilt(error: unknown): boolean {
  return isLost(error) || isStatementLost(error)
}

/** Whether a statement that a connection had kept is gone, or does not fit the schema any more. Nothing was run. */
export function isStatementLost(error: unknown): boolean {
  return faultOf(error) === 'STATEMENT_LOST'
}

export function isFull(client: pg.PoolClient): boolean {
  return keptStatements(client) > KEPT_STATEMENTS_MAX
}
