// A parent's relations: as they came with its row, or, where they did not, loaded for all parents of the field at once.
import { type FieldNode, type GraphQLResolveInfo, getNamedType } from 'graphql'
import type { ModelName } from '../db/models.ts'
import type { Context } from './context.ts'
import { Page, type PageArguments, type PagePlan, planPage, type Row, type Sort } from './keyset.ts'
import { isDeferred, selectionOfRelation } from './look-ahead.ts'

/** The parent's row of a relation to one. */
export function relatedOne<T>(
  parent: Row,
  relation: string,
  context: Context,
  info: GraphQLResolveInfo,
): T | Promise<T> {
  const present = presentOn(parent, relation, context, info)
  if (present !== undefined) return present as T
  return loadWithParents(parent.id, context, info).then((row) => row?.[relation] as T)
}

/** A page of the parent's rows of a relation to many. */
export function relatedPage<T extends Row>(
  parent: Row,
  { relation, sort }: { readonly relation: string; readonly sort: Sort },
  args: PageArguments,
  context: Context,
  info: GraphQLResolveInfo,
): Page<T> | Promise<Page<T>> {
  const plan = pagePlanOf(args, sort, context, info)
  const present = presentOn(parent, relation, context, info)
  if (present !== undefined) return pageOf(parent as ParentRow, relation, plan)
  return loadWithParents(parent.id, context, info).then((row) =>
    pageOf<T>(row ?? { id: parent.id }, relation, plan),
  )
}

type ParentRow = Row & { readonly _count?: Record<string, number>; readonly [relation: string]: unknown }

function pageOf<T extends Row>(parent: ParentRow, relation: string, plan: PagePlan): Page<T> {
  return new Page((parent[relation] ?? []) as readonly T[], plan, () => parent._count?.[relation] ?? 0)
}

function presentOn(parent: Row, relation: string, context: Context, info: GraphQLResolveInfo): unknown {
  return isDeferred(context, info.fieldNodes[0]) ? undefined : (parent as ParentRow)[relation]
}

/** What resolvers of one request share: page plans, and the batch that parents of a field join within a tick. */
type Shared = {
  readonly plans: Map<FieldNode, PagePlan>
  readonly batches: Map<
    FieldNode,
    { readonly ids: Set<string>; readonly rows: Promise<Map<string, ParentRow>> }
  >
}

const sharedOf = new WeakMap<Context, Shared>()

function shared(context: Context): Shared {
  let known = sharedOf.get(context)
  if (known === undefined) {
    known = { plans: new Map(), batches: new Map() }
    sharedOf.set(context, known)
  }
  return known
}

function fieldOf(info: GraphQLResolveInfo): FieldNode {
  // graphql-js calls no resolver without at least one node.
  return info.fieldNodes[0] as FieldNode
}

function pagePlanOf(args: PageArguments, sort: Sort, context: Context, info: GraphQLResolveInfo): PagePlan {
  const { plans } = shared(context)
  const node = fieldOf(info)
  let plan = plans.get(node)
  if (plan === undefined) {
    const type = getNamedType(info.returnType).name
    plan = planPage(args, sort, { tenantId: context.caller.scope.tenantId, type })
    plans.set(node, plan)
  }
  return plan
}

async function loadWithParents(
  id: string,
  context: Context,
  info: GraphQLResolveInfo,
): Promise<ParentRow | undefined> {
  const { batches } = shared(context)
  const node = fieldOf(info)
  let batch = batches.get(node)
  if (batch === undefined) {
    const ids = new Set<string>()
    // The parents of a list resolve their fields in one go: by the next microtask all of them have joined.
    const rows = Promise.resolve().then(async () => {
      batches.delete(node)
      const model = info.parentType.extensions.model as ModelName
      const select = { ...selectionOfRelation(info, context), id: true as const }
      const { database, scope } = context.caller
      const found = await database.read<ParentRow>(scope, model, { where: { id: { in: [...ids] } }, select })
      return new Map(found.map((row) => [row.id, row]))
    })
    batch = { ids, rows }
    batches.set(node, batch)
  }
  batch.ids.add(id)
  return (await batch.rows).get(id)
}
