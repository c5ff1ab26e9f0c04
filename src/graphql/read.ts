// Fields that read: one row by a unique field, or one page of a list. They describe what is read, so that an operation can be
// compiled (src/answers); graphql-js reads it here.
import type { FieldRef, InputFieldMap, InputShapeFromFields } from '@pothos/core'
import { type GraphQLResolveInfo, type GraphQLSchema, getNamedType } from 'graphql'
import { readerOf } from '../db/reader/any-model.ts'
import type { AnyWhere } from '../db/reader/any-query.ts'
import type { ModelName, ReadWhere } from '../db/register.ts'
import type { SchemaTypes } from './builder.ts'
import { inLanguage } from './collation.ts'
import type { Context } from './context.ts'
import { Page, type PageArguments, planPage, type Row, type Sort, shownOf } from './keyset.ts'
import { selectionOf, selectionOfNodes } from './projection.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type Filters = { readonly [Model in ModelName]: ReadWhere<Model> }

/** A list of one model: its rows, and their order. */
export type ModelList = {
  [Model in ModelName]: { readonly where: Filters[Model]; readonly sort: Sort<Model> }
}[ModelName]

/** The list of a model that is known only by name: the reader checks its filter, not the compiler. */
export function anyList(where: AnyWhere, sort: Sort): ModelList {
  return { where, sort } as ModelList
}

/** What a field reads: one row, or a page of rows. */
export type Reading =
  | { readonly kind: 'one'; readonly model: ModelName; readonly where: AnyWhere }
  | { readonly kind: 'page'; readonly where: AnyWhere; readonly sort: Sort; readonly args: PageArguments }

/** The row that `where` finds; null when this tenant has none. */
export function one(
  ...[model, where]: { [Model in ModelName]: [model: Model, where: Filters[Model]] }[ModelName]
): Reading {
  return { kind: 'one', model, where }
}

/** The same for a model that is known only by name. */
export function anyOne(model: ModelName, where: AnyWhere): Reading {
  return { kind: 'one', model, where }
}

/** A page of a list. `args`: its paging arguments; others are ignored. */
export function page({ where, sort }: ModelList, args: PageArguments): Reading {
  return { kind: 'page', where, sort, args }
}

/**
 * What a field reads for its arguments; null: nothing, and the field is null. It reads nothing itself, and may throw an AppError,
 * which becomes the field's error.
 */
export type Describe<Args = never> = (args: Args, context: Context, schema: GraphQLSchema) => Reading | null

/** The extensions of a field that reads. */
export type ReadExtensions = { readonly reads?: Describe }

type Options<Args extends InputFieldMap> = {
  readonly type: unknown
  readonly nullable?: boolean
  readonly description?: string
  readonly args?: Args
  readonly extensions?: Readonly<Record<string, unknown>>
  readonly read: Describe<InputShapeFromFields<Args>>
}

/** Adds a field whose value is read from the database, as `read` describes. Its type is that of the model. */
// biome-ignore lint/complexity/noBannedTypes: Pothos' own type of a field without arguments
export function readField<Args extends InputFieldMap = {}>(
  // biome-ignore lint/suspicious/noExplicitAny: of the root, or of any object type
  t: { field(options: any): FieldRef<Types, unknown> },
  { read, extensions, ...options }: Options<Args>,
): FieldRef<Types, unknown> {
  return t.field({
    ...options,
    extensions: { ...extensions, reads: read } satisfies ReadExtensions & object,
    resolve: readDescribed,
  })
}

/** Reads what the field's extension describes: rules of the schema (null-criteria.ts) have added to it. */
function readDescribed(_parent: unknown, args: object, context: Context, info: GraphQLResolveInfo) {
  const reads = info.parentType.getFields()[info.fieldName]?.extensions.reads as ReadExtensions['reads']
  if (reads === undefined) throw new Error(`${info.fieldName} does not say what it reads`)
  const reading = reads(args as never, context, info.schema)
  if (reading === null) return null
  return reading.kind === 'one'
    ? readFirst(context, info, reading.model, reading.where)
    : readThePage(context, info, reading)
}

/** The row of `model` that `where` finds. `includesHidden`: also one that the caller would not find. */
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

/** `sort.column` is added to the selection for the cursors. */
async function readThePage<T extends Row>(
  context: Context,
  info: GraphQLResolveInfo,
  { where: asked, sort: wanted, args }: Extract<Reading, { kind: 'page' }>,
): Promise<Page<T>> {
  const type = getNamedType(info.returnType).name
  const sort = await inLanguage<Sort>(wanted, context)
  const plan = planPage(args, sort, { tenantId: context.caller.scope.tenantId, type })
  const select = selectionOfNodes(info, context, type)
  select.id = true
  select[sort.column] = true
  const { where, orderBy, take } = plan
  const reader = readerOf(context.db, sort.model)
  const rows = await reader.readMany<T>({ where: { AND: [asked, where] }, orderBy, take, select })
  return new Page(rows, plan, shownOf, () => reader.readCount({ where: asked }))
}
