// Where the API shows the columns of a model's rows: `priceMinor` in `price`, `city` in `address.city`, `customerId` as the id
// of `customer`. Read from what the fields of the model's type declare to need (projection.ts). Pure.
import { type GraphQLField, type GraphQLSchema, getNamedType, isObjectType } from 'graphql'
import { type ModelName, modelOf } from '../db/register.ts'
import { MONEY_TYPE } from './money.ts'
import type { Projection } from './projection.ts'

/** A field's path in the API, and what the column has of it. */
export type ShownColumn =
  | { readonly path: string; readonly has: 'VALUE' | 'CURRENCY' }
  /** The key of an object of this type. */
  | { readonly path: string; readonly has: 'KEY'; readonly type: string }
  /** The minor units of an amount whose currency is in another column. */
  | { readonly path: string; readonly has: 'AMOUNT'; readonly currency: string }

export type ShownColumns = ReadonlyMap<string, ShownColumn>

/** `weight`: of several fields that show a column, the one with the least is taken. */
type Found = { readonly column: string; readonly shown: ShownColumn; readonly weight: number }

/** Another table's columns, in a field of a field, come last. */
const NESTED_WEIGHT = 100

const NONE: ShownColumns = new Map()
const known = new WeakMap<GraphQLSchema, Map<string, ShownColumns>>()

/** The columns of a type's model that the API shows; none where the type is not of a model, or not of the API. */
export function shownColumns(schema: GraphQLSchema, typeName: string): ShownColumns {
  const types = known.get(schema) ?? new Map<string, ShownColumns>()
  known.set(schema, types)
  const present = types.get(typeName)
  if (present !== undefined) return present
  const columns = columnsOfType(schema, typeName)
  types.set(typeName, columns)
  return columns
}

function columnsOfType(schema: GraphQLSchema, typeName: string): ShownColumns {
  const type = schema.getType(typeName)
  const model = isObjectType(type) ? (type.extensions.model as ModelName | undefined) : undefined
  if (!isObjectType(type) || model === undefined) return NONE
  const found = Object.values(type.getFields()).flatMap((field) => shownBy(schema, model, field))
  // A stable sort: of equal weights the last one stays, so that the first field is taken.
  const best = found.toSorted((one, other) => other.weight - one.weight)
  return new Map(best.map(({ column, shown }) => [column, shown]))
}

type Field = GraphQLField<unknown, unknown>

function shownBy(schema: GraphQLSchema, model: ModelName, field: Field): readonly Found[] {
  const needs = field.extensions.projection as Projection | undefined
  if (needs === undefined) {
    const column = columnOf(field)
    if (!modelOf(model).columns.has(column)) return []
    return [{ column, shown: { path: field.name, has: 'VALUE' }, weight: 1 }]
  }
  if ('one' in needs) return ofRelation(schema, model, field, needs.one)
  return 'columns' in needs ? ofColumns(field, needs.columns) : []
}

/** The column of a field that exposes one. */
function columnOf({ name, extensions }: Field): string {
  const { pothosExposedField } = extensions as { readonly pothosExposedField?: string }
  return pothosExposedField ?? name
}

function ofRelation(
  schema: GraphQLSchema,
  model: ModelName,
  { name, type }: Field,
  relation: string,
): readonly Found[] {
  const { model: target, fields = [] } = modelOf(model).relations.get(relation) ?? {}
  const keys = fields.filter((field) => field !== 'tenantId')
  if (target !== undefined && keys.length > 0)
    return keys.map((column) => ({ column, shown: { path: name, has: 'KEY', type: target }, weight: 1 }))
  // The other table has the key: a variant's stock level.
  return [...shownColumns(schema, getNamedType(type).name)].map(([column, shown]) => ({
    column,
    shown: { ...shown, path: `${name}.${shown.path}` },
    weight: NESTED_WEIGHT,
  }))
}

function ofColumns({ name, type }: Field, columns: readonly string[]): readonly Found[] {
  const named = getNamedType(type)
  const weight = columns.length
  const [first, second] = columns
  if (named.name === MONEY_TYPE) {
    // A field of more columns is computed.
    if (first === undefined || second === undefined || weight > 2) return []
    return [
      { column: first, shown: { path: name, has: 'AMOUNT', currency: second }, weight },
      { column: second, shown: { path: name, has: 'CURRENCY' }, weight },
    ]
  }
  if (isObjectType(named) && weight > 1)
    return Object.values(named.getFields()).flatMap((part): Found[] => {
      const column = columnOf(part)
      if (!columns.includes(column)) return []
      return [{ column, shown: { path: `${name}.${part.name}`, has: 'VALUE' }, weight }]
    })
  // Of several columns the one of its name: a status that also depends on the time.
  const column = weight === 1 ? first : columns.find((one) => one === name)
  return column === undefined ? [] : [{ column, shown: { path: name, has: 'VALUE' }, weight }]
}
