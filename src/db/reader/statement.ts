// The shared state of one SQL statement (models, parameters and aliases), and its names and joins.
import { type Column, type Datamodel, type Model, modelIn, type Relation } from '../models.ts'
import type { AnyWhere } from './any-query.ts'
import type { View } from './view.ts'

export class Statement {
  readonly values: unknown[]
  readonly #datamodel: Datamodel
  readonly #view: View
  #aliases: number

  constructor(datamodel: Datamodel, view: View, values: readonly unknown[] = [], aliases = 0) {
    this.#datamodel = datamodel
    this.#view = view
    this.values = [...values]
    this.#aliases = aliases
  }

  /** A statement that continues this one, which stays as it is. */
  fork(): Statement {
    return new Statement(this.#datamodel, this.#view, this.values, this.#aliases)
  }

  /** The filter of the model's visible rows; null: all are. */
  visible(model: string): AnyWhere | null {
    return this.#view.rows.get(model) ?? null
  }

  /** Throws a plain Error for an unknown name. */
  model(name: string): Model {
    return modelIn(this.#datamodel, name)
  }

  /** A value of a column, as a parameter. Throws a plain Error for a value of another type. */
  operand(column: Column, value: unknown): string {
    return this.parameter(operandOf(column, value))
  }

  /** A list of values of a column, as one parameter. Throws like `operand`. */
  operands(column: Column, values: readonly unknown[]): string {
    return this.parameter(values.map((value) => operandOf(column, value)))
  }

  parameter(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }

  alias(): string {
    this.#aliases += 1
    return `t${this.#aliases}`
  }
}

/** Prisma accepts a timestamp as a Date, or in ISO 8601 with its offset. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

/** The `typeof` of a scalar type's values; of all other types and enums it is `string`. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  Boolean: ['boolean'],
  Int: ['number'],
  BigInt: ['bigint', 'number'],
}

function operandOf({ name, type }: Column, value: unknown): unknown {
  if (type === 'DateTime') return instantOf(name, value)
  if (!(KINDS[type] ?? ['string']).includes(typeof value))
    throw new Error(`${name} must be compared with a ${type}`)
  return typeof value === 'bigint' ? value.toString() : value
}

function instantOf(name: string, value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'string' && INSTANT.test(value)) return new Date(value).toISOString()
  throw new Error(`${name} must be compared with a Date, or an ISO 8601 timestamp with an offset`)
}

/** Names come from the schema, not from requests; quoting is a precaution. */
export function quote(name: string): string {
  return name.includes('"') ? `"${name.replaceAll('"', '""')}"` : `"${name}"`
}

export function joinSql({ on }: Relation, other: string, own: string): string {
  return on.map(([theirs, ours]) => `${other}.${quote(theirs)} = ${own}.${quote(ours)}`).join(' AND ')
}

const COLLATION = /^[a-z]{2,3}(-[A-Za-z]{2,4})?-x-icu$/

/** The name of an ICU collation, as `collationOf` has it. Throws a plain Error for another. */
export function collateSql(name: unknown): string {
  if (typeof name !== 'string' || !COLLATION.test(name)) throw new Error('the reader has no such collation')
  return `COLLATE ${quote(name)}`
}
