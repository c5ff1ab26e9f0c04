// The prepared statements of each connection, which PostgreSQL keeps until they are closed: 30 to 80 KB each.
import type { Wire } from './pg-internals.ts'

/** The number of statements that a connection keeps prepared between messages; the least recently used are closed. */
export const KEPT_STATEMENTS_MAX = 128

export type Noted = {
  /**
   * The statements to close, at the very start of the message: a Close behind a statement that fails would be skipped, and
   * the server would keep what we believe closed. Closing one that the server does not have is no error.
   */
  readonly closed: readonly string[]
  /** The names that an earlier message has prepared; the others must be parsed. */
  readonly kept: ReadonlySet<string>
}

/**
 * The names that were sent to a connection, the least recently used first. The server has those of them that pg has recorded
 * as parsed, and no others.
 */
const sent = new WeakMap<Wire, Set<string>>()

const NOTHING_CLOSED: readonly string[] = []

/** Notes the statements of the next message of a connection by their names; empty ones are not prepared. */
export function noteStatements(connection: Wire, names: readonly string[]): Noted {
  const known = sentOn(connection)
  const kept = new Set<string>()
  for (const name of names) {
    if (name === '') continue
    if (connection.parsedStatements[name] !== undefined) kept.add(name)
    known.delete(name)
    known.add(name)
  }
  return {
    kept,
    closed: known.size > KEPT_STATEMENTS_MAX ? leastUsed(connection, known, names) : NOTHING_CLOSED,
  }
}

function sentOn(connection: Wire): Set<string> {
  const known = sent.get(connection)
  if (known !== undefined) return known
  const made = new Set<string>()
  sent.set(connection, made)
  return made
}

function leastUsed(connection: Wire, known: Set<string>, names: readonly string[]): string[] {
  const closed: string[] = []
  for (const name of known) {
    if (known.size <= KEPT_STATEMENTS_MAX || names.includes(name)) break
    known.delete(name)
    if (connection.parsedStatements[name] === undefined) continue
    delete connection.parsedStatements[name]
    closed.push(name)
  }
  return closed
}
