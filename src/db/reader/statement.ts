// What the parts of one SQL statement share: its parameters, its aliases, and how names and joins are written.
import type { Column, Relation } from '../datamodel.ts'

export class Statement {
  readonly values: unknown[] = []
  #aliases = 0

  /** A value of a column, as a parameter. Throws a plain Error for what is no value of its type. */
  operand(column: Column, value: unknown): string {
    return this.parameter(operandOf(column, value))
  }

  /** A list of such values, as one parameter. */
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

/** Prisma takes a point in time as a Date, or in ISO 8601 with its offset. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

/** What values of a scalar type are, by `typeof`; those of an enum are strings. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  Boolean: ['boolean'],
  Int: ['number'],
  BigInt: ['bigint', 'number'],
}

function operandOf({ name, type }: Column, value: unknown): unknown {
  if (type === 'DateTime') return instantOf(name, value)
  if (!(KINDS[type] ?? ['string']).includes(typeof value))
    throw new Error(`${name} is compared with what is no ${type}`)
  return typeof value === 'bigint' ? value.toString() : value
}

function instantOf(name: string, value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'string' && INSTANT.test(value)) return new Date(value).toISOString()
  throw new Error(`${name} is compared with what is no point in time`)
}

/** Names come from the schema, never from a request; they are quoted all the same. */
export function quote(name: string): string {
  return name.includes('"') ? `"${name.replaceAll('"', '""')}"` : `"${name}"`
}

export function joinSql({ on }: Relation, other: string, own: string): string {
  return on.map(([theirs, ours]) => `${other}.${quote(theirs)} = ${own}.${quote(ours)}`).join(' AND ')
}
