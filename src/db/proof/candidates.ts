// Values that a column may have, the most likely first, by its type alone. fixture-rows.ts asks the database which ones
// its checks accept.
import type { ColumnShape } from './catalogue.ts'
import { fixtureId } from './rows.ts'
import type { ProofTenant } from './tenants.ts'

/** A candidate for a column: a value, or none, so that the column gets its default or NULL. */
export interface Candidate {
  /** Null: the column is left out of the row. */
  valueFor: ((tenant: ProofTenant) => string) | null
  /** The resulting value, as an expression; null: the value itself. */
  expression: string | null
}

/** Candidates for the column in row `n` of `table`; none for an unknown type. */
export function typedCandidates(table: string, column: ColumnShape, n: number): Candidate[] {
  if (baseType(column.type) === 'uuid') {
    const name = column.name === 'id' ? table : `${table}.${column.name}`
    return [{ valueFor: (tenant) => fixtureId(tenant, name, n), expression: null }]
  }
  return (column.labels ? rotated(column.labels, n) : literals(table, column, n)).map((value) => ({
    valueFor: () => value,
    expression: null,
  }))
}

/** `character(3)` → `character`, `timestamp(3) with time zone` → `timestamp with time zone`. */
function baseType(type: string): string {
  return type.replace(/\(.*?\)/, '')
}

function rotated(labels: readonly string[], n: number): string[] {
  const start = (n - 1) % labels.length
  return [...labels.slice(start), ...labels.slice(0, start)]
}

function literals(table: string, column: ColumnShape, n: number): string[] {
  if (column.type.endsWith('[]')) return ['{}']
  switch (baseType(column.type)) {
    case 'text':
    case 'citext':
      return texts(table, column.name, n)
    case 'character varying':
    case 'character':
      return fitting(texts(table, column.name, n), column.type, n)
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'numeric':
    case 'real':
    case 'double precision':
      return [n, 1, 0, 100, -1].map(String)
    case 'boolean':
      return ['false', 'true']
    case 'date':
      return [`2026-01-0${n}`]
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return [`2026-01-0${n}T${isEnd(column.name) ? '00:30' : '00:00'}:00Z`]
    case 'time without time zone':
    case 'time with time zone':
      return [`0${n}:00:00Z`]
    case 'interval':
      return [`${n} days`]
    case 'json':
    case 'jsonb':
      return ['{}', '[]', `"${n}"`]
    case 'bytea':
      return [`\\x0${n}`]
    case 'inet':
    case 'cidr':
      return [`192.0.2.${n}`]
    default:
      return []
  }
}

/** Whether the column's name says that its time ends something, so that it must be later than others of the record. */
export function isEnd(name: string): boolean {
  return /^(end|until|expire|finish|due)/.test(name)
}

function texts(table: string, column: string, n: number): string[] {
  const word = column.replaceAll('_', '-')
  const address = `${table.replaceAll('_', '-')}${n}@shop.example`
  const usual = [`${word}-${n}`, `${word}${n}`, `${word}-${n}`.toUpperCase(), address]
  const others = [`https://shop.example/${n}`, `+4930123450${n}`, String(n), 'USD', 'DE', 'en', '#00ff00']
  return [...(column.includes('mail') ? [address] : []), ...usual, ...others]
}

/** Those within the column's length; those of exactly that length come first. */
function fitting(values: string[], type: string, n: number): string[] {
  const length = Number(/\((\d+)\)/.exec(type)?.[1] ?? Number.POSITIVE_INFINITY)
  const short = values.filter((value) => value.length <= length)
  if (length === Number.POSITIVE_INFINITY) return short
  const full = short.filter((value) => value.length === length)
  const filled = String(n).padStart(length, 'x')
  return type.startsWith('character(') ? [...full, filled, ...short] : [...short, filled]
}
