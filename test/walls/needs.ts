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
import type { Data } from '../support/api.ts'
import { type Field, isWalkable, type Place, placesOf, stepThrough } from '../support/operations.ts'

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
  return fieldsOfRecord(schema, place).flatMap((field) => {
    const more = neededFor(schema, field).filter((permission) => !needed.includes(permission))
    if (more.length === 0) return []
    const record = recordWith(schema, place, `${field.name} ${emptySelection(field.type)}`)
    const selection = `{ ${record} userErrors { message } }`
    const shown = field.name
    return {
      place,
      selection,
      needed: [...needed, ...new Set(more)],
      around: needed,
      shown,
    }
  })
}

/** The field of a mutation's payload with its record: of one over many rows, the field of a row. */
export function recordIn(schema: GraphQLSchema, place: Place): Field {
  const shown = objectIn(schema, place.field)
  return isOfRows(shown) ? objectIn(schema, shown) : shown
}

/** In a payload: the record, called `record`, with a selection of its own. */
export function recordWith(schema: GraphQLSchema, place: Place, selection: string): string {
  const shown = objectIn(schema, place.field)
  const record = `record: ${recordIn(schema, place).name} { ${selection} }`
  return isOfRows(shown) ? `${shown.name} { ${record} }` : record
}

/** The record in the answer to such a selection: of several rows, the first one's. */
export const recordOf = (payload: Data): Data =>
  (payload.rows === undefined ? payload : payload.rows[0])?.record ?? null

const isOfRows = ({ name }: Field) => name === 'rows'

function objectIn(schema: GraphQLSchema, { name, type }: Field): Field {
  const payload = schema.getType(getNamedType(type).name) as GraphQLObjectType
  const shown = Object.values(payload.getFields()).find(
    (field) => field.name !== 'userErrors' && isObjectType(getNamedType(field.type)),
  )
  if (shown === undefined) throw new Error(`${name} shows no record`)
  return shown
}

function fieldsOfRecord(schema: GraphQLSchema, place: Place): Field[] {
  const type = getNamedType(recordIn(schema, place).type) as GraphQLObjectType
  return Object.values(type.getFields())
}

/** Whether the mutation deletes its record. */
export function deletes({ field }: Place): boolean {
  const payload = getNamedType(field.type)
  return isObjectType(payload) && 'deletedId' in payload.getFields()
}

/** A mutation's record without further permissions: its leaves, and values that need none. */
export function ownSelection(schema: GraphQLSchema, place: Place): string {
  const isOpen = (field: Field) => neededFor(schema, field).length === 0
  const own = fieldsOfRecord(schema, place).flatMap((field) => {
    const type = getNamedType(field.type)
    if (!isOpen(field)) return []
    if (isLeafType(type)) return field.name
    if (!isObjectType(type)) return []
    const leaves = Object.values(type.getFields()).filter(
      (leaf) => isLeafType(getNamedType(leaf.type)) && isOpen(leaf),
    )
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
        reached.push({ type: next, path: [...path, stepThrough(field)], around: needed })
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
