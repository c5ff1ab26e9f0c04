// Relay's global object identification: one opaque id per object, and the object for an id.
import type { FieldRef } from '@pothos/core'
import type { GraphQLResolveInfo } from 'graphql'
import { missingError, type Permission } from '../auth/permissions.ts'
import { AppError } from '../core/errors.ts'
import { encodeId } from '../core/ids.ts'
import { readerOf } from '../db/reader/any-model.ts'
import { type ModelName, modelOf } from '../db/register.ts'
import { loadTogether } from './batch.ts'
import { builder, type SchemaTypes } from './builder.ts'
import type { Context } from './context.ts'
import { type NodeName, nodeOf, registerPrefix } from './node-ids.ts'
import { readMany } from './read.ts'

/** What `node` loaded: a row, or an object of a type without a model. */
type NodeObject = object
type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>

const typeOfObject = new WeakMap<NodeObject, string>()

export const Node = builder.interfaceRef<NodeObject>('Node').implement({
  description: 'An object with an id.',
  resolveType: (object) => typeOfObject.get(object) ?? null,
  fields: (t) => ({
    id: t.id({ description: 'Opaque: keep it, compare it, and send it back; do not read it.' }),
  }),
})

type Find = (uuid: string, context: Context) => NodeObject | null

/** Node types without a model: the caller, the roles. */
const withoutModel = new Map<string, Find>()

/**
 * Registers a node type that has no model, with the prefix of its ids, which never changes. `find`: its object for the caller,
 * or null; it reads nothing.
 */
export function defineNodeWithoutModel(prefix: string, name: string, find: Find): (uuid: string) => string {
  registerPrefix(prefix, name)
  withoutModel.set(name, find)
  return (uuid) => encodeId(prefix, uuid)
}

/** The column of a model's ids: a tenant is its own key. */
export function idColumn(name: ModelName): 'id' | 'tenantId' {
  return modelOf(name).columns.has('id') ? 'id' : 'tenantId'
}

/**
 * The objects of these ids, in order, with one statement per type; null for those that this tenant does not have, FORBIDDEN
 * for those whose type the caller may not look up, whether there is such a row or not.
 */
async function load(
  ids: readonly string[],
  context: Context,
  info: GraphQLResolveInfo,
): Promise<(NodeObject | AppError | null)[]> {
  const wanted = ids.map(nodeOf)
  const found = new Map<string, NodeObject | AppError>()
  for (const [name, nodes] of Map.groupBy(
    wanted.filter((node) => node !== null),
    ({ name }) => name,
  )) {
    const asked = [...new Set(nodes.map(({ uuid }) => uuid))]
    const missing = asked.map((uuid) => missingPermission(name, uuid, context, info))
    const allowed = asked.filter((_, place) => missing[place] === null)
    for (const [place, permission] of missing.entries())
      if (permission !== null) found.set(`${name}:${asked[place]}`, missingError(permission))
    if (allowed.length > 0)
      for (const [uuid, object] of await readObjects(name, allowed, context, info)) {
        typeOfObject.set(object, name)
        found.set(`${name}:${uuid}`, object)
      }
  }
  return wanted.map((node) => (node === null ? null : (found.get(`${node.name}:${node.uuid}`) ?? null)))
}

async function readObjects(
  name: string,
  uuids: readonly string[],
  context: Context,
  info: GraphQLResolveInfo,
): Promise<(readonly [uuid: string, object: NodeObject])[]> {
  const find = withoutModel.get(name)
  if (find !== undefined)
    return uuids.flatMap((uuid) => {
      const object = find(uuid, context)
      return object === null ? [] : [[uuid, object] as const]
    })
  const model = name as NodeName
  const key = idColumn(model)
  const rows = await readMany<Record<string, unknown>>(context, info, model, { [key]: { in: [...uuids] } })
  return rows.map((row) => [row[key] as string, row] as const)
}

/** Whether this tenant has the object. Throws FORBIDDEN for a type that the caller may not look up. */
export async function isHere(id: string, context: Context, info: GraphQLResolveInfo): Promise<boolean> {
  const wanted = nodeOf(id)
  if (wanted === null) return false
  const { name, uuid } = wanted
  const missing = missingPermission(name, uuid, context, info)
  if (missing !== null) throw missingError(missing)
  const find = withoutModel.get(name)
  if (find !== undefined) return find(uuid, context) !== null
  const model = name as NodeName
  return (await readerOf(context.db, model).readCount({ where: { [idColumn(model)]: uuid } })) > 0
}

/**
 * The permission that the caller lacks to look up an object, whether there is one or not. A type without a permission where it
 * is shown (a member, to themselves) may have a `nodePermission` for looking it up.
 */
function missingPermission(
  name: string,
  uuid: string,
  { caller }: Context,
  info: GraphQLResolveInfo,
): Permission | null {
  const { permission, nodePermission } = (info.schema.getType(name)?.extensions ?? {}) as {
    permission?: Permission
    nodePermission?: Permission
  }
  if (permission !== undefined && !caller.permissions.has(permission)) return permission
  const isOther = nodePermission !== undefined && uuid !== caller.actor.id
  return isOther && !caller.permissions.has(nodePermission) ? nodePermission : null
}

const AS_LINK = 'null for a caller who may not look the object up'

/**
 * A field that links the object with an id. Null where the type is not of the API, the tenant has no such object, or the
 * caller may not look it up: a link is a convenience, and must not ruin the list around it.
 */
export function nodeLink<Parent>(
  t: PothosSchemaTypes.ObjectFieldBuilder<Types, Parent>,
  idOf: (parent: Parent) => string | null,
): FieldRef<Types, NodeObject | null | undefined> {
  return t.field({
    type: Node,
    nullable: true,
    description: 'The object; null where it is no object of the API, or not yours to read.',
    extensions: { noPermission: AS_LINK },
    resolve: async (parent, _args, context, info) => {
      const id = idOf(parent as Parent)
      if (id === null || nodeOf(id) === null) return null
      const found = await loadTogether(context, info.fieldNodes, id, async (ids) => {
        const objects = await load(ids, context, info)
        const shown = objects.map((object) => (object instanceof AppError ? null : object))
        return new Map(ids.map((one, place) => [one, shown[place] ?? null]))
      })
      return found ?? null
    },
  })
}

const BY_TYPE = 'each id is looked up with the permission of its own type'

/** The maximum number of ids in a call of `nodes`. */
const NODES_MAX = 100

builder.queryFields((t) => ({
  node: t.field({
    type: Node,
    nullable: true,
    description: 'The object with this id; null when this tenant has none.',
    args: { id: t.arg.id({ required: true }) },
    extensions: { noPermission: BY_TYPE },
    resolve: async (_root, { id }, context, info) => {
      const [found = null] = await load([id], context, info)
      if (found instanceof AppError) throw found
      return found
    },
  }),
  nodes: t.field({
    type: [Node],
    nullable: { list: false, items: true },
    description: `The objects with these ids, in order; null for each that this tenant does not have. At most ${NODES_MAX}.`,
    args: { ids: t.arg.idList({ required: true }) },
    extensions: { listMax: NODES_MAX, noPermission: BY_TYPE },
    resolve: (_root, { ids }, context, info) => {
      if (ids.length > NODES_MAX) throw new AppError('BAD_USER_INPUT', `nodes takes at most ${NODES_MAX} ids`)
      // An error among the items is the error of that item alone.
      return load(ids, context, info) as Promise<(NodeObject | null)[]>
    },
  }),
}))
