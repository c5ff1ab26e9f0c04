// Reads with projection: one row by a unique field, or one page of a root list.
import type { GraphQLResolveInfo } from 'graphql'
import { getNamedType } from 'graphql'
import { readerOf } from '../db/reader/any-model.ts'
import type { AnyWhere } from '../db/reader/any-query.ts'
import type { ModelName, ReadWhere } from '../db/register.ts'
import { inLanguage } from './collation.ts'
import type { Context } from './context.ts'
import { Page, type PageArguments, planPage, type Row, type Sort } from './keyset.ts'
import { selectionOf, selectionOfNodes } from './projection.ts'

type Filters = { readonly [Model in ModelName]: ReadWhere<Model> }

/** A list of one model: its rows, and their order. */
export type ModelList = {
  [Model in ModelName]: { readonly where: Filters[Model]; readonly sort: Sort<Model> }
}[ModelName]

/** The list of a model that is known only by name: the reader checks its filter, not the compiler. */
export function anyList(where: AnyWhere, sort: Sort): ModelList {
  return { where, sort } as ModelList
}

/** The row that `where` finds, with the requested fields; null when this tenant has none. */
export async function readOne<T>(
  context: Context,
  info: GraphQLResolveInfo,
  ...[model, where]: { [Model in ModelName]: [model: Model, where: Filters[Model]] }[ModelName]
): Promise<T | null> {
  return await readFirst<T>(context, info, model, where)
}

/** The same for a model that is known only by name. `includesHidden`: also a row that the caller would not find. */
export async function readFirst<T>(
  context: Context,
  info: GraphQLResolveInfo,
  model: ModelName,
  where: AnyWhere,
  { includesHidden = false }: { readonly includesHidden?: boolean } = {},
): Promise<T | null> {
  const select = selectionOf(info, context, model)
  const [row] = await readerOf(context.db, model).readMany<T>({ where, select, includesHidden })
  return row ?? null
}

/** All rows that `where` finds, with the requested fields. The caller bounds their number. */
export async function readMany<T>(
  context: Context,
  info: GraphQLResolveInfo,
  model: ModelName,
  where: AnyWhere,
): Promise<T[]> {
  return await readerOf(context.db, model).readMany<T>({ where, select: selectionOf(info, context, model) })
}

/** One page of a root list. `sort.column` is added to the selection for the cursors. */
export async function readPage<T extends Row>(
  context: Context,
  info: GraphQLResolveInfo,
  list: ModelList,
  args: PageArguments,
): Promise<Page<T>> {
  const type = getNamedType(info.returnType).name
  const sort = await inLanguage<Sort>(list.sort, context)
  const plan = planPage(args, sort, { tenantId: context.caller.scope.tenantId, type })
  const select = selectionOfNodes(info, context, type)
  select.id = true
  select[sort.column] = true
  const { where, orderBy, take } = plan
  const reader = readerOf(context.db, sort.model)
  const rows = await reader.readMany<T>({ where: { AND: [list.where, where] }, orderBy, take, select })
  return new Page(rows, plan, () => reader.readCount({ where: list.where }))
}
