// Sorts of lists: a column of a model, with its index. The only way to make one.
import type { AlphabeticalColumn, Model } from '../db/models.ts'
import { type ModelName, modelOf } from '../db/register.ts'
import { builder } from './builder.ts'
import type { Sort } from './keyset.ts'

/** `alphabetical`: ascending, as people of the tenant's language sort, not by code points. For names, not for codes. */
type Order = 'ascending' | 'descending' | 'alphabetical'

/** An index that a sort needs: its fields in order, after the tenant and before the id. */
type NeededIndex<Model = ModelName> = { readonly model: Model; readonly fields: readonly string[] }

const needed: NeededIndex[] = []

const alphabetical: AlphabeticalColumn[] = []

/** The declared ones, each of which needs an index on (tenant_id, column COLLATE "und-x-icu", id). */
export const ALPHABETICAL: readonly AlphabeticalColumn[] = alphabetical

const TYPES: Readonly<Record<string, Sort['type']>> = {
  String: 'string',
  Int: 'number',
  BigInt: 'bigint',
  DateTime: 'date',
}

/**
 * The sort of a root list. Default: times latest first, all others ascending. Call it where the list is declared, not
 * in a resolver: the start checks the index of every sort; that of an alphabetical one is made by its migration, since
 * Prisma's schema has no collations. Throws a plain Error for a column that cannot be sorted.
 */
export function sortOf<Model extends ModelName>(model: Model, column: string, order?: Order): Sort<Model> {
  return declare({ model, fields: [column] }, column, order)
}

/** The sort of a to-many relation, in the default direction. Throws like `sortOf`, and for an unknown relation. */
export function sortOfRelation(name: ModelName, relation: string, column: string): Sort {
  const parent = modelOf(name)
  const found = parent.relations.get(relation)
  if (found?.many !== true) throw new Error(`${name} has no relation ${relation} to many`)
  const model = found.model as ModelName
  // Other columns of the foreign key, such as a currency, have one value for all rows of a parent.
  const parentKey = found.on
    .filter(([, own]) => parent.keys[0]?.fields.includes(fieldOf(parent, own)))
    .map(([other]) => fieldOf(modelOf(model), other))
  const fields = [...parentKey.filter((field) => field !== TENANT), column]
  return declare({ model, fields }, column, undefined)
}

/** Makes the enum `name`, and a reader of `sortKey` and `reverse`. */
export function sortsOf<Key extends string, Model extends ModelName>(
  name: string,
  keys: Readonly<Record<Key, Sort<Model>>>,
  defaultKey: NoInfer<Key>,
) {
  const type = builder.enumType(name, { values: Object.keys(keys) as [Key, ...Key[]] })
  const read = (sortKey: Key | null | undefined, reverse: boolean | null | undefined): Sort<Model> => {
    const sort = keys[sortKey ?? defaultKey]
    return reverse === true ? { ...sort, descending: !sort.descending } : sort
  }
  return { type, read }
}

/** The sorts without an index, each with the index to add. Such a list reads all of the tenant's rows for each page. */
export function unindexedSorts(): string[] {
  return needed.flatMap(({ model, fields }) =>
    isIndexed(modelOf(model), [TENANT, ...fields])
      ? []
      : `${model} is sorted by ${fields.at(-1)}: add @@index([${[TENANT, ...fields, 'id'].join(', ')}]) to its model, and write the migration`,
  )
}

const TENANT = 'tenantId'

function declare<Model extends ModelName>(
  index: NeededIndex<Model>,
  column: string,
  order: Order | undefined,
): Sort<Model> {
  const { model } = index
  const found = modelOf(model).columns.get(column)
  const type = TYPES[found?.type ?? '']
  if (type === undefined || found?.isNullable !== false)
    throw new Error(
      `${model} cannot be sorted by ${column}: it takes a text, number or instant that is never null`,
    )
  const isAlphabetical = order === 'alphabetical'
  if (isAlphabetical && type !== 'string')
    throw new Error(`${model}.${column} is no text: it has no alphabet`)
  if (isAlphabetical) alphabetical.push({ table: modelOf(model).table, column: found.name })
  needed.push(index)
  const descending = order === undefined ? type === 'date' : order === 'descending'
  const isUnique = !isAlphabetical && isKey(modelOf(model), [TENANT, ...index.fields])
  return { model, column, type, descending, isAlphabetical, isUnique } as Sort<Model>
}

function isKey({ keys }: Model, fields: readonly string[]): boolean {
  return keys.some(
    ({ fields: key }) => key.length === fields.length && fields.every((field) => key.includes(field)),
  )
}

function isIndexed({ keys, indexes }: Model, fields: readonly string[]): boolean {
  const all = [...keys.map((key) => key.fields), ...indexes]
  return all.some((index) => fields.every((field, place) => index[place] === field))
}

function fieldOf({ columns }: Model, column: string): string {
  return [...columns].find(([, { name }]) => name === column)?.[0] ?? column
}
