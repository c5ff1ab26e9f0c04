// Compiles the arguments of readMany into one SQL statement, which returns all rows with their relations as one JSON text.
import type { Column, Datamodel, Model, Relation } from '../models.ts'
import type { AnyOrder, AnyQuery, AnySelect } from './any-query.ts'
import { collateSql, joinSql, quote, Statement } from './statement.ts'
import { type View, WHOLE_VIEW } from './view.ts'
import { visibleSql, whereSql } from './where-sql.ts'

const ARGUMENTS: ReadonlySet<string> = new Set(['select', 'where', 'orderBy', 'take'])
const ARGUMENTS_OF_ONE: ReadonlySet<string> = new Set(['select'])
const ARGUMENTS_OF_COUNT: ReadonlySet<string> = new Set(['where'])

/** Converts a value from PostgreSQL's JSON. */
type Decode = (value: unknown) => unknown

export type Compiled = { readonly text: string; readonly values: readonly unknown[]; readonly decode: Decode }

/**
 * `tenantId` is in the filter of every table: row-level security protects the rows, this lets the planner use the index.
 * `view`: which rows are read; of the query's own model all, with `includesHidden`. Throws a plain Error for unknown fields
 * and unsupported arguments.
 */
export function compileRead(
  datamodel: Datamodel,
  modelName: string,
  { includesHidden = false, ...query }: AnyQuery & { readonly includesHidden?: boolean },
  tenantId: string,
  view: View = WHOLE_VIEW,
): Compiled {
  const statement = new Statement(datamodel, view)
  const tenant = statement.parameter(tenantId)
  const root = rowsPart(statement, modelName, query, (alias) => [
    `${alias}.tenant_id = ${tenant}`,
    ...(includesHidden ? [] : visibleSql(statement, modelName, alias)),
  ])
  return { text: `SELECT ${root.sql}`, values: statement.values, decode: root.decode }
}

/** The number of rows that match the filter. Throws like `compileRead`. */
export function compileCount(
  datamodel: Datamodel,
  modelName: string,
  query: Pick<AnyQuery, 'where'>,
  tenantId: string,
  view: View = WHOLE_VIEW,
): Compiled {
  checkArguments(query, ARGUMENTS_OF_COUNT)
  const { where = {} } = query
  const statement = new Statement(datamodel, view)
  const tenant = statement.parameter(tenantId)
  const model = statement.model(modelName)
  const alias = statement.alias()
  const conditions = [
    `${alias}.tenant_id = ${tenant}`,
    ...visibleSql(statement, modelName, alias),
    ...whereSql(statement, model, alias, where),
  ]
  return {
    text: `SELECT count(*)::int FROM ${quote(model.table)} ${alias} WHERE ${conditions.join(' AND ')}`,
    values: statement.values,
    decode: asIs,
  }
}

type Part = { readonly sql: string; readonly decode: Decode }

function checkArguments(query: AnyQuery, taken: ReadonlySet<string>): void {
  for (const name of Object.keys(query)) {
    if (!taken.has(name) && query[name as keyof AnyQuery] !== undefined)
      throw new Error(`the reader takes no ${name}`)
  }
}

/** All rows as one JSON array. The limit is a literal: as a parameter it would hide the row count from the planner. */
function rowsPart(
  statement: Statement,
  modelName: string,
  query: AnyQuery,
  joined: (alias: string) => readonly string[],
): Part {
  checkArguments(query, ARGUMENTS)
  const { select, where = {}, orderBy, take } = query
  const model = statement.model(modelName)
  const alias = statement.alias()
  const row = rowPart(statement, model, alias, select)
  const conditions = [...joined(alias), ...whereSql(statement, model, alias, where)]
  const order = orderSql(model, alias, orderBy, take)
  const sql = [
    `SELECT ${row.sql} AS r FROM ${quote(model.table)} ${alias}`,
    `WHERE ${conditions.join(' AND ')}`,
    order && `ORDER BY ${order}`,
    take !== undefined && `LIMIT ${limitSql(take)}`,
  ]
  const inner = sql.filter(Boolean).join(' ')
  return {
    sql: `(SELECT coalesce(json_agg(s.r), '[]') FROM (${inner}) s)`,
    decode: (rows) => (rows as unknown[]).map(row.decode),
  }
}

/** One row as a JSON array, in the order of its selection. */
function rowPart(
  statement: Statement,
  model: Model,
  alias: string,
  select: AnySelect | null | undefined,
): Part {
  const fields = selectedOf(model, select)
  const names = fields.map(([name]) => name)
  const parts = fields.map(([name, selected]) => fieldPart(statement, model, alias, name, selected))
  return {
    sql: `json_build_array(${parts.map(({ sql }) => sql).join(', ')})`,
    decode: (value) => {
      const row: Record<string, unknown> = {}
      for (let index = 0; index < names.length; index += 1) {
        row[names[index] as string] = (parts[index] as Part).decode((value as unknown[])[index])
      }
      return row
    },
  }
}

type Selected = readonly [name: string, selected: true | AnyQuery]

function selectedOf(model: Model, select: AnySelect | null | undefined): readonly Selected[] {
  if (select === undefined || select === null) return [...model.columns.keys()].map((name) => [name, true])
  const selected = Object.entries(select).filter(([, value]) => value !== undefined && value !== false)
  if (selected.length === 0) throw new Error(`nothing of ${model.table} is selected`)
  return selected as Selected[]
}

function fieldPart(statement: Statement, model: Model, alias: string, ...[name, selected]: Selected): Part {
  if (name === '_count') return countsPart(statement, model, alias, selected)
  const column = model.columns.get(name)
  if (column !== undefined) return columnPart(column, alias)
  const relation = relationOf(model, name)
  const query = selected === true ? {} : selected
  if (!relation.many) return onePart(statement, relation, alias, query)
  return rowsPart(statement, relation.model, query, (other) => relatedSql(statement, relation, other, alias))
}

/** The conditions of the visible rows of a relation. */
function relatedSql(statement: Statement, relation: Relation, other: string, own: string): readonly string[] {
  return [joinSql(relation, other, own), ...visibleSql(statement, relation.model, other)]
}

function onePart(statement: Statement, relation: Relation, parent: string, query: AnyQuery): Part {
  checkArguments(query, ARGUMENTS_OF_ONE)
  const model = statement.model(relation.model)
  const alias = statement.alias()
  const row = rowPart(statement, model, alias, query.select)
  const conditions = relatedSql(statement, relation, alias, parent)
  return {
    sql: `(SELECT ${row.sql} FROM ${quote(model.table)} ${alias} WHERE ${conditions.join(' AND ')})`,
    decode: (value) => (value === null ? null : row.decode(value)),
  }
}

function countsPart(statement: Statement, model: Model, alias: string, selected: true | AnyQuery): Part {
  const counted = countedOf(model, selected)
  const counts = counted.map(([name, query]) => {
    checkArguments(query, ARGUMENTS_OF_COUNT)
    const relation = relationOf(model, name)
    if (!relation.many) throw new Error(`${name} is no list that could be counted`)
    const other = statement.model(relation.model)
    const its = statement.alias()
    const conditions = [
      ...relatedSql(statement, relation, its, alias),
      ...whereSql(statement, other, its, query.where ?? {}),
    ]
    return `(SELECT count(*) FROM ${quote(other.table)} ${its} WHERE ${conditions.join(' AND ')})`
  })
  return {
    sql: `json_build_array(${counts.join(', ')})`,
    decode: (value) =>
      Object.fromEntries(counted.map(([name], index) => [name, (value as unknown[])[index]])),
  }
}

function countedOf(model: Model, selected: true | AnyQuery): (readonly [string, Pick<AnyQuery, 'where'>])[] {
  if (selected === true) {
    return [...model.relations].flatMap(([name, { many }]) => (many ? [[name, {}] as const] : []))
  }
  checkArguments(selected, ARGUMENTS_OF_ONE)
  return selectedOf(model, selected.select ?? {}).map(([name, query]) => [name, query === true ? {} : query])
}

function relationOf(model: Model, name: string): Relation {
  const relation = model.relations.get(name)
  if (relation === undefined) throw new Error(`${model.table} has no field ${name}`)
  return relation
}

/** Empty without an order. With a limit the default is the primary key, as in Prisma. */
function orderSql(model: Model, alias: string, orderBy: AnyQuery['orderBy'] = [], take?: number): string {
  const orders = (Array.isArray(orderBy) ? orderBy : [orderBy]) as readonly AnyOrder[]
  const terms = orders.flatMap((order) => {
    const [term, another] = Object.entries(order).filter(([, direction]) => direction !== undefined)
    if (another !== undefined) throw new Error('orderBy takes one field in each of its objects')
    return term === undefined ? [] : [orderTermSql(model, alias, ...term)]
  })
  if (terms.length > 0 || take === undefined) return terms.join(', ')
  return (model.keys[0]?.fields ?? []).map((name) => orderTermSql(model, alias, name, 'asc')).join(', ')
}

const DIRECTIONS: ReadonlyMap<unknown, string> = new Map([
  ['asc', 'ASC'],
  ['desc', 'DESC'],
])
const NULLS: ReadonlyMap<unknown, string> = new Map([
  ['first', ' NULLS FIRST'],
  ['last', ' NULLS LAST'],
])

function orderTermSql(model: Model, alias: string, name: string, wanted: unknown): string {
  const column = model.columns.get(name)
  if (column === undefined) throw new Error(`${model.table} cannot be sorted by ${name}`)
  const { sort, nulls, collate } = (
    typeof wanted === 'object' && wanted !== null ? wanted : { sort: wanted }
  ) as {
    readonly sort?: unknown
    readonly nulls?: unknown
    readonly collate?: unknown
  }
  const direction = DIRECTIONS.get(sort)
  const where = nulls === undefined ? '' : NULLS.get(nulls)
  if (direction === undefined || where === undefined)
    throw new Error(`the reader cannot sort by ${name} in this way`)
  const collation = collate === undefined ? '' : `${collateSql(collate)} `
  return `${alias}.${quote(column.name)} ${collation}${direction}${where}`
}

function limitSql(take: number): string {
  if (!Number.isSafeInteger(take) || take < 0) throw new Error('a limit must be a whole number')
  return String(take)
}

const asIs: Decode = (value) => value
const asDate: Decode = (value) => new Date(value as string)
const asBigInt: Decode = (value) => BigInt(value as string)
const asBytes: Decode = (value) => Uint8Array.from(Buffer.from(value as string, 'base64'))

function columnPart(column: Column, alias: string): Part {
  const sql = `${alias}.${quote(column.name)}`
  if (!column.isList) {
    const value = valuePart(column, sql)
    return value.decode === asIs ? value : { ...value, decode: unlessNull(value.decode) }
  }
  const item = valuePart(column, 'i')
  return {
    sql: item.sql === 'i' ? sql : `ARRAY(SELECT ${item.sql} FROM unnest(${sql}) i)`,
    // As in Prisma, a list that is NULL is returned as an empty one.
    decode: (items) => ((items ?? []) as unknown[]).map(item.decode),
  }
}

function unlessNull(decode: Decode): Decode {
  return (value) => (value === null ? null : decode(value))
}

const IN_JSON: ReadonlySet<string> = new Set(['String', 'Int', 'Boolean', 'Json'])

/**
 * JSON has no 64-bit integers, timestamps and bytes: they are text, the timestamps in ISO 8601 with their offset, the bytes in
 * base64.
 */
function valuePart({ name, type, isEnum }: Column, sql: string): Part {
  if (isEnum || IN_JSON.has(type)) return { sql, decode: asIs }
  switch (type) {
    case 'BigInt':
      return { sql: `${sql}::text`, decode: asBigInt }
    case 'DateTime':
      return { sql, decode: asDate }
    case 'Bytes':
      return { sql: `encode(${sql}, 'base64')`, decode: asBytes }
    default:
      throw new Error(`the reader does not read ${name}: a ${type}`)
  }
}
