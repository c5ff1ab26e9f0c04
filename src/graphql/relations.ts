// A parent's relations: loaded with its row, or otherwise in one batch for all parents of the field.
import { type FieldNode, type GraphQLResolveInfo, getNamedType } from 'graphql'
import { readerOf } from '../db/reader/any-model.ts'
import type { ModelName } from '../db/register.ts'
import { loadTogether } from './batch.ts'
import type { Context } from './context.ts'
import { Page, type PageArguments, type PagePlan, planPage, type Row, type Sort, shownOf } from './keyset.ts'
import { isDeferred, selectionOf, selectionOfRelation } from './projection.ts'

/** The parent's row of a to-one relation. */
export function relation<T>(
  parent: Row,
  relation: string,
  context: Context,
  info: GraphQLResolveInfo,
): T | Promise<T> {
  const present = presentOn(parent, relation, context, info)
  if (present !== undefined) return present as T
  return loadWithParents(parent.id, context, info).then((row) => row?.[relation] as T)
}

/** A page of the parent's rows of a to-many relation. */
export function relationList<T extends Row>(
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
  return new Page(
    (parent[relation] ?? []) as readonly T[],
    plan,
    shownOf,
    () => parent._count?.[relation] ?? 0,
  )
}

function presentOn(parent: Row, relation: string, context: Context, info: GraphQLResolveInfo): unknown {
  return isDeferred(context, info.fieldNodes[0]) ? undefined : (parent as ParentRow)[relation]
}

/** The page plans of one request; the parents of a list share one. */
const plansOf = new WeakMap<Context, Map<FieldNode, PagePlan>>()

function pagePlanOf(args: PageArguments, sort: Sort, context: Context, info: GraphQLResolveInfo): PagePlan {
  const plans = plansOf.get(context) ?? new Map<FieldNode, PagePlan>()
  plansOf.set(context, plans)
  // graphql-js calls a resolver with at least one node.
  const node = info.fieldNodes[0] as FieldNode
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
  // Keyed by all nodes of the field in this place: a fragment can be used in several places, where the other fields
  // differ.
  return await loadTogether(context, info.fieldNodes, id, async (ids) => {
    const model = info.parentType.extensions.model as ModelName
    const select = { ...selectionOfRelation(info, context), id: true as const }
    const where = { id: { in: ids } }
    const found = await readerOf(context.db, model).readMany<ParentRow>({ where, select })
    return new Map(found.map((row) => [row.id, row]))
  })
}

/**
 * The row whose column `by` has this value, batched over all parents of the field; null when there is none. For rows
 * that are not a relation of the parent's row.
 */
export async function readTogether<T extends object>(
  context: Context,
  info: GraphQLResolveInfo,
  { model, by, value }: { readonly model: ModelName; readonly by: string; readonly value: string },
): Promise<T | null> {
  // graphql-js gives all parents of a field the same list of nodes, which identifies the place in the operation. The
  // first node alone does not, since a fragment can be used in two places and merged with other fields in one.
  const row = await loadTogether(context, info.fieldNodes, value, async (values) => {
    const select = { ...selectionOf(info, context, model), [by]: true as const }
    const where = { [by]: { in: values } }
    const rows = await readerOf(context.db, model).readMany<T>({ where, select })
    return new Map(rows.map((row) => [(row as Record<string, unknown>)[by] as string, row]))
  })
  return row ?? null
}
