// The list of a resource: its filter, sorts and search, as arguments and as conditions.
import type { GraphQLSchema } from 'graphql'
import type { z } from 'zod'
import { requirePermission } from '../../auth/permissions.ts'
import { snakeOf } from '../../core/names.ts'
import type { Model } from '../../db/models.ts'
import type { AnyWhere } from '../../db/reader/any-query.ts'
import { type ModelName, modelOf } from '../../db/register.ts'
import { anyOf } from '../any-of.ts'
import { spanFields, spanOf } from '../between.ts'
import { builder } from '../builder.ts'
import type { Context } from '../context.ts'
import { permissionOf } from '../guard-fields.ts'
import { nodeUuid } from '../node-ids.ts'
import { type MoneyColumns, MoneyRange, moneyRange } from '../ranges.ts'
import { sortOf, sortsOf } from '../sorts.ts'
import { searchWords } from '../word-search.ts'
import { type Field, type InputBuilder, keyOf, outputType } from './fields.ts'

export type ListOptions = {
  readonly description?: string
  /**
   * Columns, amounts of money, to-one relations, and their columns (`product.vendor`). Enums take a list of values; times
   * and amounts a range. A column of a relation also needs the permission to read its type.
   */
  readonly filter?: readonly (string | Below)[]
  /**
   * Fields by which the list can be sorted; the first is the default. Each needs an index. `{ alphabetical: 'name' }`: a
   * text for people, sorted by the tenant's language; all other texts are sorted by code points.
   */
  readonly sort: readonly SortField[]
  /**
   * Text columns in which `query` finds words; `variants.sku`: of the records of a to-many relation. The migration calls
   * `app.make_searchable` for them.
   */
  readonly search?: readonly string[]
}

/** A criterion for numbers less than the given one. */
type Below = { readonly path: string; readonly name: string; readonly description: string }

/** Filters a list by numbers of a column, or of a to-one relation's column, that are less than the criterion `name`. */
export function below(path: string, named: Omit<Below, 'path'>): Below {
  return { path, ...named }
}

type Filter = Record<string, unknown> | null | undefined

type SortField = string | { readonly alphabetical: string }

/** The arguments of a list besides its paging, and their conditions. */
export type List = {
  readonly filterType: unknown
  readonly sorts: ReturnType<typeof sortsOf<string, ModelName>>
  /** Throws FORBIDDEN for a criterion that reveals what the caller may not read. */
  readonly requireFilter: (filter: Filter, context: Context, schema: GraphQLSchema) => void
  readonly where: (filter: Filter, query: string | null | undefined) => AnyWhere
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
    requireFilter(filter, { caller }, schema) {
      for (const { of, where } of criteria) {
        if (of === undefined || Object.keys(where(filter ?? {})).length === 0) continue
        const needed = permissionOf(schema, of)
        if (needed !== null) requirePermission(caller.permissions, needed)
      }
    },
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
  /** The model that it reveals, where that is not the list's own. */
  readonly of?: string
  readonly fields: (t: InputBuilder) => Record<string, unknown>
  readonly where: (filter: Record<string, unknown>) => AnyWhere
}

function criterionOf(name: string | Below, model: Model, fields: readonly Field[]): Criterion {
  if (typeof name !== 'string') return belowCriterion(name, model)
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
  if (near !== undefined && far !== undefined)
    return ofRelation(near, model, (target) => criterionOf(far, target, []))
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

function belowCriterion({ path, ...named }: Below, model: Model): Criterion {
  const [near, far] = path.split('.')
  if (near !== undefined && far !== undefined)
    return ofRelation(near, model, (target) => belowCriterion({ path: far, ...named }, target))
  if (model.columns.get(path)?.type !== 'Int')
    throw new Error(`${model.table} cannot be filtered by ${path}: there is no such column of integers`)
  return {
    fields: (t) => ({ [named.name]: t.int({ description: named.description }) }),
    where: ({ [named.name]: bound }) => (typeof bound === 'number' ? { [path]: { lt: bound } } : {}),
  }
}

/** A criterion of the record that a to-one relation leads to. */
function ofRelation(relation: string, model: Model, make: (target: Model) => Criterion): Criterion {
  const target = model.relations.get(relation)
  if (target === undefined || target.many)
    throw new Error(`${model.table} cannot be filtered by ${relation}: there is no such relation to one`)
  const criterion = make(modelOf(target.model as ModelName))
  return {
    of: target.model,
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

function sortsFor(name: ModelName, fields: readonly Field[], sorts: readonly SortField[]) {
  const keys = sorts.map((sort) => {
    const isAlphabetical = typeof sort !== 'string'
    const named = isAlphabetical ? sort.alphabetical : sort
    const column = fields.find((field) => field.name === named)?.sort ?? null
    if (column === null) throw new Error(`the list of ${name} cannot be sorted by ${named}`)
    return [upperSnake(named), sortOf(name, column, isAlphabetical ? 'alphabetical' : undefined)] as const
  })
  const [first] = keys
  if (first === undefined) throw new Error(`the list of ${name} needs a sort`)
  return sortsOf(`${name}SortKey`, Object.fromEntries(keys), first[0])
}

function upperSnake(name: string): string {
  return snakeOf(name).toUpperCase()
}
