// Generates queries for the reader: filters, selections and orders over every column and relation of the schema, with
// values that occur in the rows and values that do not.
import fc from 'fast-check'
import type { Column, Relation } from '../../../../src/db/models.ts'
import type { AnyOrder, AnyQuery, AnySelect, AnyWhere } from '../../../../src/db/reader/any-query.ts'
import { enumValues, type ModelName, modelOf } from '../../../../src/db/register.ts'
import { Prisma } from '../../../../src/generated/prisma/client.ts'

/** Values that occur in the rows, by model and column; and the UUID columns, as `table.column`. */
export type Known = {
  readonly values: ReadonlyMap<string, ReadonlyMap<string, readonly unknown[]>>
  readonly uuids: ReadonlySet<string>
}

/** The maximum depth of relations in a query. */
const DEPTH = 2
const TAKE_MAX = 5

export function queryOf(model: ModelName, known: Known): fc.Arbitrary<AnyQuery> {
  return fc.record({
    select: optional(selectOf(model, known, DEPTH)),
    where: optional(whereOf(model, known, DEPTH)),
    ...pageOf(model),
  })
}

function optional<Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.option(value, { nil: undefined, freq: 6 })
}

/** Objects with one to three of these entries. */
function someOf<Value>(
  entries: readonly (readonly [string, fc.Arbitrary<Value>])[],
): fc.Arbitrary<Record<string, Value>> {
  return fc
    .subarray([...entries], { minLength: 1, maxLength: Math.min(3, entries.length) })
    .chain((chosen) => fc.record(Object.fromEntries(chosen)))
}

// --- filters

function whereOf(model: ModelName, known: Known, depth: number): fc.Arbitrary<AnyWhere> {
  const { columns, relations, table } = modelOf(model)
  const entries: [string, fc.Arbitrary<unknown>][] = []
  for (const [name, column] of columns) {
    if (column.isList || column.type === 'Bytes') continue
    const isUuid = known.uuids.has(`${table}.${column.name}`)
    const values = known.values.get(model)?.get(name) ?? []
    entries.push([name, filterOf(column, values, isUuid)])
  }
  if (depth > 0) {
    for (const [name, relation] of relations)
      entries.push([name, relationFilterOf(relation, known, depth - 1)])
    const inner = fc.oneof(
      { weight: 1, arbitrary: fc.constant({}) },
      { weight: 6, arbitrary: whereOf(model, known, depth - 1) },
    )
    const list = fc.array(inner, { maxLength: 3 })
    entries.push(['AND', fc.oneof(inner, list)], ['OR', list], ['NOT', fc.oneof(inner, list)])
  }
  return someOf(entries.map(([name, filter]) => [name, optional(filter)] as const))
}

function relationFilterOf({ model, many }: Relation, known: Known, depth: number): fc.Arbitrary<unknown> {
  const where = fc.oneof(
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 5, arbitrary: whereOf(model as ModelName, known, depth) },
  )
  const words = many ? ['some', 'none', 'every'] : ['is', 'isNot']
  const spelt = someOf(words.map((word) => [word, optional(where)] as const))
  return many ? spelt : fc.oneof(where, spelt)
}

function filterOf(column: Column, values: readonly unknown[], isUuid: boolean): fc.Arbitrary<unknown> {
  if (column.type === 'Json') return documentFilterOf(values)
  const value = operandOf(column, values, isUuid)
  const orNull = column.isNullable ? fc.option(value, { freq: 4 }) : value
  const list = fc.array(value, { maxLength: 4 })
  const lists = column.isNullable ? fc.option(list, { freq: 8 }) : list
  const comparisons: [string, fc.Arbitrary<unknown>][] = [['equals', orNull]]
  const isBoolean = column.type === 'Boolean'
  if (!isBoolean) comparisons.push(['in', lists], ['notIn', lists])
  if (!isBoolean && !column.isEnum)
    for (const word of ['lt', 'lte', 'gt', 'gte']) comparisons.push([word, value])
  if (column.type === 'String' && !isUuid) {
    for (const word of ['contains', 'startsWith', 'endsWith']) comparisons.push([word, piece(value)])
  }
  const plain = someOf(comparisons.map(([word, operand]) => [word, optional(operand)] as const))
  const inverted = fc.record({ not: fc.oneof(orNull, plain) })
  const filter = fc.oneof({ weight: 4, arbitrary: plain }, { weight: 2, arbitrary: inverted })
  if (column.type !== 'String' || isUuid) return fc.oneof(orNull, filter)
  const mode = fc.constantFrom('default', 'insensitive', undefined)
  return fc.oneof(
    orNull,
    filter,
    fc.record({ filter, mode }).map(({ filter, mode }) => ({ ...filter, mode })),
  )
}

function operandOf(column: Column, values: readonly unknown[], isUuid: boolean): fc.Arbitrary<unknown> {
  const present = values.filter((value) => value !== null)
  const other = otherOf(column, isUuid)
  return present.length === 0 ? other : fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...present) }, other)
}

/** Values of the column's type, usually absent from the rows. */
function otherOf({ type, isEnum }: Column, isUuid: boolean): fc.Arbitrary<unknown> {
  if (isEnum) return fc.constantFrom(...enumValues(type))
  if (isUuid) return fc.uuid({ version: 7 })
  switch (type) {
    case 'String':
      return fc.constantFrom('', ' ', 'a', 'E', '%', '_', '\\\\', "'", 'ü', 'an%', '_a', 'DE', 'eur')
    case 'Boolean':
      return fc.boolean()
    case 'Int':
      return fc.integer({ min: -5, max: 5_000 })
    case 'BigInt':
      return fc.bigInt({ min: -10n, max: 10n ** 12n })
    case 'DateTime':
      return fc
        .date({ min: new Date('2024-10-01'), max: new Date('2027-01-01'), noInvalidDate: true })
        .chain((date) => fc.constantFrom<unknown>(date, date.toISOString()))
    default:
      throw new Error(`no value of ${type} is known`)
  }
}

/** A part of a text, sometimes in another letter case; or a pattern. A lone backslash is not a pattern. */
function piece(text: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const part = fc.tuple(text, fc.nat(6), fc.nat(6), fc.boolean()).map(([text, from, length, isUpper]) => {
    const part = String(text)
      .slice(from, from + length + 1)
      .replaceAll('\\', '')
    return isUpper ? part.toUpperCase() : part
  })
  return fc.oneof({ weight: 6, arbitrary: part }, fc.constantFrom('\\%', '\\_', '%a_', '\\\\'))
}

function documentFilterOf(values: readonly unknown[]): fc.Arbitrary<unknown> {
  const documents = values.filter((value) => value !== null)
  const document = fc.constantFrom(
    Prisma.DbNull,
    Prisma.JsonNull,
    Prisma.AnyNull,
    {},
    'a',
    ...documents.slice(0, 20),
  )
  return someOf([
    ['equals', optional(document)],
    ['not', optional(document)],
  ])
}

// --- what is read of the rows

function selectOf(model: ModelName, known: Known, depth: number): fc.Arbitrary<AnySelect> {
  const { columns, relations } = modelOf(model)
  const names = [...columns.keys()]
  const chosen = fc
    .subarray(names, { minLength: 1 })
    .chain((some) => fc.record(Object.fromEntries(names.map((name) => [name, flag(some.includes(name))]))))
  if (depth === 0 || relations.size === 0) return chosen
  const related = [...relations].map(
    ([name, relation]) => [name, nestedOf(relation, known, depth - 1)] as const,
  )
  const counts = countsOf(
    [...relations].filter(([, { many }]) => many),
    known,
  )
  const extras = [...related, ...(counts === null ? [] : ([['_count', counts]] as const))]
  return fc.tuple(chosen, someOf(extras)).map(([columns, more]) => ({ ...columns, ...more }) as AnySelect)
}

/** The value in a selection of a selected or an unselected field. */
function flag(isSelected: boolean): fc.Arbitrary<boolean | undefined> {
  return isSelected ? fc.constant(true) : fc.constantFrom(false, undefined)
}

function nestedOf({ model, many }: Relation, known: Known, depth: number): fc.Arbitrary<unknown> {
  const name = model as ModelName
  const select = fc.option(selectOf(name, known, depth), { nil: undefined })
  if (!many) return fc.oneof(fc.constant(true), fc.record({ select }))
  return fc.record({ select, where: optional(whereOf(name, known, 1)), ...pageOf(name) })
}

function countsOf(
  lists: readonly (readonly [string, Relation])[],
  known: Known,
): fc.Arbitrary<unknown> | null {
  if (lists.length === 0) return null
  const counted = lists.map(
    ([name, { model }]) =>
      [
        name,
        fc.oneof(fc.constant(true), fc.record({ where: whereOf(model as ModelName, known, 1) })),
      ] as const,
  )
  return fc.oneof(fc.constant(true), fc.record({ select: someOf<unknown>(counted) }))
}

/** A total order, and a number of rows. */
function pageOf(model: ModelName): {
  orderBy: fc.Arbitrary<AnyOrder[]>
  take: fc.Arbitrary<number>
} {
  const { columns, keys } = modelOf(model)
  const sortable = [...columns].filter(
    ([, { type, isList }]) => !isList && type !== 'Json' && type !== 'Bytes',
  )
  const terms = sortable.map(([name, { isNullable }]) => [name, directionOf(isNullable)] as const)
  const orderBy = fc
    .tuple(fc.subarray(terms, { maxLength: 2 }), fc.constantFrom('asc', 'desc'))
    .chain(([some, direction]) =>
      fc
        .tuple(...some.map(([name, direction]) => direction.map((sort) => ({ [name]: sort }) as AnyOrder)))
        .map((orders) => [...orders, {}, ...(keys[0]?.fields ?? []).map((key) => ({ [key]: direction }))]),
    )
  return { orderBy, take: fc.nat(TAKE_MAX) }
}

function directionOf(isNullable: boolean): fc.Arbitrary<unknown> {
  const sort = fc.constantFrom('asc', 'desc')
  if (!isNullable) return sort
  return fc.oneof(sort, fc.record({ sort, nulls: fc.constantFrom('first', 'last', undefined) }))
}
