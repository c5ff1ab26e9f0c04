// The list of a resource: its filter, sorts and search, as arguments and as conditions.
import type { z } from 'zod'
import { snakeOf } from '../../core/names.ts'
import type { Model } from '../../db/models.ts'
import type { AnyWhere } from '../../db/reader/any-query.ts'
import { type ModelName, modelOf } from '../../db/register.ts'
import { anyOf } from '../any-of.ts'
import { spanFields, spanOf } from '../between.ts'
import { builder } from '../builder.ts'
import { nodeUuid } from '../node-ids.ts'
import { type MoneyColumns, MoneyRange, moneyRange } from '../ranges.ts'
import { sortOf, sortsOf } from '../sorts.ts'
import { searchWords } from '../word-search.ts'
import { type Field, type InputBuilder, keyOf, outputType } from './fields.ts'

export type ListOptions = {
  readonly description?: string
  /**
   * Columns, amounts of money, to-one relations, and their columns (`product.vendor`). Enums take a list of values; times
   * and amounts a range.
   */
  readonly filter?: readonly string[]
  /** Fields by which the list can be sorted; the first is the default. Each needs an index. */
  readonly sort: readonly string[]
  /**
   * Text columns in which `query` finds words; `variants.sku`: of the records of a to-many relation. The migration calls
   * `app.make_searchable` for them.
   */
  readonly search?: readonly string[]
}

/** The arguments of a list besides its paging, and their conditions. */
export type List = {
  readonly filterType: unknown
  readonly sorts: ReturnType<typeof sortsOf<string, ModelName>>
  readonly where: (
    filter: Record<string, unknown> | null | undefined,
    query: string | null | undefined,
  ) => AnyWhere
}

export function listOf(name: ModelName, model: Model, fields: readonly Field[], options: ListOptions): List {
  if (options.search !== undefined) declaredSearches.push(searchedOf(name, options.search))
  const criteria = (options.filter ?? []).map((named) => criterionOf(named, model, fields))
  return {
    filterType:
      criteria.length === 0
        ? null
        : builder.inputType(`${name}Filter`, {
            fields: (t) => Object.assign({}, ...criteria.map((criterion) => criterion.fields(t))),
          }),
    sorts: sortsFor(name, fields, options.sort),
    where: (filter, query) =>
      all([...criteria.map((criterion) => criterion.where(filter ?? {})), searchWords(query)]),
  }
}

/** Conditions of the same relation stand beside each other. */
function all(conditions: readonly AnyWhere[]): AnyWhere {
  const asked = conditions.filter((condition) => Object.keys(condition).length > 0)
  return asked.length === 0 ? {} : { AND: asked }
}

/** The searched columns of a list's own table, and of others: by table, the names in the database. */
export type Searched = {
  readonly subject: string
  readonly sources: Readonly<Record<string, readonly string[]>>
}

const declaredSearches: Searched[] = []

/** The searched lists, whose words triggers of the database keep: a test compares both. */
export const SEARCHES: readonly Searched[] = declaredSearches

function searchedOf(name: ModelName, paths: readonly string[]): Searched {
  const subject = modelOf(name)
  const sources: Record<string, string[]> = {}
  for (const path of paths) {
    const [last = '', relation] = path.split('.').toReversed()
    const target = relation === undefined ? name : subject.relations.get(relation)?.model
    const source = target === undefined ? undefined : modelOf(target as ModelName)
    const column = source?.columns.get(last)
    if (source === undefined || column === undefined) throw new Error(`${name} has no ${path} to search`)
    sources[source.table] = [...(sources[source.table] ?? []), column.name]
  }
  return { subject: subject.table, sources }
}

type Criterion = {
  readonly fields: (t: InputBuilder) => Record<string, unknown>
  readonly where: (filter: Record<string, unknown>) => AnyWhere
}

function criterionOf(name: string, model: Model, fields: readonly Field[]): Criterion {
  const relation = model.relations.get(name)
  if (relation !== undefined) {
    const key = keyOf(name, relation.fields)
    return {
      fields: (t) => ({ [key]: t.id() }),
      where: ({ [key]: id }) =>
        typeof id === 'string' ? { [key]: nodeUuid(relation.model as ModelName, id) } : {},
    }
  }
  const [near, far] = name.split('.')
  if (near !== undefined && far !== undefined) return ofRelation(near, far, model)
  const part = fields.find((field) => field.name === name)?.money
  if (part !== undefined) return moneyRangeCriterion(name, part)
  const column = model.columns.get(name)
  if (column === undefined)
    throw new Error(`${model.table} cannot be filtered by ${name}: there is no such column`)
  if (column.type === 'DateTime') return rangeOf(name)
  const type = outputType(column)
  const rule = fields.find((field) => field.name === name)?.input?.rule
  return {
    fields: (t) => ({
      [name]: t.field({
        type: (column.isEnum ? [type] : type) as never,
        ...(column.description !== undefined && { description: column.description }),
      }),
    }),
    where: ({ [name]: value }) =>
      value === null || value === undefined
        ? {}
        : { [name]: column.isEnum ? anyOf(value as unknown[]) : normalised(value, rule) },
  }
}

/** `product.vendor`: a column of a to-one relation, under the column's name. */
function ofRelation(relation: string, column: string, model: Model): Criterion {
  const target = model.relations.get(relation)
  if (target === undefined || target.many)
    throw new Error(`${model.table} cannot be filtered by ${relation}: there is no such relation to one`)
  const criterion = criterionOf(column, modelOf(target.model as ModelName), [])
  return {
    fields: criterion.fields,
    where: (filter) => {
      const condition = criterion.where(filter)
      return Object.keys(condition).length === 0 ? {} : { [relation]: condition }
    },
  }
}

function moneyRangeCriterion(name: string, columns: MoneyColumns): Criterion {
  return {
    fields: (t) => ({ [name]: t.field({ type: MoneyRange, description: `Its ${name} is in this range.` }) }),
    where: ({ [name]: range }) =>
      moneyRange(columns, range as typeof MoneyRange.$inferInput | null | undefined),
  }
}

/** In the form in which the field's input is stored, so that both compare equal. */
function normalised(value: unknown, rule: z.ZodType | undefined): unknown {
  return rule?.safeParse(value).data ?? value
}

/** `startsAt` is filtered by `startsFrom`, `startsBefore` and `startsOn`. */
function rangeOf(name: string): Criterion {
  const stem = name.replace(/At$/, '')
  return {
    fields: (t) => spanFields(t, stem, `${name} is`),
    where: (filter) => spanOf(name, stem, filter),
  }
}

function sortsFor(name: ModelName, fields: readonly Field[], names: readonly string[]) {
  const [first] = names
  if (first === undefined) throw new Error(`the list of ${name} needs a sort`)
  const keys = names.map((named) => {
    const column = fields.find((field) => field.name === named)?.sort ?? null
    if (column === null) throw new Error(`the list of ${name} cannot be sorted by ${named}`)
    return [upperSnake(named), sortOf(name, column)]
  })
  return sortsOf(`${name}SortKey`, Object.fromEntries(keys), upperSnake(first))
}

function upperSnake(name: string): string {
  return snakeOf(name).toUpperCase()
}
