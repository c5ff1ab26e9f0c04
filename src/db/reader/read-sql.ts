// Compiles a selection into one SQL statement, which returns all rows with their relations as one JSON text. Uses
// Prisma's syntax for filters and selections.
import type { Column, Datamodel, Model, Relation } from '../datamodel.ts'

/** Which rows: the part of Prisma's `where` that the API's lists need. */
export type Filter = { readonly [field: string]: unknown }

/** Which fields: columns, relations with their own selections, and `_count` of relations. */
export type Selection = { [field: string]: true | RelationSelection }

export type RelationSelection = {
  select?: Selection
  where?: Filter
  orderBy?: readonly Order[]
  take?: number
}

export type Order = { readonly [field: string]: 'asc' | 'desc' }

export type ReadQuery = RelationSelection & { readonly select: Selection }

/** Converts a row from PostgreSQL's JSON array. */
export type Decode = (value: unknown) => unknown

export type Compiled = { readonly text: string; readonly values: readonly unknown[]; readonly decode: Decode }

/**
 * `tenantId` is in the filter of every table: row-level security protects the rows, this lets the planner use the
 * index.
 */
export function compileRead(
  datamodel: Datamodel,
  modelName: string,
  query: ReadQuery,
  tenantId: string,
): Compiled {
  const statement = new Statement(datamodel)
  const tenant = statement.parameter(tenantId)
  const root = statement.rows(modelName, query, (alias) => `${alias}.tenant_id = ${tenant}`)
  return { text: `SELECT ${root.sql}`, values: statement.values, decode: root.decode }
}

/** The number of rows that match the filter. */
export function compileCount(
  datamodel: Datamodel,
  modelName: string,
  where: Filter,
  tenantId: string,
): Omit<Compiled, 'decode'> {
  const statement = new Statement(datamodel)
  const tenant = statement.parameter(tenantId)
  return {
    text: statement.count(modelName, where, (alias) => `${alias}.tenant_id = ${tenant}`),
    values: statement.values,
  }
}

type Part = { readonly sql: string; readonly decode: Decode }

class Statement {
  readonly values: unknown[] = []
  readonly #datamodel: Datamodel
  #aliases = 0

  constructor(datamodel: Datamodel) {
    this.#datamodel = datamodel
  }

  parameter(value: unknown): string {
    this.values.push(value instanceof Date ? value.toISOString() : value)
    return `$${this.values.length}`
  }

  /**
   * All rows as one JSON array. The limit is a literal: as a parameter it would hide the row count from the planner.
   */
  rows(modelName: string, query: RelationSelection, joined: (alias: string) => string): Part {
    const model = this.#model(modelName)
    const alias = this.#alias()
    const row = this.#row(model, alias, query.select ?? {})
    const orderBy = (query.orderBy ?? []).map((order) => orderSql(model, alias, order)).join(', ')
    const sql = [
      `SELECT ${row.sql} AS r FROM ${quote(model.table)} ${alias}`,
      `WHERE ${[joined(alias), ...this.#conditions(model, alias, query.where ?? {})].join(' AND ')}`,
      orderBy && `ORDER BY ${orderBy}`,
      query.take !== undefined && `LIMIT ${limitSql(query.take)}`,
    ]
    const inner = sql.filter(Boolean).join(' ')
    return {
      sql: `(SELECT coalesce(json_agg(s.r), '[]') FROM (${inner}) s)`,
      decode: (rows) => (rows as unknown[]).map(row.decode),
    }
  }

  count(modelName: string, where: Filter, joined: (alias: string) => string): string {
    const model = this.#model(modelName)
    const alias = this.#alias()
    const conditions = [joined(alias), ...this.#conditions(model, alias, where)]
    return `SELECT count(*)::int FROM ${quote(model.table)} ${alias} WHERE ${conditions.join(' AND ')}`
  }

  #one(relation: Relation, parent: string, { select = {} }: RelationSelection): Part {
    const model = this.#model(relation.model)
    const alias = this.#alias()
    const row = this.#row(model, alias, select)
    return {
      sql: `(SELECT ${row.sql} FROM ${quote(model.table)} ${alias} WHERE ${joinSql(relation, alias, parent)})`,
      decode: (value) => (value === null ? null : row.decode(value)),
    }
  }

  /** One row as a JSON array, in the order of its selection. */
  #row(model: Model, alias: string, select: Selection): Part {
    const names = Object.keys(select)
    const parts = names.map((name) =>
      this.#field(model, alias, name, select[name] as true | RelationSelection),
    )
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

  #field(model: Model, alias: string, name: string, selected: true | RelationSelection): Part {
    if (name === '_count') return this.#counts(model, alias, selected)
    const column = model.columns.get(name)
    if (column !== undefined) return columnPart(column, alias)
    const relation = relationOf(model, name)
    const query = selected === true ? {} : selected
    if (!relation.many) return this.#one(relation, alias, query)
    return this.rows(relation.model, query, (other) => joinSql(relation, other, alias))
  }

  #counts(model: Model, alias: string, selected: true | RelationSelection): Part {
    const names = selected === true ? [] : Object.keys(selected.select ?? {})
    const counts = names.map((name) => {
      const relation = relationOf(model, name)
      const other = this.#alias()
      const table = quote(this.#model(relation.model).table)
      return `(SELECT count(*) FROM ${table} ${other} WHERE ${joinSql(relation, other, alias)})`
    })
    return {
      sql: `json_build_array(${counts.join(', ')})`,
      decode: (value) => Object.fromEntries(names.map((name, index) => [name, (value as unknown[])[index]])),
    }
  }

  #conditions(model: Model, alias: string, filter: Filter): string[] {
    return Object.entries(filter).flatMap(([name, wanted]) => {
      if (wanted === undefined) return []
      if (name === 'AND') return asList(wanted).flatMap((part) => this.#conditions(model, alias, part))
      if (name === 'OR') return [this.#anyOf(model, alias, asList(wanted))]
      const column = model.columns.get(name)
      if (column !== undefined) return this.#comparisons(comparedSql(column, alias), wanted)
      return [this.#exists(relationOf(model, name), alias, wanted as Filter)]
    })
  }

  #anyOf(model: Model, alias: string, parts: Filter[]): string {
    const options = parts.map((part) => allOf(this.#conditions(model, alias, part)))
    return options.length === 0 ? 'false' : `(${options.join(' OR ')})`
  }

  #exists(relation: Relation, parent: string, wanted: Filter): string {
    const model = this.#model(relation.model)
    const alias = this.#alias()
    const conditions = this.#conditions(model, alias, relation.many ? (wanted.some as Filter) : wanted)
    return `EXISTS (SELECT FROM ${quote(model.table)} ${alias} WHERE ${[joinSql(relation, alias, parent), ...conditions].join(' AND ')})`
  }

  #comparisons(column: string, wanted: unknown): string[] {
    if (wanted === null) return [`${column} IS NULL`]
    if (typeof wanted !== 'object' || wanted instanceof Date) return [`${column} = ${this.parameter(wanted)}`]
    return Object.entries(wanted).flatMap(([operator, operand]) => {
      if (operator === 'mode' || operand === undefined) return []
      if (operator === 'in') return [`${column} = ANY (${this.parameter(operand)})`]
      if (operator === 'contains') return [`${column} ILIKE ${this.parameter(`%${operand}%`)}`]
      const comparison = COMPARISONS[operator]
      if (comparison === undefined) throw new Error(`the reader knows no filter ${operator}`)
      return [`${column} ${comparison} ${this.parameter(operand)}`]
    })
  }

  #model(name: string): Model {
    const model = this.#datamodel.get(name)
    if (model === undefined) throw new Error(`there is no model ${name}`)
    return model
  }

  #alias(): string {
    this.#aliases += 1
    return `t${this.#aliases}`
  }
}

const COMPARISONS: Readonly<Record<string, string>> = { equals: '=', lt: '<', lte: '<=', gt: '>', gte: '>=' }

/** A JSON document is compared by its text, which is what a person searches. */
function comparedSql({ name, type }: Column, alias: string): string {
  const column = `${alias}.${quote(name)}`
  return type === 'Json' ? `${column}::text` : column
}

function relationOf(model: Model, name: string): Relation {
  const relation = model.relations.get(name)
  if (relation === undefined) throw new Error(`${model.table} has no field ${name}`)
  return relation
}

function joinSql({ on }: Relation, other: string, own: string): string {
  return on.map(([theirs, ours]) => `${other}.${quote(theirs)} = ${own}.${quote(ours)}`).join(' AND ')
}

function orderSql(model: Model, alias: string, order: Order): string {
  return Object.entries(order)
    .map(([name, direction]) => {
      const column = model.columns.get(name)
      if (column === undefined) throw new Error(`${model.table} cannot be sorted by ${name}`)
      return `${alias}.${quote(column.name)} ${direction === 'desc' ? 'DESC' : 'ASC'}`
    })
    .join(', ')
}

function limitSql(take: number): string {
  if (!Number.isSafeInteger(take) || take < 0) throw new Error('a limit must be a whole number')
  return String(take)
}

const asIs: Decode = (value) => value
const asDate: Decode = (value) => (value === null ? null : new Date(value as string))
const asBigInt: Decode = (value) => (value === null ? null : BigInt(value as string))

/** JSON has no 64-bit integers and no timestamps: the former are text, the latter ISO 8601 with their offset. */
function columnPart({ name, type }: Column, alias: string): Part {
  const column = `${alias}.${quote(name)}`
  switch (type) {
    case 'BigInt':
      return { sql: `${column}::text`, decode: asBigInt }
    case 'DateTime':
      return { sql: column, decode: asDate }
    case 'Bytes':
    case 'Decimal':
    case 'Float':
      throw new Error(`the reader does not read ${type} columns`)
    default:
      return { sql: column, decode: asIs }
  }
}

function allOf(conditions: string[]): string {
  return conditions.length === 0 ? 'true' : `(${conditions.join(' AND ')})`
}

function asList(parts: unknown): Filter[] {
  return (Array.isArray(parts) ? parts : [parts]) as Filter[]
}

/** Names come from the schema, never from a request; they are quoted all the same. */
function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
