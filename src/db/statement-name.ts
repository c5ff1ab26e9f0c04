// Names of prepared statements: one per SQL text, so that PostgreSQL parses each once per connection.
import { hash } from 'node:crypto'

const UNNAMED = ''
const NAMES_MAX = 2_000
const names = new Map<string, string>()

/**
 * The name of a statement, or none when there are too many to keep on every connection: the others are parsed each
 * time. Lists of ids make a text per length, and each named text stays in the memory of each connection.
 */
export function statementName({ sql }: { sql: string }): string {
  const known = names.get(sql)
  if (known !== undefined) return known
  if (names.size >= NAMES_MAX) return UNNAMED
  const name = `bk_${hash('sha256', sql, 'hex').slice(0, 24)}`
  names.set(sql, name)
  return name
}
