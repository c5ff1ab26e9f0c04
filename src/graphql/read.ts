// Reading by look-ahead: one row by its id or another unique field, or one page of a root list.
import type { GraphQLResolveInfo } from 'graphql'
import { getNamedType } from 'graphql'
import type { ModelName } from '../db/models.ts'
import type { Context } from './context.ts'
import { Page, type PageArguments, planPage, type Row, type Sort } from './keyset.ts'
import { type Selection, selectionOf, selectionOfNodes } from './look-ahead.ts'

/** The operations of a Prisma model that look-ahead composes arguments for; they are typed per model, and this is not. */
export type Delegate = {
  findFirst(args: object): Promise<unknown>
  findMany(args: object): Promise<unknown[]>
  count(args: object): Promise<number>
}

export function delegateOf(context: Context, model: ModelName): Delegate {
  const name = model.charAt(0).toLowerCase() + model.slice(1)
  return (context.db as unknown as Record<string, Delegate>)[name] as Delegate
}

/** The row that `where` finds, with what the operation asks of it; null when this tenant has none. */
export async function readOne<T>(
  context: Context,
  info: GraphQLResolveInfo,
  model: ModelName,
  where: object,
): Promise<T | null> {
  const select = selectionOf(info, context, model)
  return (await delegateOf(context, model).findFirst({ where, ...withRelations(select) })) as T | null
}

/** All rows that `where` finds, with what the operation asks of them. The caller bounds how many that can be. */
export async function readMany<T>(
  context: Context,
  info: GraphQLResolveInfo,
  model: ModelName,
  where: object,
): Promise<T[]> {
  const select = selectionOf(info, context, model)
  return (await delegateOf(context, model).findMany({ where, ...withRelations(select) })) as T[]
}

/** One page of a root list. `sort.column` joins the selection, since cursors are made of it. */
export async function readPage<T extends Row>(
  context: Context,
  info: GraphQLResolveInfo,
  list: { readonly model: ModelName; readonly where: object; readonly sort: Sort },
  args: PageArguments,
): Promise<Page<T>> {
  const plan = planPage(args, list.sort, context.caller.scope.tenantId)
  const select = selectionOfNodes(info, context, getNamedType(info.returnType).name)
  select.id = true
  select[list.sort.column] = true
  const delegate = delegateOf(context, list.model)
  const rows = await delegate.findMany({
    where: { AND: [list.where, plan.where] },
    orderBy: plan.orderBy,
    take: plan.take,
    ...withRelations(select),
  })
  return new Page(rows as T[], plan, () => delegate.count({ where: list.where }))
}

/** One statement for the whole selection: the database joins the relations. */
function withRelations(select: Selection): { select: Selection; relationLoadStrategy?: 'join' } {
  const nested = Object.values(select).some((field) => field !== true)
  return nested ? { select, relationLoadStrategy: 'join' } : { select }
}
