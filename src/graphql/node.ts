// Relay's node rules: one opaque id per object, and the object for an id.
import type { GraphQLResolveInfo } from 'graphql'
import { type Permission, requirePermission } from '../auth/permissions.ts'
import { AppError } from '../core/errors.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { type NodeName, nodeOf } from './node-ids.ts'
import { readMany } from './read.ts'

type NodeRow = { readonly id: string }

/** Which type a row loaded by `node` is of. */
const typeOfRow = new WeakMap<NodeRow, string>()

export const Node = builder.interfaceRef<NodeRow>('Node').implement({
  description: 'An object with an id.',
  resolveType: (row) => typeOfRow.get(row) ?? null,
  fields: (t) => ({
    id: t.id({ description: 'Opaque: keep it, compare it, and send it back; do not read it.' }),
  }),
})

/** The rows of these ids, in their order, with one statement for each type among them; null for what is not here. */
async function load(
  ids: readonly string[],
  context: Context,
  info: GraphQLResolveInfo,
): Promise<(NodeRow | null)[]> {
  const wanted = ids.map(nodeOf)
  const rows = new Map<string, NodeRow>()
  for (const name of new Set(wanted.flatMap((id) => id?.name ?? []))) {
    // Each once, however often it was asked for.
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
  const { database, scope } = context.caller
  return (await database.count(scope, wanted.name, { id: wanted.uuid })) > 0
}

/**
 * Throws FORBIDDEN, whether there are such rows or not. A type that needs no permission where it is shown (a member,
 * to themselves) may need a `nodePermission` to be looked up at will.
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

/** The most ids that one call of `nodes` takes. */
const NODES_MAX = 100

builder.queryFields((t) => ({
  node: t.field({
    type: Node,
    nullable: true,
    description: 'The object with this id; null when there is none here.',
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context, info) => (await load([id], context, info))[0] ?? null,
  }),
  nodes: t.field({
    type: [Node],
    nullable: { list: false, items: true },
    description: `The objects with these ids, in their order; null for each that is not here. At most ${NODES_MAX}.`,
    args: { ids: t.arg.idList({ required: true }) },
    extensions: { listMax: NODES_MAX },
    resolve: (_root, { ids }, context, info) => {
      if (ids.length > NODES_MAX) throw new AppError('BAD_USER_INPUT', `nodes takes at most ${NODES_MAX} ids`)
      return load(ids, context, info)
    },
  }),
}))
