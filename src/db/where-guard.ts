// Checks that ids in filters are values. Keeps an unparsed object from outside from acting as a filter: `{ gte: '0000…'
// }` instead of an id matches every row.
import { AppError } from '../core/errors.ts'

/** Operations that change rows, or look one up to act on it. Lists may be read by ranges of ids. */
const BY_VALUE: ReadonlySet<string> = new Set([
  'delete',
  'deleteMany',
  'findFirst',
  'findFirstOrThrow',
  'update',
  'updateMany',
  'updateManyAndReturn',
  'upsert',
])
const ID_COLUMN = /^id$|Id$|[rR]eference$/
const COMBINED = ['AND', 'OR', 'NOT'] as const

/** Throws INTERNAL for an id that is neither a value nor a list of values (`{ in: [...] }`). Costs about 1 µs. */
export function guardWhere(operation: string, args: unknown): void {
  if (!BY_VALUE.has(operation)) return
  const { where } = args as { where?: Record<string, unknown> }
  if (where !== undefined) guardFilter(operation, where)
}

function guardFilter(operation: string, where: Readonly<Record<string, unknown>>): void {
  for (const [column, value] of Object.entries(where)) {
    if (ID_COLUMN.test(column) && !isIdFilter(value)) {
      throw new AppError('INTERNAL', `${operation} filters ${column} by something other than its value`)
    }
  }
  for (const word of COMBINED) {
    const inner = where[word]
    for (const filter of Array.isArray(inner) ? inner : [inner]) {
      if (isObject(filter)) guardFilter(operation, filter)
    }
  }
}

function isIdFilter(value: unknown): boolean {
  if (!isObject(value)) return !Array.isArray(value)
  const entries = Object.entries(value)
  return entries.length === 1 && entries.every(([word, list]) => isListFilter(word, list))
}

function isListFilter(word: string, list: unknown): boolean {
  if (word === 'not') return list === null || typeof list === 'string'
  return (
    (word === 'in' || word === 'notIn') && Array.isArray(list) && list.every((id) => typeof id === 'string')
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
