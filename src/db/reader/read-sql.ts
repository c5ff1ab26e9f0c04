// Compiles the arguments of readMany into one SQL statement, whose answer is one text: all rows with their relations, as an array of
// arrays of texts (texts.ts).
import type { Column, Datamodel, Model, Relation } from '../models.ts'
import type { AnyOrder, AnyQuery, AnySelect } from './any-query.ts'
import { collateSql, joinSql, quote, Statement } from './statement.ts'
import { decoderOf, rowsOf, type Text, type TextRow, valuesOf } from './texts.ts'
import { type View, WHOLE_VIEW } from './view.ts'
import { visibleSql, whereSql } from './where-sql.ts'

const ARGUMENTS: ReadonlySet<string> = new Set(['select', 'where', 'orderBy', 'take'])
const ARGUMENTS_OF_ONE: ReadonlySet<string> = new Set(['select'])
const ARGUMENTS_OF_COUNT: ReadonlySet<string> = new Set(['where'])

export type Compiled = {
  readonly text: string
  readonly values: readonly unknown[]
  /** Converts the statement's answer. */
  readonly decode: (answer: Text) => unknown
}

/** Which rows of a model, in which order; of the query's own model all, with `includesHidden`, else those of the view. */
export type RowsQuery = Pick<AnyQuery, 'where' | 'orderBy' | 'take'> & { readonly includesHidden?: boolean }

/** Where the values of a selection are in a row of texts. */
export type Layout = {
  readonly columns: ReadonlyMap<string, { readonly slot: number; readonly column: Column }>
  /** `slot` is NULL where there is no such record. */
  readonly ones: ReadonlyMap<string, { readonly slot: number; readonly layout: Layout }>
  /** In `slot` are the rows of a list. */
  readonly lists: ReadonlyMap<string, { readonly slot: number; readonly layout: Layout }>
  /** The numbers of records of to-many relations. */
  readonly counts: ReadonlyMap<string, number>
}

/** A compiled selection of a model, from which statements for different rows are made. */
export type Selected = {
  readonly layout: Layout
  /** The length of its SQL. */
  readonly length: number
  statement(
    tenantId: string,
    query: RowsQuery,
  ): { readonly text: string; readonly values: readonly unknown[] }
}

/** The first parameter of every statement. */
const TENANT = '$1'

/**
 * Compiles a selection. The tenant is in the filter of every table: row-level security protects the rows, this lets the planner use
 * the index. `view`: which rows are read. Throws a plain Error for unknown fields and unsupported arguments.
 */
export function compileSelection(
  datamodel: Datamodel,
  modelName: string,
  select: AnySelect | null | undefined,
  view: View = WHOLE_VIEW,
): Selected {
  const statement = new Statement(datamodel, view)
  // Each statement sets its own.
  statement.parameter(null)
  const model = statement.model(modelName)
  const alias = statement.alias()
  const row = new RowSql(statement)
  const layout = row.add(model, alias, select)
  const from = `FROM ${quote(model.table)} ${alias}${row.joins()}`
  const sql = row.sql()
  return {
    layout,
    length: sql.length + from.length,
    statement(tenantId, { includesHidden = false, ...query }) {
      const own = statement.fork()
      own.values[0] = tenantId
      const conditions = [
        `${alias}.tenant_id = ${TENANT}`,
        ...(includesHidden ? [] : visibleSql(own, modelName, alias)),
      ]
      const text = `SELECT ${rowsSql(own, { model, alias, row: sql, from, query, conditions })}::text`
      return { text, values: own.values }
    },
  }
}

/** Compiles a query with its selection. Throws like `compileSelection`. */
export function compileRead(
  datamodel: Datamodel,
  modelName: string,
  { select, ...query }: AnyQuery & { readonly includesHidden?: boolean },
  tenantId: string,
  view: View = WHOLE_VIEW,
): Compiled {
  const { includesHidden: _, ...own } = query
  checkArguments(own, ARGUMENTS)
  const selected = compileSelection(datamodel, modelName, select, view)
  return { ...selected.statement(tenantId, query), decode: rowsDecoder(selected.layout) }
}

/** The number of rows that match the filter. Throws like `compileSelection`. */
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
    text: `SELECT count(*)::text FROM ${quote(model.table)} ${alias} WHERE ${conditions.join(' AND ')}`,
    values: statement.values,
    decode: Number,
  }
}

function checkArguments(query: object, taken: ReadonlySet<string>): void {
  for (const [name, value] of Object.entries(query)) {
    if (!taken.has(name) && value !== undefined) throw new Error(`the reader takes no ${name}`)
  }
}

/** All rows as an array of arrays. The limit is a literal: as a parameter it would hide the row count from the planner. */
function rowsSql(
  statement: Statement,
  rows: {
    readonly model: Model
    readonly alias: string
    readonly row: string
    readonly from: string
    readonly query: Pick<AnyQuery, 'where' | 'orderBy' | 'take'>
    readonly conditions: readonly string[]
  },
): string {
  const { model, alias, row, from, query, conditions } = rows
  const { where = {}, orderBy, take } = query
  const all = [...conditions, ...whereSql(statement, model, alias, where)].join(' AND ')
  const order = orderSql(model, alias, orderBy, take)
  const ordered = order === '' ? '' : ` ORDER BY ${order}`
  const limit = take === undefined ? '' : ` LIMIT ${limitSql(take)}`
  return `ARRAY(SELECT ${row} ${from} WHERE ${all}${ordered}${limit})`
}

/** One row as an array of texts: of its own columns, of to-one relations by joins, and of lists as one text each. */
class RowSql {
  readonly #statement: Statement
  readonly #texts: string[] = []
  readonly #joins: string[] = []

  constructor(statement: Statement) {
    this.#statement = statement
  }

  sql(): string {
    return `ARRAY[${this.#texts.join(', ')}]`
  }

  joins(): string {
    return this.#joins.join('')
  }

  add(model: Model, alias: string, select: AnySelect | null | undefined): Layout {
    const columns = new Map<string, { slot: number; column: Column }>()
    const ones = new Map<string, { slot: number; layout: Layout }>()
    const lists = new Map<string, { slot: number; layout: Layout }>()
    const counts = new Map<string, number>()
    for (const [name, selected] of selectedOf(model, select)) {
      const column = model.columns.get(name)
      if (name === '_count') {
        for (const [counted, query] of countedOf(model, selected))
          counts.set(counted, this.#slot(this.#countSql(model, alias, counted, query)))
      } else if (column !== undefined) {
        decoderOf(column)
        columns.set(name, { slot: this.#slot(`${alias}.${quote(column.name)}::text`), column })
      } else {
        const relation = relationOf(model, name)
        const query = selected === true ? {} : selected
        if (relation.many) lists.set(name, this.#list(relation, alias, query))
        else ones.set(name, this.#one(relation, alias, query))
      }
    }
    return { columns, ones, lists, counts }
  }

  #slot(sql: string): number {
    return this.#texts.push(sql) - 1
  }

  #one(relation: Relation, parent: string, query: AnyQuery): { slot: number; layout: Layout } {
    checkArguments(query, ARGUMENTS_OF_ONE)
    const model = this.#statement.model(relation.model)
    const alias = this.#statement.alias()
    const conditions = relatedSql(this.#statement, relation, alias, parent)
    this.#joins.push(` LEFT JOIN ${quote(model.table)} ${alias} ON ${conditions.join(' AND ')}`)
    const layout = this.add(model, alias, query.select)
    const known = [...layout.columns.values()].find(({ column }) => !column.isNullable && !column.isList)
    // A column of the join is never NULL in a record that was found.
    return { layout, slot: known?.slot ?? this.#slot(`${alias}.${quote(firstOf(relation))}::text`) }
  }

  #list(relation: Relation, parent: string, query: AnyQuery): { slot: number; layout: Layout } {
    checkArguments(query, ARGUMENTS)
    const model = this.#statement.model(relation.model)
    const alias = this.#statement.alias()
    const row = new RowSql(this.#statement)
    const layout = row.add(model, alias, query.select)
    const from = `FROM ${quote(model.table)} ${alias}${row.joins()}`
    const conditions = relatedSql(this.#statement, relation, alias, parent)
    const sql = rowsSql(this.#statement, { model, alias, row: row.sql(), from, query, conditions })
    return { layout, slot: this.#slot(`${sql}::text`) }
  }

  #countSql(model: Model, alias: string, name: string, query: Pick<AnyQuery, 'where'>): string {
    checkArguments(query, ARGUMENTS_OF_COUNT)
    const relation = relationOf(model, name)
    if (!relation.many) throw new Error(`${name} is no list that could be counted`)
    const other = this.#statement.model(relation.model)
    const its = this.#statement.alias()
    const conditions = [
      ...relatedSql(this.#statement, relation, its, alias),
      ...whereSql(this.#statement, other, its, query.where ?? {}),
    ]
    return `(SELECT count(*) FROM ${quote(other.table)} ${its} WHERE ${conditions.join(' AND ')})::text`
  }
}

function firstOf({ on }: Relation): string {
  const [first] = on
  if (first === undefined) throw new Error('a relation without columns')
  return first[0]
}

type Field = readonly [name: string, selected: true | AnyQuery]

function selectedOf(model: Model, select: AnySelect | null | undefined): readonly Field[] {
  if (select === undefined || select === null) return [...model.columns.keys()].map((name) => [name, true])
  const selected = Object.entries(select).filter(([, value]) => value !== undefined && value !== false)
  if (selected.length === 0) throw new Error(`nothing of ${model.table} is selected`)
  return selected as Field[]
}

/** The conditions of the visible rows of a relation. */
function relatedSql(statement: Statement, relation: Relation, other: string, own: string): readonly string[] {
  return [joinSql(relation, other, own), ...visibleSql(statement, relation.model, other)]
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

// --- rows of texts as objects

type Row = Record<string, unknown>

function rowsDecoder(layout: Layout): (answer: Text) => Row[] {
  const decode = rowDecoder(layout)
  return (answer) => rowsOf(answer ?? '').map(decode)
}

function rowDecoder({ columns, ones, lists, counts }: Layout): (texts: TextRow) => Row {
  const parts: ((texts: TextRow, row: Row) => void)[] = []
  for (const [name, { slot, column }] of columns) {
    const decode = columnDecoder(column)
    parts.push((texts, row) => {
      row[name] = decode(texts[slot] as Text)
    })
  }
  for (const [name, { slot, layout }] of ones) {
    const decode = rowDecoder(layout)
    parts.push((texts, row) => {
      row[name] = texts[slot] === null ? null : decode(texts)
    })
  }
  for (const [name, { slot, layout }] of lists) {
    const decode = rowsDecoder(layout)
    parts.push((texts, row) => {
      row[name] = decode(texts[slot] as Text)
    })
  }
  if (counts.size > 0)
    parts.push((texts, row) => {
      row._count = Object.fromEntries([...counts].map(([name, slot]) => [name, Number(texts[slot])]))
    })
  return (texts) => {
    const row: Row = {}
    for (const part of parts) part(texts, row)
    return row
  }
}

/** As in Prisma, a list that is NULL is an empty one. */
export function columnDecoder(column: Column): (text: Text) => unknown {
  const decode = decoderOf(column)
  if (!column.isList) return (text) => (text === null ? null : decode(text))
  return (text) => (text === null ? [] : valuesOf(text).map((item) => (item === null ? null : decode(item))))
}
