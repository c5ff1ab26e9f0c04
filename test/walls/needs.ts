// The permissions of each operation of the schema, read from the schema and not by the code under test. New queries,
// fields, types and mutations are covered without further work.
import {
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isObjectType,
} from 'graphql'
import type { Permission } from '../../src/auth/permissions.ts'
import { type Field, isWalkable, PARENTS, type Place, placesOf } from '../support/operations.ts'

export interface Operation {
  place: Place
  selection: string
  /** All of them are required: a caller who lacks one is refused. */
  needed: readonly Permission[]
  /** Those of the fields around it. */
  around: readonly Permission[]
  /** The field that shows what needs them, where it is not the answer itself. */
  shown?: string
}

const of = (extensions: Field['extensions']): Permission[] =>
  typeof extensions.permission === 'string' ? [extensions.permission as Permission] : []

/** The permissions for a field in a document: its own, and its type's. */
function neededFor(schema: GraphQLSchema, { extensions, type }: Field): Permission[] {
  return [...of(extensions), ...of(schema.getType(getNamedType(type).name)?.extensions ?? {})]
}

const emptySelection = (type: GraphQLOutputType) => (isLeafType(getNamedType(type)) ? '' : '{ __typename }')

/** Every mutation, without fields that need more than the mutation itself. */
export function mutationsOf(schema: GraphQLSchema): Operation[] {
  return placesOf(schema)
    .filter(({ operation }) => operation === 'mutation')
    .map((place) => ({
      place,
      selection: '{ userErrors { message } }',
      needed: of(place.field.extensions),
      around: [],
    }))
}

/**
 * The same, with each field of its record that needs another permission. The record itself needs none, since the caller
 * who made or changed it may see it.
 */
export function showingRecord(schema: GraphQLSchema, { place, needed }: Operation): Operation[] {
  return relatedIn(schema, place).flatMap(({ record, field }) => {
    const more = neededFor(schema, field).filter((permission) => !needed.includes(permission))
    if (more.length === 0) return []
    const selection = `{ ${record.name} { ${field.name} ${emptySelection(field.type)} } userErrors { message } }`
    const name = `${place.name} ${record.name}.${field.name}`
    const shown = field.name
    return {
      place: { ...place, name },
      selection,
      needed: [...needed, ...new Set(more)],
      around: needed,
      shown,
    }
  })
}

/** The field of a mutation's payload with its record. */
export function recordIn(schema: GraphQLSchema, { field }: Place): Field {
  const payload = schema.getType(getNamedType(field.type).name) as GraphQLObjectType
  const record = Object.values(payload.getFields()).find(
    ({ name, type }) => name !== 'userErrors' && isObjectType(getNamedType(type)),
  )
  if (record === undefined) throw new Error(`${field.name} shows no record`)
  return record
}

function relatedIn(schema: GraphQLSchema, place: Place): { record: Field; field: Field }[] {
  const record = recordIn(schema, place)
  const type = getNamedType(record.type) as GraphQLObjectType
  return Object.values(type.getFields()).map((field) => ({ record, field }))
}

/** A mutation's record without further permissions: its leaves, and values that need none. */
export function ownSelection(schema: GraphQLSchema, place: Place): string {
  const own = relatedIn(schema, place).flatMap(({ field }) => {
    const type = getNamedType(field.type)
    if (isLeafType(type)) return field.name
    if (!isObjectType(type) || neededFor(schema, field).length > 0) return []
    const leaves = Object.values(type.getFields()).filter(({ type }) => isLeafType(getNamedType(type)))
    return `${field.name} { ${leaves.map(({ name }) => name).join(' ')} }`
  })
  return own.join(' ')
}

/** The permission to read a mutation's record, also one that the caller did not change; null: none. */
export function readsRecord(schema: GraphQLSchema, place: Place): Permission | null {
  const { permission, nodePermission = permission } = getNamedType(recordIn(schema, place).type).extensions
  return (nodePermission as Permission | undefined) ?? null
}

/**
 * Every query, and every nested field that needs a permission which its path does not. The permissions of `node` depend
 * on the ids.
 */
export function readsOf(schema: GraphQLSchema): Operation[] {
  const query = schema.getQueryType()
  if (!query) return []
  const reads: Operation[] = []
  const reached = [{ type: query, path: [] as string[], around: [] as Permission[] }]
  const seen = new Set<string>()
  for (const { type, path, around } of reached) {
    for (const field of Object.values(type.getFields())) {
      const own = neededFor(schema, field)
      const needed = [...new Set([...around, ...own])]
      const next = schema.getType(getNamedType(field.type).name)
      if (isObjectType(next) && isWalkable(field) && !seen.has(next.name)) {
        seen.add(next.name)
        const step = field.args.length > 0 ? `${field.name}(first: ${PARENTS})` : field.name
        reached.push({ type: next, path: [...path, step], around: needed })
      }
      const isRoot = path.length === 0
      if (isRoot ? !isLeafType(next) && !isObjectType(next) : own.length === 0) continue
      const name = isRoot ? `query ${field.name}` : `${type.name}.${field.name}`
      const place: Place = { name, operation: 'query', path, field }
      reads.push({ place, selection: emptySelection(field.type), needed, around })
    }
  }
  return reads
}

/** The permission to look up a node type by its id. */
export function neededByNode(schema: GraphQLSchema, type: string): Permission | undefined {
  const { permission, nodePermission } = schema.getType(type)?.extensions ?? {}
  return (permission ?? nodePermission) as Permission | undefined
}
