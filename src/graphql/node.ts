// Relay's global object identification: one opaque id per object, and the object for an id.
import type { GraphQLResolveInfo } from 'graphql'
import { type Permission, requirePermission } from '../auth/permissions.ts'
import { AppError } from '../core/errors.ts'
import { readerOf } from '../db/reader/any-model.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { type NodeName, nodeOf } from './node-ids.ts'
import { readMany } from './read.ts'

type NodeRow = { readonly id: string }

/** The type of a row that `node` loaded. */
const typeOfRow = new WeakMap<NodeRow, string>()

export const Node = builder.interfaceRef<NodeRow>('Node').implement({
  description: 'An object with an id.',
  resolveType: (row) => typeOfRow.get(row) ?? null,
  fields: (t) => ({
    id: t.id({ description: 'Opaque: keep it, compare it, and send it back; do not read it.' }),
  }),
})

/** The rows of these ids, in order, with one statement per type; null for those that this tenant does not have. */
async function load(
  ids: readonly string[],
  context: Context,
  info: GraphQLResolveInfo,
): Promise<(NodeRow | null)[]> {
  const wanted = ids.map(nodeOf)
  const rows = new Map<string, NodeRow>()
  for (const name of new Set(wanted.flatMap((id) => id?.name ?? []))) {
    // Without duplicates.
    const uuids = [...new Set(wanted.flatMap((id) => (id?.name === name ? [id.uuid] : [])))]
    requireAccess(name, uuids, context, info)
    for (const row of await readMany<NodeRow>(context, info, name, { id: { in: uuids } })) {
      typeOfRow.set(row, name)
      rows.set(`${name}:${row.id}`, row)
    }
  }
  return wanted.map((id) => (id === null ? null : (rows.get(`${id.name}:${id.uuid}`) ?? null)))
}

/** Whether this tenant has the object. Throws FORBIDDEN for a type that the caller may not look up. */
export async function isHere(id: string, context: Context, info: GraphQLResolveInfo): Promise<boolean> {
  const wanted = nodeOf(id)
  if (wanted === null) return false
  requireAccess(wanted.name, [wanted.uuid], context, info)
  return (await readerOf(context.db, wanted.name).readCount({ where: { id: wanted.uuid } })) > 0
}

/**
 * Throws FORBIDDEN, whether there are such rows or not. A type without a permission where it is shown (a member, to
 * themselves) may have a `nodePermission` for looking it up.
 */
function requireAccess(
  name: NodeName,
  uuids: readonly string[],
  { caller }: Context,
  info: GraphQLResolveInfo,
): void {
  const { permission, nodePermission } = (info.schema.getType(name)?.extensions ?? {}) as {
    permission?: Permission
    nodePermission?: Permission
  }
  if (permission !== undefined) requirePermission(caller.permissions, permission)
  if (nodePermission !== undefined && uuids.some((uuid) => uuid !== caller.actor.id))
    requirePermission(caller.permissions, nodePermission)
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
    resolve: async (_root, { id }, context, info) => (await load([id], context, info))[0] ?? null,
  }),
  nodes: t.field({
    type: [Node],
    nullable: { list: false, items: true },
    description: `The objects with these ids, in order; null for each that this tenant does not have. At most ${NODES_MAX}.`,
    args: { ids: t.arg.idList({ required: true }) },
    extensions: { listMax: NODES_MAX, noPermission: BY_TYPE },
    resolve: (_root, { ids }, context, info) => {
      if (ids.length > NODES_MAX) throw new AppError('BAD_USER_INPUT', `nodes takes at most ${NODES_MAX} ids`)
      return load(ids, context, info)
    },
  }),
}))
