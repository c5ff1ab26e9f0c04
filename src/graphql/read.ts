// Reads with projection: one row by a unique field, or one page of a root list.
import type { GraphQLResolveInfo } from 'graphql'
import { getNamedType } from 'graphql'
import type { ModelName } from '../db/datamodel.ts'
import type { Filter } from '../db/reader/read-sql.ts'
import type { Context } from './context.ts'
import { Page, type PageArguments, planPage, type Row, type Sort } from './keyset.ts'
import { selectionOf, selectionOfNodes } from './projection.ts'

/** The row that `where` finds, with the requested fields; null when this tenant has none. */
export async function readOne<T>(
  context: Context,
  info: GraphQLResolveInfo,
  model: ModelName,
  where: Filter,
): Promise<T | null> {
  const [row] = await readMany<T>(context, info, model, where)
  return row ?? null
}

/** All rows that `where` finds, with the requested fields. The caller bounds their number. */
export async function readMany<T>(
  context: Context,
  info: GraphQLResolveInfo,
  model: ModelName,
  where: Filter,
): Promise<T[]> {
  const select = selectionOf(info, context, model)
  return await context.caller.database.read<T>(context.caller.scope, model, { where, select })
}

/** One page of a root list. `sort.column` is added to the selection for the cursors. */
export async function readPage<T extends Row>(
  context: Context,
  info: GraphQLResolveInfo,
  list: { readonly where: Filter; readonly sort: Sort },
  args: PageArguments,
): Promise<Page<T>> {
  const type = getNamedType(info.returnType).name
  const plan = planPage(args, list.sort, { tenantId: context.caller.scope.tenantId, type })
  const select = selectionOfNodes(info, context, type)
  select.id = true
  select[list.sort.column] = true
  const { database, scope } = context.caller
  const { model } = list.sort
  const where = { AND: [list.where, plan.where] }
  const rows = await database.read<T>(scope, model, {
    where,
    orderBy: plan.orderBy,
    take: plan.take,
    select,
  })
  return new Page(rows, plan, () => database.count(scope, model, list.where))
}
