// The rules that the assembled schema is checked against at the start: permissions, id prefixes, sizes of lists, what is made of
// columns or a value alone. Each problem is one line that names the type or field, and what to write there.
import { isAsyncFunction } from 'node:util/types'
import {
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { isPermission } from '../auth/permissions.ts'
import type { ModelName } from '../db/register.ts'
import type { Projection } from './projection.ts'
import { VISIBILITY } from './visibility.ts'

type Field = GraphQLField<unknown, unknown>
type Place = { readonly parent: GraphQLNamedType; readonly field: Field; readonly isRoot: boolean }

/** `nodes`: the node types, by the prefixes of their ids. */
export function schemaProblems(schema: GraphQLSchema, nodes: ReadonlyMap<string, string>): string[] {
  const places = placesOf(schema)
  return [
    ...typesWithRows(schema, places).flatMap(typeProblems),
    ...places.flatMap((place) => [
      ...fieldProblems(schema, place),
      ...listProblems(place),
      ...hiddenProblems(place),
      ...computedProblems(place),
      ...valueProblems(place),
    ]),
    ...unknownPermissions(schema, places),
    ...nodeProblems(schema, nodes),
    ...places.flatMap(idProblems),
  ]
}

function placesOf(schema: GraphQLSchema): Place[] {
  const roots: readonly unknown[] = [
    schema.getQueryType(),
    schema.getMutationType(),
    schema.getSubscriptionType(),
  ]
  return ownTypes(schema).flatMap((parent) =>
    isObjectType(parent) || isInterfaceType(parent)
      ? Object.values(parent.getFields()).map((field) => ({ parent, field, isRoot: roots.includes(parent) }))
      : [],
  )
}

/** All but the introspection types. */
function ownTypes(schema: GraphQLSchema): GraphQLNamedType[] {
  return Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))
}

/**
 * Types of a model, nodes, and targets of a relation: each shows a row, so its parent's permission does not cover it.
 */
function typesWithRows(schema: GraphQLSchema, places: readonly Place[]): GraphQLObjectType[] {
  const related = new Set(
    places.flatMap(({ field }) => {
      const projection = field.extensions.projection as Projection | undefined
      return projection !== undefined && !('columns' in projection) ? [getNamedType(field.type)] : []
    }),
  )
  return ownTypes(schema)
    .filter(isObjectType)
    .filter((type) => hasModel(type) || related.has(type))
}

function hasModel(type: GraphQLObjectType): boolean {
  return type.extensions.model !== undefined || isNode(type)
}

function typeProblems({ name, extensions }: GraphQLObjectType): string[] {
  const isGuarded = guards(extensions) || typeof extensions.nodePermission === 'string'
  return isGuarded ? [] : [`type ${name} shows records and has no permission: ${WRITE_TYPE}`]
}

const WRITE = `permission: 'area:read', or noPermission: 'why it needs none'`
const WRITE_TYPE = `write ${WRITE} in the extensions of the type`
const WRITE_FIELD = `write ${WRITE} in the extensions of the field`

/** Whether a type or a field has a permission, or a reason to need none. */
function guards({ permission, noPermission }: Field['extensions']): boolean {
  return typeof permission === 'string' || (typeof noPermission === 'string' && noPermission !== '')
}

function fieldProblems(schema: GraphQLSchema, { parent, field, isRoot }: Place): string[] {
  const type = getNamedType(field.type)
  if (guards(field.extensions)) return []
  const place = `${parent.name}.${field.name}`
  if (isRoot) {
    if (typeof type.extensions.permission === 'string') return []
    return [`${place} has no permission, and neither has its type ${type.name}: ${WRITE_FIELD}`]
  }
  if (field.extensions.showsOwnRecord === true) return []
  if (isObjectType(type) && typeof type.extensions.nodePermission === 'string' && !guards(type.extensions))
    return [
      `${place} shows a ${type.name}, whose nodePermission is checked only by node and nodes: ${WRITE_FIELD}`,
    ]
  if (isAbstractType(type) && schema.getPossibleTypes(type).some(hasModel))
    return [`${place} shows a ${type.name}, whose types have permissions of their own: ${WRITE_FIELD}`]
  return []
}

/** A row that the caller's view does not have is null where it is not one of a list. */
function hiddenProblems({ parent, field }: Place): string[] {
  const type = getNamedType(field.type)
  const isHideable = VISIBILITY.has(type.extensions.model as ModelName)
  const isOfList = isListType(getNullableType(field.type)) || parent.name.endsWith('Edge')
  if (!isHideable || isOfList || isConnection(type) || !isNonNullType(field.type)) return []
  return [
    `${parent.name}.${field.name} is never null, and a ${type.name} may be hidden from the caller: write nullable: true`,
  ]
}

const PAGE_ARGUMENTS = ['first', 'after', 'last', 'before']

function listProblems({ parent, field }: Place): string[] {
  const type = getNamedType(field.type)
  const place = `${parent.name}.${field.name}`
  if (isConnection(type)) {
    const missing = PAGE_ARGUMENTS.filter((name) => !field.args.some((argument) => argument.name === name))
    return missing.length === 0 ? [] : [`${place} is a connection without ${missing.join(', ')}: ${PAGED}`]
  }
  const { listSize, listMax } = field.extensions
  const isBounded = typeof listSize === 'number' || typeof listMax === 'number' || isConnection(parent)
  if (!isListType(getNullableType(field.type)) || isBounded) return []
  return [`${place} is an unbounded list: ${BOUNDED}`]
}

const PAGED = 'write args: pageArgs(t.arg), and read it by readField and page'
const BOUNDED =
  'write listSize: <the expected number> in the extensions of the field (listMax: <the maximum>, for a field that takes ids), ' +
  'or make it a connection'

export function isConnection(type: GraphQLNamedType | GraphQLCompositeType): boolean {
  return isObjectType(type) && type.name.endsWith('Connection')
}

/** What `of` makes of the columns is the field's value in every answer: a compiled one passes it no arguments and awaits nothing. */
function computedProblems({ parent, field }: Place): string[] {
  const projection = field.extensions.projection as Projection | undefined
  if (projection === undefined || !('columns' in projection) || projection.of === undefined) return []
  const place = `${parent.name}.${field.name}`
  return [
    ...(field.args.length > 0 ? [`${place} is computed and takes arguments: ${BY_HAND}`] : []),
    ...(isAsyncFunction(projection.of) ? [`${place} is computed and async: ${BY_HAND}`] : []),
  ]
}

const BY_HAND = 'write projection({ columns }) and a resolver in place of computed'

/** A type whose objects are values: its fields are functions of the object alone. */
function isValueType(type: GraphQLNamedType): boolean {
  return isObjectType(type) && type.extensions.isValue === true
}

function valueProblems({ parent, field }: Place): string[] {
  if (!isValueType(parent)) return []
  const { args, resolve } = field
  const type = getNamedType(field.type)
  const place = `${parent.name}.${field.name}`
  return [
    ...(args.length > 0 ? [`${place} takes arguments, ${OF_VALUE}`] : []),
    ...(resolve !== undefined && resolve.length > 1
      ? [`${place} is resolved of more than the value, ${OF_VALUE}`]
      : []),
    ...(isAsyncFunction(resolve) ? [`${place} is async, ${OF_VALUE}`] : []),
    ...(isCompositeType(type) && !isValueType(type)
      ? [`${place} shows ${type.name}, which is no value, ${OF_VALUE}`]
      : []),
  ]
}

const OF_VALUE = 'in a type of values: change the field, or remove isValue from the extensions of the type'

function unknownPermissions(schema: GraphQLSchema, places: readonly Place[]): string[] {
  const named = [
    ...ownTypes(schema).map(({ name, extensions }) => ({ name, extensions })),
    ...places.map(({ parent, field }) => ({
      name: `${parent.name}.${field.name}`,
      extensions: field.extensions,
    })),
  ]
  return named.flatMap(({ name, extensions: { permission, nodePermission } }) =>
    [permission, nodePermission]
      .filter((needed) => needed !== undefined && !(typeof needed === 'string' && isPermission(needed)))
      .map(
        (needed) =>
          `${name} needs ${String(needed)}, which no module defines: add it to a module with definePermissions`,
      ),
  )
}

/**
 * A client's cache takes `id` for the identity of the object that has it: the id of another object there shows the one as the
 * other.
 */
function idProblems({ parent, field }: Place): string[] {
  if (field.name !== 'id' || parent.name === 'Node' || isNode(parent)) return []
  return [
    `${parent.name}.id is taken by caches for its own, and ${parent.name} is no Node: name it after its object ` +
      `(subjectId) and link that with nodeLink, or make ${parent.name} a Node`,
  ]
}

function isNode(type: GraphQLNamedType): boolean {
  return (
    (isObjectType(type) || isInterfaceType(type)) && type.getInterfaces().some(({ name }) => name === 'Node')
  )
}

function nodeProblems(schema: GraphQLSchema, nodes: ReadonlyMap<string, string>): string[] {
  const types = ownTypes(schema)
    .filter(isObjectType)
    .filter(isNode)
    .map(({ name }) => name)
  const named = new Set(nodes.values())
  return [
    ...types
      .filter((name) => !named.has(name))
      .map(
        (name) =>
          `type ${name} is a Node and has no prefix for its ids: write defineNodes({ prefix: '${name}' }) in its module`,
      ),
    ...[...nodes]
      .filter(([, name]) => !types.includes(name))
      .map(
        ([prefix, name]) =>
          `the prefix ${prefix} belongs to ${name}, which is not a Node of the schema: import its type in the module's graphql.ts, or remove it from defineNodes`,
      ),
  ]
}
