// The JSON of values: of columns, from the texts that PostgreSQL writes, and of what computed fields return.
import {
  GraphQLEnumType,
  type GraphQLLeafType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import type { Column } from '../db/models.ts'
import { columnDecoder } from '../db/reader/read-sql.ts'
import { isoOf, type Text, valuesOf } from '../db/reader/texts.ts'
import type { Context } from '../graphql/context.ts'
import { type Asked, type AskedField, argumentsOf, fieldsOf, setsOf } from './document.ts'
import { leave, Unwritable } from './uncompiled.ts'
import { LEAF_UNITS, OBJECT_UNITS, type Prices, UNITS_PER_POINT, weigh } from './weight.ts'

/** What writing an answer takes, and counts. */
export type Writing = { units: number; readonly context: Context }

/** The JSON of a value, whose units are added. Throws Unwritable. */
export type WriteValue = (value: unknown, writing: Writing) => string
/** The same for a value of a row. */
export type WriteRow = (row: readonly Text[], writing: Writing) => string

/** The JSON of a text. Most need no escapes, and short ones are looked through in a third of the time that JSON.stringify takes. */
export function jsonOf(text: string): string {
  const { length } = text
  if (length > LOOKED_THROUGH_MAX) return JSON.stringify(text)
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < FIRST_PLAIN || code === QUOTE || code === BACKSLASH || code >= FIRST_SURROGATE)
      return JSON.stringify(text)
  }
  return `"${text}"`
}

const LOOKED_THROUGH_MAX = 40
const FIRST_PLAIN = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
const FIRST_SURROGATE = 0xd800

/** The JSON of a scalar from its column's text, by the scalar's name and the column's type. */
const FROM_TEXT: Readonly<Record<string, Readonly<Record<string, (text: string) => string>>>> = {
  String: { String: jsonOf },
  Currency: { String: jsonOf },
  Int: { Int: (text) => text },
  Boolean: { Boolean: (text) => text },
  BigInt: { BigInt: (text) => `"${text}"` },
  DateTime: { DateTime: (text) => `"${isoOf(text)}"` },
}

/** The JSON of a column in a field of this type; `slot` is its place in a row. */
export function columnWriter(type: GraphQLOutputType, column: Column): (slot: number) => WriteRow {
  const isRequired = isNonNullType(type)
  const inner = getNullableType(type)
  if (isListType(inner) !== column.isList) return leave(`a list, or not, of the column ${column.name}`)
  const named = getNamedType(inner)
  if (!isLeafType(named)) return leave(`an object of the column ${column.name}`)
  const write = leafOfText(named, column)
  if (isListType(inner)) {
    const areRequired = isNonNullType(inner.ofType)
    return (slot) => (row, writing) => {
      const text = row[slot] as Text
      const items = text === null ? [] : valuesOf(text)
      writing.units += items.length * LEAF_UNITS
      return `[${items.map((item) => (item === null ? none(areRequired) : write(item))).join(',')}]`
    }
  }
  return (slot) => (row, writing) => {
    writing.units += LEAF_UNITS
    const text = row[slot] as Text
    return text === null ? none(isRequired) : write(text)
  }
}

function none(isRequired: boolean): string {
  if (isRequired) throw new Unwritable('null in a field that is never null')
  return 'null'
}

function leafOfText(type: GraphQLLeafType, column: Column): (text: string) => string {
  if (type instanceof GraphQLEnumType) {
    const names = new Map(type.getValues().map(({ name, value }) => [value as unknown, jsonOf(name)]))
    return (text) => {
      const name = names.get(text)
      if (name === undefined) throw new Unwritable(`${type.name} has no ${text}`)
      return name
    }
  }
  const known = column.isEnum ? undefined : FROM_TEXT[type.name]?.[column.type]
  return known ?? leave(`${type.name} of a column of type ${column.type}`)
}

/** The values of columns that a computed field is made of, by their names. */
export function rowWriter(
  columns: readonly (readonly [name: string, slot: number, column: Column])[],
): (row: readonly Text[]) => object {
  const parts = columns.map(([name, slot, column]) => [name, slot, columnDecoder(column)] as const)
  return (row) => {
    const made: Record<string, unknown> = {}
    for (const [name, slot, decode] of parts) made[name] = decode(row[slot] as Text)
    return made
  }
}

export type ValueOptions = { readonly asked: Asked; readonly prices: Prices }

/** The JSON of what a field returns. */
export function valueWriter(options: ValueOptions, type: GraphQLOutputType, field: AskedField): WriteValue {
  const isRequired = isNonNullType(type)
  const write = nullableWriter(options, getNullableType(type), field)
  return (value, writing) => {
    if (value !== null && value !== undefined) return write(value, writing)
    if (isRequired) throw new Unwritable('null in a field that is never null')
    writing.units += LEAF_UNITS
    return 'null'
  }
}

function nullableWriter(options: ValueOptions, type: GraphQLOutputType, field: AskedField): WriteValue {
  if (isListType(type)) {
    const write = valueWriter(options, type.ofType, field)
    return (value, writing) => {
      if (!Array.isArray(value)) throw new Unwritable('a list that is none')
      return `[${value.map((item) => write(item, writing)).join(',')}]`
    }
  }
  if (isLeafType(type)) return leafWriter(type, options.prices)
  if (!isObjectType(type) || type.extensions.isValue !== true)
    return leave(`${getNamedType(type).name} is no plain value`)
  return objectWriter(options, fieldsOf(options.asked, type, setsOf(field.nodes)), (asked) => {
    if (asked.name === '__typename') return constantWriter(type.name)
    const declared = type.getFields()[asked.name]
    if (declared === undefined) return leave(`${type.name} has no ${asked.name}`)
    const write = valueWriter(options, declared.type, asked)
    const { resolve } = declared
    const args = argumentsOf(declared, asked.nodes[0] as never)
    if (!args.areConstant) return leave(`${type.name}.${asked.name} takes a variable`)
    if (resolve === undefined)
      return (value, writing) => write((value as Readonly<Record<string, unknown>>)[asked.name], writing)
    // A value's resolvers take the value alone (schema-rules.ts), and guards the context.
    return (value, writing) => write(resolve(value, args.of({}), writing.context, null as never), writing)
  })
}

function constantWriter(text: string): WriteValue {
  const json = jsonOf(text)
  return (_value, writing) => {
    writing.units += LEAF_UNITS
    return json
  }
}

/** An object of a value's fields. */
function objectWriter(
  { prices }: ValueOptions,
  fields: readonly AskedField[],
  partOf: (field: AskedField) => WriteValue,
): WriteValue {
  const units = OBJECT_UNITS + priceOf(prices, fields)
  const write = writeObject(fields, fields.map(partOf))
  return (value, writing) => {
    if (typeof value !== 'object') throw new Unwritable('an object that is none')
    writing.units += units
    return write(value, writing, undefined)
  }
}

/** The units of an object's fields with a price. */
export function priceOf(prices: Prices, fields: readonly AskedField[]): number {
  return fields.reduce((sum, { key }) => sum + (prices.get(key) ?? 0) * UNITS_PER_POINT, 0)
}

type Write<A, B, C> = (one: A, two: B, three: C) => string

/** The JSON of an object whose fields' values are written by `writers`. */
export function writeObject<A, B, C>(
  fields: readonly AskedField[],
  writers: readonly Write<A, B, C>[],
): Write<A, B, C> {
  const heads = fields.map(headOf)
  const { length } = writers
  return (one, two, three) => {
    let json = '{'
    // By index: a loop over pairs takes twice the time.
    for (let index = 0; index < length; index += 1)
      json += (heads[index] as string) + (writers[index] as Write<A, B, C>)(one, two, three)
    return `${json}}`
  }
}

/** The text before a field's value. */
export function headOf({ key }: AskedField, index: number): string {
  return `${index === 0 ? '' : ','}${jsonOf(key)}:`
}

function leafWriter(type: GraphQLLeafType, prices: Prices): WriteValue {
  return (value, writing) => {
    const served: unknown = type.serialize(value)
    if (served === undefined || served === null || served instanceof Promise)
      throw new Unwritable(`${type.name} has no such value`)
    writing.units += typeof served === 'object' ? weigh(served, prices, true).units : LEAF_UNITS
    return JSON.stringify(served)
  }
}
