// Owns: what each operation of the schema needs, read from the schema alone and not by the code under test. A new query,
// field, type or mutation joins by existing.
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
  /** All of them, each by itself: whoever lacks one is refused. */
  needed: readonly Permission[]
}

const of = (extensions: Field['extensions']): Permission[] =>
  typeof extensions.permission === 'string' ? [extensions.permission as Permission] : []

/** What naming the field in a document asks for: its own permission, and its type's. */
function neededFor(schema: GraphQLSchema, { extensions, type }: Field): Permission[] {
  return [...of(extensions), ...of(schema.getType(getNamedType(type).name)?.extensions ?? {})]
}

const emptySelection = (type: GraphQLOutputType) => (isLeafType(getNamedType(type)) ? '' : '{ __typename }')

/** Every mutation, asked for nothing that needs more than itself. */
export function mutationsOf(schema: GraphQLSchema): Operation[] {
  return placesOf(schema)
    .filter(({ operation }) => operation === 'mutation')
    .map((place) => ({
      place,
      selection: '{ userErrors { message } }',
      needed: of(place.field.extensions),
    }))
}

/**
 * The same, asked for each thing that hangs on its record and needs a permission besides. The record itself needs none: who
 * made or changed it is shown it by itself.
 */
export function showingRecord(schema: GraphQLSchema, { place, needed }: Operation): Operation[] {
  return relatedIn(schema, place).flatMap(({ record, field }) => {
    const more = neededFor(schema, field).filter((permission) => !needed.includes(permission))
    if (more.length === 0) return []
    const selection = `{ ${record.name} { ${field.name} ${emptySelection(field.type)} } userErrors { message } }`
    const name = `${place.name} ${record.name}.${field.name}`
    return { place: { ...place, name }, selection, needed: [...needed, ...new Set(more)] }
  })
}

/** The field of a mutation's payload that shows its record. */
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

/** What a mutation's record shows by itself: its leaves, and values that need no permission of their own. */
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

/** What it takes to be shown a mutation's record whoever changed it; null: nothing more than to be here. */
export function readsRecord(schema: GraphQLSchema, place: Place): Permission | null {
  const { permission, nodePermission = permission } = getNamedType(recordIn(schema, place).type).extensions
  return (nodePermission as Permission | undefined) ?? null
}

/**
 * Every query, and every field further down that needs something which its way there does not. What the ids of a
 * `node` need depends on the ids.
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
      reads.push({ place, selection: emptySelection(field.type), needed })
    }
  }
  return reads
}

/** What it takes to look a type of node up by its id. */
export function neededByNode(schema: GraphQLSchema, type: string): Permission {
  const { permission, nodePermission } = schema.getType(type)?.extensions ?? {}
  return (permission ?? nodePermission) as Permission
}
