// The fields of a resource: maps a column, a relation or a hand-written part to the API's output and input.
import type { InputFieldRef } from '@pothos/core'
import { z } from 'zod'
import { clearable, emptiable, omittable } from '../../commands/input-rules.ts'
import { type GivenMoney, moneyInput } from '../../commands/money-input.ts'
import { toDecimal } from '../../core/money.ts'
import type { Column, Model, Relation } from '../../db/models.ts'
import { type EnumName, enumValues, type ModelName } from '../../db/register.ts'
import { builder, type SchemaTypes } from '../builder.ts'
import { valuesOfEnum } from '../described-values.ts'
import { MoneyInput, MoneyType } from '../money.ts'
import { nodeId, nodeUuid } from '../node-ids.ts'
import { projection } from '../projection.ts'
import type { MoneyColumns } from '../ranges.ts'
import { enumRef, nodeRef } from '../refs.ts'
import { relation } from '../relations.ts'
import { textBytes } from '../text-bytes.ts'
import { VISIBILITY } from '../visibility.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
export type FieldBuilder = PothosSchemaTypes.ObjectFieldBuilder<Types, { readonly id: string }>
export type InputBuilder = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>
export type Columns = Readonly<Record<string, unknown>>
type Paths = Readonly<Record<string, readonly string[]>>
/** By column: the value of a row's column in the form in which an input has it. */
type Forms = Readonly<Record<string, (row: Columns) => unknown>>

/** The maximum length of a text without its own. */
const TEXT_LENGTH_DEFAULT = 255
/** Longer texts state their length, for the cost of an answer. */
const NAME_BYTES = 255
/** The maximum and the assumed number of values of a list column. */
const VALUES_MAX = 100
const VALUES_EXPECTED = 10
const INT_MAX = 2 ** 31 - 1
/** Large enough for any price, and small enough that a hundred lines of ten thousand pieces fit into 64 bits. */
const MONEY_MINOR_MAX = 1_000_000_000_000n

/** A column as a field of the same name. All options have defaults that follow from the column. */
export type FieldOptions = {
  readonly description?: string
  /** Whether mutations accept it; `create`: only on creation. Default: true. */
  readonly writable?: boolean | 'create'
  /**
   * The validation rule. Default: by the column's type; a text is trimmed, and may be empty only where the column has a
   * default.
   */
  readonly rule?: z.ZodType
  /** The maximum length of a text. Default: the column's own, or 255. */
  readonly length?: number
  /** Whether a create requires it. Default: the column is not nullable and has no default. */
  readonly required?: boolean
  /** The only values of an enum that a create accepts. */
  readonly initial?: readonly string[]
  /** The message when another record has the value of a unique column. */
  readonly taken?: string
  /** Makes a valid value, a different one each time, for the generated tests. Default: by the column's type. */
  readonly sample?: () => unknown
}

/** A field of several columns: `money(…)`, or a hand-written one. Without `input` it cannot be written. */
export type Part = {
  readonly description?: string
  /** The columns that it is read from. */
  readonly columns: readonly string[]
  readonly type: unknown
  readonly nullable?: boolean
  /** Its value, of these columns alone. Synchronous. */
  readonly resolve: (row: never) => unknown
  /** Its type makes its fields' JSON from the columns' texts (projection.ts). */
  readonly passesTexts?: boolean
  /** The column by which a list is sorted; without it lists cannot be sorted by the part. */
  readonly sort?: string
  /** The columns of an amount of money, by which a list can be filtered. */
  readonly money?: MoneyColumns
  readonly input?: PartInput
}

export type PartInput = {
  readonly type: unknown
  readonly rule: z.ZodType
  /** Default: true. */
  readonly required?: boolean
  /** The columns of a value. Undefined ones stay unchanged. */
  readonly columnsOf: (value: never) => Columns
  /** The columns of null; without them null is refused. */
  readonly clears?: Columns
  /** The paths of its columns in the part's value, for user errors: `{ priceMinor: ['amountMinor'] }`. */
  readonly paths?: (value: never) => Paths
  /** The columns' values in the form of the part's value, where that is not the column's: for conflicts. */
  readonly forms?: (value: never) => Forms
  readonly sample?: () => unknown
}

export type RelationOptions = {
  readonly description?: string
  /** Whether mutations accept its id; `create`: only on creation. Default: true. */
  readonly writable?: boolean | 'create'
}

/** One field, ready for types, inputs and lists. */
export type Field = {
  readonly name: string
  readonly output: (t: FieldBuilder) => unknown
  readonly input: FieldInput | null
  readonly sort: string | null
  readonly money?: MoneyColumns
}

/** It clears the column; it empties a text that is never null; it is refused as REQUIRED. */
type WhenNull = 'CLEARS' | 'EMPTIES' | 'REFUSED'

export type FieldInput = {
  readonly name: string
  readonly writable: true | 'create'
  readonly required: boolean
  /** What null does where the input may be left out. */
  readonly whenNull: WhenNull
  readonly field: (
    t: InputBuilder,
    options: { readonly required: boolean; readonly isNew: boolean },
  ) => InputFieldRef<Types, unknown>
  readonly rule: z.ZodType
  /** Replaces `rule` for a create. */
  readonly initialRule?: z.ZodType
  readonly columnsOf: (value: never) => Columns
  /** The columns that it sets. */
  readonly columns: readonly string[]
  /** The paths of its columns in the input. */
  readonly pathsOf: (value: never) => Paths
  /** The columns’ values in the form of a given value, for conflicts. */
  readonly formsOf: (value: never) => Forms
  /** For a unique column. */
  readonly taken?: string
}

export function columnField(name: string, column: Column, options: FieldOptions): Field {
  const { description = column.description, writable = true } = options
  const length = options.length ?? column.size ?? TEXT_LENGTH_DEFAULT
  const isText = column.type === 'String'
  const type = outputType(column)
  return {
    name,
    output: (t) =>
      t.expose(
        name as never,
        {
          type: (column.isList ? [type] : type) as never,
          nullable: column.isNullable as never,
          ...(description !== undefined && { description }),
          extensions: {
            ...(isText && length > NAME_BYTES && textBytes(length).extensions),
            ...(column.isList && { listSize: VALUES_EXPECTED }),
          },
        } as never,
      ),
    input:
      writable === false ? null : columnInput(name, column, { ...options, description, writable, length }),
    sort: name,
  }
}

function columnInput(
  name: string,
  column: Column,
  options: Omit<FieldOptions, 'description' | 'writable' | 'length'> & {
    readonly description: string | undefined
    readonly writable: true | 'create'
    readonly length: number
  },
): FieldInput {
  const { description, writable, length, initial, sample, taken } = options
  const rule =
    options.rule ?? (column.isList ? z.array(ruleOf(column, length)).max(VALUES_MAX) : ruleOf(column, length))
  const type = outputType(column)
  const newType =
    initial &&
    builder.enumType(`New${column.type}`, {
      description: `${column.type} of a new record.`,
      values: valuesOfEnum(column.type, initial),
    })
  return {
    name,
    writable,
    required: options.required ?? (!column.isNullable && !column.hasDefault),
    whenNull: whenNullOf(column),
    field: (t, { required, isNew }) => {
      const shown = isNew && newType !== undefined ? newType : type
      return t.field({
        type: (column.isList ? [shown] : shown) as never,
        required: required as never,
        ...(description !== undefined && { description }),
        ...(sample !== undefined && { extensions: { sample } }),
      })
    },
    rule,
    ...(initial && { initialRule: z.enum(initial as [string, ...string[]]) }),
    columnsOf: (value: unknown) => ({ [name]: value }),
    columns: [name],
    pathsOf: () => ({ [name]: [name] }),
    formsOf: () => ({}),
    ...(taken !== undefined && { taken }),
  }
}

function whenNullOf({ type, isList, isNullable, hasDefault }: Column): WhenNull {
  if (isNullable) return 'CLEARS'
  return type === 'String' && !isList && hasDefault ? 'EMPTIES' : 'REFUSED'
}

const OPTIONAL = { CLEARS: clearable, EMPTIES: emptiable, REFUSED: omittable } as const

/** The rule of an input that may be left out. */
export function optionalRule({ whenNull, rule }: Pick<FieldInput, 'whenNull' | 'rule'>): z.ZodType {
  return OPTIONAL[whenNull](rule)
}

/** The API's type of a column. Throws for a column that needs a part. */
export function outputType(column: Column): unknown {
  if (column.isEnum) return enumRef(column.type as EnumName)
  if (!SCALARS.has(column.type))
    throw new Error(`a column of type ${column.type} takes a part that says how it is shown`)
  return column.type
}
const SCALARS: ReadonlySet<string> = new Set(['String', 'Int', 'BigInt', 'Boolean', 'DateTime'])

function ruleOf(column: Column, length: number): z.ZodType {
  if (column.isEnum) return z.enum(enumValues(column.type) as [string, ...string[]])
  switch (column.type) {
    case 'String': {
      const text = z.string().trim().max(length)
      return column.isNullable || column.hasDefault ? text : text.min(1, 'this must not be empty')
    }
    case 'Int':
      return z.int().min(-INT_MAX).max(INT_MAX)
    case 'BigInt':
      return z.int64('this is too large a number')
    case 'Boolean':
      return z.boolean()
    default:
      return z.date()
  }
}

export function partField(name: string, part: Part, model: Model): Field {
  const { columns, type, nullable = false, description, resolve, passesTexts = false, sort, input } = part
  for (const column of columns)
    if (!model.columns.has(column)) throw new Error(`${model.table} has no column ${column} for ${name}`)
  return {
    name,
    output: (t) =>
      t.field({
        type: type as never,
        nullable: nullable as never,
        ...(description !== undefined && { description }),
        ...projection({ columns, of: resolve, ...(passesTexts && { passesTexts }) }),
        resolve: resolve as never,
      }),
    input: input === undefined ? null : partInput(name, part, input),
    sort: sort ?? null,
    ...(part.money !== undefined && { money: part.money }),
  }
}

function partInput(
  name: string,
  { columns, description }: Part,
  {
    type,
    rule,
    required = true,
    columnsOf,
    clears,
    paths = () => ({}),
    forms = () => ({}),
    sample,
  }: PartInput,
): FieldInput {
  return {
    name,
    writable: true,
    required,
    whenNull: clears === undefined ? 'REFUSED' : 'CLEARS',
    field: (t, options) =>
      t.field({
        type: type as never,
        required: options.required as never,
        ...(description !== undefined && { description }),
        ...(sample !== undefined && { extensions: { sample } }),
      }),
    rule,
    columnsOf: (value) => (value === null && clears !== undefined ? clears : columnsOf(value)),
    columns,
    pathsOf: (value) => {
      const inner = value === null ? {} : paths(value)
      return Object.fromEntries(columns.map((column) => [column, [name, ...(inner[column] ?? [])]]))
    },
    formsOf: (value) => (value === null ? {} : forms(value)),
  }
}

/** An amount of money in two columns: minor units, and an ISO 4217 currency. Never negative. */
export function money(
  amount: string,
  currency: string,
  { description, max = MONEY_MINOR_MAX }: MoneyOptions = {},
): Part {
  return {
    ...(description !== undefined && { description }),
    columns: [amount, currency],
    type: MoneyType,
    resolve: (row: Columns) => ({ amountMinor: row[amount], currency: row[currency] }),
    passesTexts: true,
    sort: amount,
    money: { amount, currency },
    input: {
      type: MoneyInput,
      rule: moneyInput({ min: 0n, max }),
      columnsOf: (value: GivenMoney) => ({ [amount]: value.amountMinor, [currency]: value.currency }),
      paths: ({ given }: GivenMoney) => ({ [amount]: [given], [currency]: ['currency'] }),
      forms: ({ given }: GivenMoney) =>
        given === 'amount'
          ? {
              [amount]: (row: Columns) =>
                toDecimal({ amountMinor: row[amount] as bigint, currency: row[currency] as string }),
            }
          : {},
    },
  }
}
type MoneyOptions = { readonly description?: string; readonly max?: bigint }

/** A to-one relation: output as the record, input as its id. Throws where the key is not one column of this model. */
export function relationField(
  name: string,
  relation_: Relation,
  model: Model,
  options: RelationOptions,
): Field {
  const { description = relation_.description, writable = true } = options
  const target = relation_.model as ModelName
  return {
    name,
    output: (t) =>
      t.field({
        type: nodeRef(target) as never,
        // A record that is hidden from the caller is null.
        nullable: (relation_.isNullable || VISIBILITY.has(target)) as never,
        ...(description !== undefined && { description }),
        ...projection({ one: name }),
        resolve: (row, _args, context, info) => relation(row, name, context, info) as never,
      }),
    input: writable === false ? null : relationInput(name, relation_, model, writable),
    sort: null,
  }
}

function relationInput(
  name: string,
  { model: target, fields, isNullable }: Relation,
  model: Model,
  writable: true | 'create',
): FieldInput {
  const key = keyOf(name, fields)
  const isOptional = model.columns.get(key)?.isNullable ?? isNullable
  return {
    name: key,
    writable,
    required: !isOptional,
    whenNull: isOptional ? 'CLEARS' : 'REFUSED',
    field: (t, { required }) => t.id({ required: required as never }) as never,
    rule: z.string().transform((id) => nodeUuid(target as ModelName, id)),
    columnsOf: (value: unknown) => ({ [key]: value }),
    columns: [key],
    pathsOf: () => ({ [key]: [key] }),
    formsOf: () => ({
      [key]: ({ [key]: id }) => (typeof id === 'string' ? nodeId(target as ModelName, id) : null),
    }),
  }
}

/** The column of a relation's key besides the tenant. */
export function keyOf(name: string, fields: readonly string[]): string {
  const [key, another] = fields.filter((field) => field !== 'tenantId')
  if (key === undefined || another !== undefined)
    throw new Error(`the relation ${name} does not stand on one column beside the tenant`)
  return key
}
