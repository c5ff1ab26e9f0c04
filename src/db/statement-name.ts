// Names of prepared statements: one per SQL text, so that PostgreSQL parses each once per connection.
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Statement, ValuedStatement } from './scope.ts'
import { literalsOf } from './wire-format.ts'

const UNNAMED = ''
const TEXTS_MAX = 2_000
/** The names of the texts that were used lately; empty for those that were used once. */
const names = new LRUCache<string, string>({ max: TEXTS_MAX })

/**
 * The name of a statement that was used before; none at the first use, so that a text that is used once, such as one of the
 * many lengths of a list, takes the place of no other on the connections.
 */
export function statementName({ sql }: { sql: string }): string {
  const known = names.get(sql)
  if (known !== undefined && known !== UNNAMED) return known
  const name = known === undefined ? UNNAMED : `bk_${hash('sha256', sql, 'hex').slice(0, 24)}`
  names.set(sql, name)
  return name
}

/** A statement of a transaction from one with values of any type, prepared by its text. Throws like `literalsOf`. */
export function namedStatement({ text, values }: Omit<ValuedStatement, 'name'>): Statement {
  return { text, values: literalsOf(values), name: statementName({ sql: text }) }
}
