// The types, fields, arguments, inputs and values of a schema that have no description.
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isScalarType,
  isUnionType,
} from 'graphql'

type Described = { readonly name: string; readonly description?: string | null | undefined }

/** Their paths, such as `Order.total` or `Query.orders(filter)`. */
export function undescribed(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap())
    .filter(({ name }) => !name.startsWith('__'))
    .flatMap((type) => [...without([type], ''), ...partsOf(type)])
}

function partsOf(type: GraphQLNamedType): string[] {
  if (isScalarType(type) || isUnionType(type)) return []
  const prefix = `${type.name}.`
  if (isEnumType(type)) return without(type.getValues(), prefix)
  const fields = Object.values(type.getFields())
  if (isInputObjectType(type)) return without(fields, prefix)
  return Object.values(type.getFields()).flatMap((field) => [
    ...without([field], prefix),
    ...without(field.args, `${prefix}${field.name}(`).map((path) => `${path})`),
  ])
}

function without(described: readonly Described[], prefix: string): string[] {
  return described.filter(({ description }) => !description).map(({ name }) => `${prefix}${name}`)
}
