// Compiles Prisma's `where` into SQL conditions that match the same rows as Prisma's own, also for NULL, empty filters and
// letter case.
import { AnyNull, DbNull, isObjectEnumValue, JsonNull } from '@prisma/client/runtime/client'
import type { Column, Model, Relation } from '../models.ts'
import type { AnyWhere } from './any-query.ts'
import { collateSql, joinSql, quote, type Statement } from './statement.ts'

/** The filtered table, under its alias. */
type Rows = { readonly statement: Statement; readonly model: Model; readonly alias: string }

/** Conditions joined by AND. `isEmpty`: the filter has no comparison. */
type Conditions = { readonly all: readonly string[]; readonly isEmpty: boolean }

/** Conditions to join by AND; none if all rows match. Throws a plain Error for unknown fields and unsupported filters. */
export function whereSql(
  statement: Statement,
  model: Model,
  alias: string,
  where: AnyWhere,
): readonly string[] {
  return conditionsOf({ statement, model, alias }, where, false).all
}

/** The conditions of the rows that the statement's view has of a model; none if it has all. */
export function visibleSql(statement: Statement, modelName: string, alias: string): readonly string[] {
  const where = statement.visible(modelName)
  return where === null ? [] : whereSql(statement, statement.model(modelName), alias, where)
}

/** `isNegated`: the conditions are inside an odd number of NOTs. */
function conditionsOf(rows: Rows, where: AnyWhere, isNegated: boolean): Conditions {
  return together(partsOf(rows, where, isNegated))
}

/**
 * The same inside AND, OR and NOT. There Prisma ignores empty filters, also an empty OR, which matches no row elsewhere.
 */
function innerConditions(rows: Rows, filters: readonly AnyWhere[], isNegated: boolean): Conditions[] {
  const asked = filters.map((filter) =>
    together(partsOf(rows, filter, isNegated).filter(({ isEmpty }) => !isEmpty)),
  )
  return asked.filter(({ isEmpty }) => !isEmpty)
}

function partsOf(rows: Rows, where: AnyWhere, isNegated: boolean): Conditions[] {
  return definedIn(where).map(([name, wanted]) => {
    switch (name) {
      case 'AND':
        return together(innerConditions(rows, listOf(wanted), isNegated))
      case 'OR':
        return anyOf(innerConditions(rows, arrayOf(wanted), isNegated))
      case 'NOT':
        return together(
          innerConditions(rows, listOf(wanted), !isNegated).map((part) => one(`NOT ${bracketed(part)}`)),
        )
      case WORDS:
        return wordsConditions(rows, wanted)
      default:
        return fieldConditions(rows, name, wanted, isNegated)
    }
  })
}

/** The filter for rows with words that begin with each of the given ones; a table that app.make_searchable was called for. */
const WORDS = 'words'
/** Behind every text that continues a prefix, in the order of bytes. */
const BEHIND = '\u{10FFFF}'

function wordsConditions({ statement, model, alias }: Rows, wanted: unknown): Conditions {
  if (!Array.isArray(wanted)) throw new Error('words takes a list of words')
  if (model.columns.has(WORDS) || model.relations.has(WORDS))
    throw new Error(`${model.table} has a field of its own of the name ${WORDS}`)
  const subject = statement.parameter(model.table)
  const conditions = wanted.map((word) => {
    const its = statement.alias()
    const prefix = textOf(word)
    const from = statement.parameter(prefix)
    const before = statement.parameter(`${prefix}${BEHIND}`)
    const found = `${its}.subject = ${subject} AND ${its}.word >= ${from} AND ${its}.word < ${before}`
    return `${alias}.id IN (SELECT ${its}.row_id FROM search_words ${its} WHERE ${its}.tenant_id = ${alias}.tenant_id AND ${found})`
  })
  return { all: conditions, isEmpty: conditions.length === 0 }
}

function together(parts: readonly Conditions[]): Conditions {
  return { all: parts.flatMap(({ all }) => all), isEmpty: parts.every(({ isEmpty }) => isEmpty) }
}

/** The conditions of each word of a field's filter. */
function eachOf(
  words: readonly (readonly [word: string, operand: unknown])[],
  make: (word: readonly [word: string, operand: unknown]) => Conditions,
): Conditions {
  return together(words.map(make))
}

function anyOf(options: readonly Conditions[]): Conditions {
  if (options.length === 0) return { all: ['false'], isEmpty: true }
  return one(`(${options.map(bracketed).join(' OR ')})`)
}

function one(condition: string): Conditions {
  return { all: [condition], isEmpty: false }
}

function bracketed({ all }: Conditions): string {
  return all.length === 0 ? 'true' : `(${all.join(' AND ')})`
}

function fieldConditions(rows: Rows, name: string, wanted: unknown, isNegated: boolean): Conditions {
  const { model, alias } = rows
  const column = model.columns.get(name)
  if (column !== undefined) return columnConditions(rows.statement, column, alias, wanted)
  const relation = model.relations.get(name)
  if (relation === undefined) throw new Error(`${model.table} has no field ${name}`)
  if (!isObject(wanted)) throw new Error(`${name} is a relation: ${NO_NULL}`)
  if (relation.many) return manyConditions(rows, relation, wanted)
  return oneConditions(rows, relation, wanted, isNegated)
}

// relations

/** In Prisma a foreign key of several columns is null only if all of them are, and the tenant's never is. */
const NO_NULL = 'compare its foreign key with null'

function manyConditions(rows: Rows, relation: Relation, wanted: AnyWhere): Conditions {
  return eachOf(definedIn(wanted), ([word, filter]) => {
    if (!isObject(filter)) throw new Error(`${word} takes a filter`)
    switch (word) {
      case 'some':
        return one(existsSql(rows, relation, filter, 'true'))
      case 'none':
        return one(`NOT ${existsSql(rows, relation, filter, 'true')}`)
      case 'every':
        return one(`NOT ${existsSql(rows, relation, filter, 'false')}`)
      default:
        throw new Error(`the reader knows no filter ${word}`)
    }
  })
}

/**
 * In Prisma the filter of a relation to one is unknown (NULL) if it compares NULL, and so is its negation: neither matches
 * the row. EXISTS is never unknown, so inside a NOT it must also be true for unknown filters.
 */
function oneConditions(rows: Rows, relation: Relation, wanted: AnyWhere, isNegated: boolean): Conditions {
  const parts = definedIn(wanted)
  const exists = (filter: AnyWhere, beneathNot: boolean) =>
    existsSql(rows, relation, filter, beneathNot ? 'not false' : 'true')
  const isSpelt = parts.some(([word]) => word === 'is' || word === 'isNot')
  if (!isSpelt) return parts.length === 0 ? together([]) : one(exists(wanted, isNegated))
  return eachOf(parts, ([word, filter]) => {
    if (word !== 'is' && word !== 'isNot') throw new Error(`${word} stands beside is or isNot`)
    if (!isObject(filter)) throw new Error(`${word} is not null: ${NO_NULL}`)
    return one(word === 'is' ? exists(filter, isNegated) : `NOT ${exists(filter, !isNegated)}`)
  })
}

/** The required value of a filter for a row of the relation; `not false`: true or unknown. */
type Truth = 'true' | 'false' | 'not false'

function existsSql(
  { statement, alias: own }: Rows,
  relation: Relation,
  filter: AnyWhere,
  truth: Truth,
): string {
  const model = statement.model(relation.model)
  const alias = statement.alias()
  const found = conditionsOf({ statement, model, alias }, filter, truth !== 'true')
  const conditions = [
    joinSql(relation, alias, own),
    ...visibleSql(statement, relation.model, alias),
    ...truthSql(found, truth),
  ]
  return `EXISTS (SELECT FROM ${quote(model.table)} ${alias} WHERE ${conditions.join(' AND ')})`
}

function truthSql(found: Conditions, truth: Truth): readonly string[] {
  if (truth === 'true') return found.all
  return [truth === 'false' ? `NOT ${bracketed(found)}` : `${bracketed(found)} IS NOT FALSE`]
}

// columns

/** The compared column. `isInverted`: inside `not`. `isInsensitive`: ignores letter case. */
type Compared = {
  readonly statement: Statement
  readonly column: Column
  readonly sql: string
  readonly isInverted: boolean
  readonly isInsensitive: boolean
}

function columnConditions(statement: Statement, column: Column, alias: string, wanted: unknown): Conditions {
  const { name, type, isList } = column
  if (isList || type === 'Bytes') throw new Error(`the reader does not filter by ${name}`)
  const sql = `${alias}.${quote(name)}`
  if (type === 'Json') return jsonConditions(statement, column, sql, wanted)
  const compared = { statement, column, sql, isInverted: false, isInsensitive: false }
  if (!isObject(wanted)) return one(compareSql(compared, 'equals', wanted))
  const ordered = wanted.collate === undefined ? sql : `${sql} ${collateSql(wanted.collate)}`
  return comparisons({ ...compared, sql: ordered, isInsensitive: isInsensitive(wanted.mode) }, wanted)
}

function comparisons(compared: Compared, filter: AnyWhere): Conditions {
  const parts = definedIn(filter).filter(([operator]) => operator !== 'mode' && operator !== 'collate')
  return eachOf(parts, ([operator, operand]) => {
    if (operator !== 'not') return one(compareSql(compared, operator, operand))
    if (compared.isInverted) throw new Error('the reader takes no not within not')
    const inverted = { ...compared, isInverted: true }
    // As in Prisma, each of several comparisons inside `not` is inverted, and all of these must hold.
    return isObject(operand) ? comparisons(inverted, operand) : one(compareSql(inverted, 'equals', operand))
  })
}

const COMPARISONS: Readonly<Record<string, readonly [sign: string, inverse: string]>> = {
  equals: ['=', '<>'],
  lt: ['<', '>='],
  lte: ['<=', '>'],
  gt: ['>', '<='],
  gte: ['>=', '<'],
}

function compareSql(compared: Compared, operator: string, operand: unknown): string {
  switch (operator) {
    case 'in':
      return listSql(compared, operand)
    case 'notIn':
      return listSql({ ...compared, isInverted: !compared.isInverted }, operand)
    case 'contains':
      return likeSql(compared, `%${textOf(operand)}%`)
    case 'startsWith':
      return likeSql(compared, `${textOf(operand)}%`)
    case 'endsWith':
      return likeSql(compared, `%${textOf(operand)}`)
    case 'fromDay':
      return `${compared.sql} >= ${startOfDaySql(compared, operand, 0)}`
    case 'untilDay':
      return `${compared.sql} < ${startOfDaySql(compared, operand, 1)}`
    default:
      return signSql(compared, operator, operand)
  }
}

const DAY = /^\d{4}-\d\d-\d\d$/

/** When a day begins in the tenant's time zone: looked up once per statement, so that an index on the column is used. */
function startOfDaySql({ statement, column, isInverted }: Compared, day: unknown, later: 0 | 1): string {
  if (column.type !== 'DateTime' || isInverted || typeof day !== 'string' || !DAY.test(day))
    throw new Error(`${column.name} is compared with a day in a way that the reader does not support`)
  const midnight = `(${statement.parameter(day)}::date + ${later})::timestamp`
  return `(SELECT timezone(z.time_zone, ${midnight}) FROM tenants z WHERE z.tenant_id = app.tenant_id())`
}

function signSql(compared: Compared, operator: string, operand: unknown): string {
  const { statement, column, sql, isInverted, isInsensitive } = compared
  const signs = COMPARISONS[operator]
  if (signs === undefined) throw new Error(`the reader knows no filter ${operator}`)
  if (operand === null && operator === 'equals') return nullSql(compared)
  const sign = signs[isInverted ? 1 : 0]
  if (!isInsensitive) return `${sql} ${sign} ${statement.operand(column, operand)}`
  // As in Prisma: % and _ are wildcards here.
  if (operator === 'equals') return likeSql(compared, textOf(operand))
  return `lower(${sql}) ${sign} lower(${statement.operand(column, operand)})`
}

function nullSql({ column, sql, isInverted }: Compared): string {
  if (!column.isNullable) throw new Error(`${column.name} is never null`)
  return `${sql} IS ${isInverted ? 'NOT ' : ''}NULL`
}

function listSql(compared: Compared, operand: unknown): string {
  const { statement, column, sql, isInverted, isInsensitive } = compared
  if (operand === null) return nullSql(compared)
  if (!Array.isArray(operand)) throw new Error(`${column.name} is compared with what is no list`)
  if (!isInsensitive)
    return `${sql} ${isInverted ? '<> ALL' : '= ANY'} (${statement.operands(column, operand)})`
  if (operand.length === 0) return String(isInverted)
  const values = operand.map((value) => `lower(${statement.operand(column, value)})`)
  return `lower(${sql}) ${isInverted ? 'NOT IN' : 'IN'} (${values.join(', ')})`
}

/** As in Prisma, % and _ of the operand are not escaped. */
function likeSql({ statement, sql, isInverted, isInsensitive }: Compared, pattern: string): string {
  const not = isInverted ? 'NOT ' : ''
  const like = isInsensitive ? `${sql} ${not}ILIKE` : `${sql}::text ${not}LIKE`
  return `${like} ${statement.parameter(pattern)}`
}

function textOf(operand: unknown): string {
  if (typeof operand !== 'string') throw new Error('a text is looked for by what is no text')
  return operand
}

function isInsensitive(mode: unknown): boolean {
  if (mode !== undefined && mode !== 'default' && mode !== 'insensitive')
    throw new Error(`the reader has no such mode`)
  return mode === 'insensitive'
}

// JSON

/** A document is compared as a whole, or searched as text (`asText`, which Prisma lacks). */
function jsonConditions(statement: Statement, column: Column, sql: string, wanted: unknown): Conditions {
  if (!isObject(wanted)) throw new Error(`${column.name} is compared by a filter`)
  return eachOf(definedIn(wanted), ([operator, operand]) => {
    switch (operator) {
      case 'equals':
        return one(documentSql(statement, sql, operand, false))
      case 'not':
        return one(documentSql(statement, sql, operand, true))
      case 'asText':
        return asTextConditions(statement, column, sql, operand)
      default:
        throw new Error(`the reader knows no filter ${operator} of JSON`)
    }
  })
}

function asTextConditions(statement: Statement, column: Column, sql: string, filter: unknown): Conditions {
  if (!isObject(filter)) throw new Error('asText takes a filter')
  const text = { ...column, type: 'String' }
  const compared = { statement, column: text, sql: `${sql}::text`, isInverted: false }
  return comparisons({ ...compared, isInsensitive: isInsensitive(filter.mode) }, filter)
}

function documentSql(statement: Statement, sql: string, operand: unknown, isInverted: boolean): string {
  const not = isInverted ? 'NOT ' : ''
  if (operand === DbNull) return `${sql} IS ${not}NULL`
  const isAnyNull = operand === AnyNull
  const isNull = isAnyNull || operand === JsonNull
  if (!isNull && isObjectEnumValue(operand))
    throw new Error('the null is of another @prisma/client than the reader’s')
  const document = isNull ? 'null' : JSON.stringify(operand)
  const same = `${sql}::jsonb ${isInverted ? '<>' : '='} ${statement.parameter(document)}::jsonb`
  return isAnyNull ? `(${same} ${isInverted ? 'AND' : 'OR'} ${sql} IS ${not}NULL)` : same
}

// --- the parts of filters

function definedIn(filter: AnyWhere): [name: string, value: unknown][] {
  return Object.entries(filter).filter(([, value]) => value !== undefined)
}

function listOf(filters: unknown): AnyWhere[] {
  return isObject(filters) ? [filters] : arrayOf(filters)
}

function arrayOf(filters: unknown): AnyWhere[] {
  if (!Array.isArray(filters) || !filters.every(isObject)) throw new Error('AND, OR and NOT take filters')
  return filters
}

function isObject(value: unknown): value is AnyWhere {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
