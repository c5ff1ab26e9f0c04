// Presents an audit entry: its changed fields under their names in the API, with the API's values. Entries are stored with the
// names of columns, which later versions of the API may show elsewhere. Pure.
import { isDeepStrictEqual } from 'node:util'
import { isUuid } from '../../../core/ids.ts'
import { formatMoney } from '../../../core/money.ts'
import { pascalOf } from '../../../core/names.ts'
import type { AuditEntry as AuditEntryRow } from '../../../generated/prisma/client.ts'
import { nodeIdOf } from '../../../graphql/node-ids.ts'
import type { ShownColumn, ShownColumns } from '../../../graphql/shown-columns.ts'
import type { Change } from '../entry.ts'

type Values = Readonly<Record<string, unknown>>

/** Each field whose value differs, sorted by name. A column that the API does not show has its own name. */
export function changesOf(
  { before, after }: Pick<AuditEntryRow, 'before' | 'after'>,
  columns: ShownColumns,
): Change[] {
  const [old, made] = [valuesOf(before), valuesOf(after)]
  const names = [...new Set([...Object.keys(old), ...Object.keys(made)])]
  return names
    .flatMap((name) => changeOf(name, old, made, columns) ?? [])
    .filter((change) => !isDeepStrictEqual(change.before, change.after))
    .sort((one, other) => (one.field < other.field ? -1 : 1))
}

function valuesOf(value: unknown): Values {
  return typeof value === 'object' && value !== null ? (value as Values) : {}
}

/** Null: another column's change includes it. */
function changeOf(name: string, old: Values, made: Values, columns: ShownColumns): Change | null {
  const shown: ShownColumn = columns.get(name) ?? { path: name, has: 'VALUE' }
  const change = (field: string, show: (values: Values) => unknown) => ({
    field,
    before: show(old),
    after: show(made),
  })
  switch (shown.has) {
    case 'KEY':
      return change(shown.path, (values) => keyIn(values[name], shown.type))
    case 'AMOUNT': {
      const { currency } = shown
      if (typeof (old[currency] ?? made[currency]) !== 'string')
        return change(`${shown.path}.amountMinor`, (values) => values[name] ?? null)
      return change(shown.path, (values) =>
        amountIn(values[name], String(values[currency] ?? old[currency] ?? made[currency])),
      )
    }
    case 'CURRENCY': {
      const isWithAmount = [...columns].some(
        ([column, other]) =>
          other.has === 'AMOUNT' && other.currency === name && (column in old || column in made),
      )
      return isWithAmount ? null : change(`${shown.path}.currency`, (values) => values[name] ?? null)
    }
    default:
      return change(shown.path, (values) => withIds(values[name], name) ?? null)
  }
}

function keyIn(value: unknown, type: string): unknown {
  return typeof value === 'string' && isUuid(value) ? (nodeIdOf(type, value) ?? value) : (value ?? null)
}

const MINOR = /^-?\d+$/

function amountIn(value: unknown, currency: string): unknown {
  const digits = String(value)
  return MINOR.test(digits) ? formatMoney({ amountMinor: BigInt(digits), currency }) : (value ?? null)
}

/** Keys in what is no column of its own are named after their type: `orderLineId`. */
function withIds(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withIds(item, name))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withIds(inner, key)]))
  const type = /^(\w+)Id$/.exec(name)?.[1]
  return type === undefined ? value : keyIn(value, pascalOf(type))
}

/** A text unchanged, anything else as JSON; null for null. */
export function inWords(value: unknown): string | null {
  if (value === null) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}
