// The prepared statements of each connection, which PostgreSQL keeps until the session ends.
import type { Wire } from './pg-internals.ts'

/** How many named statements were sent to a connection. */
const kept = new WeakMap<object, number>()

/** The maximum number of statements that a connection's session has prepared. */
export function keptStatements(connection: Wire): number {
  return kept.get(connection) ?? 0
}

/** Notes the use of a named statement. Returns whether the connection must parse it first. */
export function noteSent(connection: Wire, name: string): boolean {
  if (connection.parsedStatements[name] !== undefined) return false
  kept.set(connection, keptStatements(connection) + 1)
  return true
}
