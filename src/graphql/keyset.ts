// Keyset pagination: a page starts after a row's sort value and id, not after a count of rows.
import { hash } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { isUuid } from '../core/ids.ts'
import type { AnyOrder, AnyWhere } from '../db/reader/any-query.ts'
import type { ModelName } from '../db/register.ts'
import { checkPageSize, PAGE_SIZE_DEFAULT } from './page-size.ts'

export type PageArguments = {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
  readonly last?: number | null | undefined
  readonly before?: string | null | undefined
}

declare const isDeclared: unique symbol

/** A value by which rows are sorted, before their id. */
export type SortValue = {
  readonly column: string
  readonly type: 'string' | 'number' | 'bigint' | 'date'
  readonly descending: boolean
  /** Whether no two rows of the list have the same value. Default: they may. */
  readonly isUnique?: boolean
  /** By which texts are compared. Default: the column's, which is by code points. */
  readonly collation?: string
}

/** A column by which a model's rows can be sorted: not null, and indexed. Only sorts.ts makes one, and checks both. */
export type Sort<Model extends ModelName = ModelName> = SortValue & {
  readonly model: Model
  /** A text for people, sorted by the tenant's language. */
  readonly isAlphabetical: boolean
  readonly [isDeclared]: true
}

/** The tenant and type of a list. A cursor is valid only for these. */
export type ListKey = { readonly tenantId: string; readonly type: string }

/** One page, ready to be read: `take` is one row more than the page, to find out whether others follow. */
export type PagePlan = {
  readonly where: AnyWhere
  readonly orderBy: readonly AnyOrder[]
  readonly take: number
  readonly size: number
  readonly backward: boolean
  readonly sort: SortValue
  readonly list: ListKey
  readonly hasCursor: boolean
  /** The rows of the cursors, for a list that is read by a statement of its own. */
  readonly after: Position | null
  readonly before: Position | null
}

/** A row of a list. */
export type Row = { readonly id: string }
export type Position = { readonly value: unknown; readonly id: string }

/** Reads the paging arguments. Throws BAD_USER_INPUT for invalid sizes and cursors. */
export function planPage(args: PageArguments, sort: SortValue, list: ListKey): PagePlan {
  const backward = typeof args.last === 'number'
  if (backward && typeof args.first === 'number')
    throw new AppError('BAD_USER_INPUT', 'ask for first or last, not both')
  const size = checkPageSize(args.first ?? args.last ?? PAGE_SIZE_DEFAULT)
  const descending = sort.descending !== backward
  const direction = descending ? 'desc' : 'asc'
  const positionOf = (cursor: string | null | undefined) =>
    typeof cursor === 'string' ? readCursor(cursor, sort, list) : null
  const [after, before] = [positionOf(args.after), positionOf(args.before)]
  const bounds = []
  if (after !== null) bounds.push(beyond(sort, after, sort.descending ? 'lt' : 'gt'))
  if (before !== null) bounds.push(beyond(sort, before, sort.descending ? 'gt' : 'lt'))
  return {
    where: bounds.length === 0 ? {} : { AND: bounds },
    orderBy: orderOf(sort, direction),
    take: size + 1,
    size,
    backward,
    sort,
    list,
    hasCursor: (backward ? before : after) !== null,
    after,
    before,
  }
}

function orderOf({ column, collation, isUnique }: SortValue, direction: 'asc' | 'desc'): readonly AnyOrder[] {
  // Without the id the key's index has the order, and nothing is sorted.
  if (column === 'id' || isUnique === true) return [{ [column]: direction }]
  const first = collation === undefined ? direction : { sort: direction, collate: collation }
  return [{ [column]: first }, { id: direction }]
}

/** Rows beyond a position. The first condition lets the index find the start; the second handles ties. */
function beyond(
  { column, collation }: SortValue,
  { value, id }: Position,
  comparison: 'lt' | 'gt',
): AnyWhere {
  const collate = collation === undefined ? {} : { collate: collation }
  return {
    AND: [
      { [column]: { [`${comparison}e`]: value, ...collate } },
      { OR: [{ [column]: { [comparison]: value, ...collate } }, { id: { [comparison]: id } }] },
    ],
  }
}

const CHECK_LENGTH = 8

/** A row's place in its list, in the form of cursors: its value of the sort, and its id. */
export type Shown = { readonly shown: unknown; readonly id: string }

/** A cursor contains its sort and a checksum over its list: another tenant's, or another type's, is refused. */
function cursorAt({ shown, id }: Shown, { sort, list }: PagePlan): string {
  const content = JSON.stringify([keyOf(sort), shown, id])
  return Buffer.from(check(list, content) + content).toString('base64url')
}

/** The place of a row that has its column of the sort. */
export function shownOf(row: Row, { sort }: PagePlan): Shown {
  const value = (row as Record<string, unknown> & Row)[sort.column]
  const shown =
    value instanceof Date ? value.toISOString() : typeof value === 'bigint' ? value.toString() : value
  return { shown, id: row.id }
}

/** The sort in a cursor: `name`, or `name sv-x-icu`. */
function keyOf({ column, collation }: SortValue): string {
  return collation === undefined ? column : `${column} ${collation}`
}

/** Whether a text is a cursor of this tenant's lists of the type, in any order. */
export function isCursorOf(cursor: string, list: ListKey): boolean {
  return contentOf(cursor, list) !== null
}

function readCursor(cursor: string, sort: SortValue, list: ListKey): Position {
  const content = contentOf(cursor, list)
  if (content === null) return refuseCursor()
  const [key, shown, id] = content
  if (key !== keyOf(sort)) {
    if (key.split(' ')[0] === sort.column)
      throw new AppError(
        'BAD_USER_INPUT',
        'this list is sorted by another language than when the cursor was made: start again from its first page',
      )
    return refuseCursor()
  }
  const value = valueIn(shown, sort)
  return value === null ? refuseCursor() : { value, id }
}

/** Sort, value and id; null for text that is no cursor of the list. */
function contentOf(cursor: string, list: ListKey): z.infer<typeof cursorSchema> | null {
  const decoded = Buffer.from(cursor, 'base64url').toString()
  const content = decoded.slice(CHECK_LENGTH)
  if (decoded.slice(0, CHECK_LENGTH) !== check(list, content)) return null
  // The checksum is no signature: anybody who knows the list can make one for any content.
  return cursorSchema.safeParse(jsonOf(content)).data ?? null
}

const textSchema = z.string().refine((text) => !text.includes('\0') && text.isWellFormed())
const cursorSchema = z.tuple([z.string(), z.union([textSchema, z.number()]), z.string().refine(isUuid)])

/** Null for text that is not JSON. */
function jsonOf(content: string): unknown {
  try {
    return JSON.parse(content) as unknown
  } catch {
    return null
  }
}

/** Null: not a value of the sort's column. */
function valueIn(shown: string | number, { type }: SortValue): string | number | bigint | Date | null {
  switch (type) {
    case 'date': {
      const instant = new Date(shown)
      return Number.isNaN(instant.getTime()) ? null : instant
    }
    case 'bigint':
      return /^-?\d{1,19}$/.test(String(shown)) ? BigInt(shown) : null
    default:
      return typeof shown === type ? shown : null
  }
}

function refuseCursor(): never {
  throw new AppError('BAD_USER_INPUT', 'the cursor does not belong to this list')
}

function check({ tenantId, type }: ListKey, content: string): string {
  return hash('sha256', `${tenantId}${type}${content}`, 'hex').slice(0, CHECK_LENGTH)
}

/** A page of rows in the requested order. Cursors are made only when they are read. */
export class Page<T> {
  readonly nodes: readonly T[]
  readonly #plan: PagePlan
  readonly #placeOf: (row: never, plan: PagePlan) => Shown
  readonly #more: boolean
  readonly totalCount: () => number | Promise<number>

  constructor(
    rows: readonly T[],
    plan: PagePlan,
    placeOf: (row: T, plan: PagePlan) => Shown,
    totalCount: () => number | Promise<number>,
  ) {
    this.#plan = plan
    this.#placeOf = placeOf
    this.#more = rows.length > plan.size
    const page = rows.slice(0, plan.size)
    this.nodes = plan.backward ? page.reverse() : page
    this.totalCount = totalCount
  }

  cursorOf(row: T): string {
    return cursorAt(this.#placeOf(row as never, this.#plan), this.#plan)
  }

  get edges(): { node: T; cursor: string }[] {
    const cursorOf = (row: T) => this.cursorOf(row)
    return this.nodes.map((node) => ({
      node,
      get cursor() {
        return cursorOf(node)
      },
    }))
  }

  get hasNextPage(): boolean {
    return this.#plan.backward ? this.#plan.hasCursor : this.#more
  }

  get hasPreviousPage(): boolean {
    return this.#plan.backward ? this.#more : this.#plan.hasCursor
  }

  get startCursor(): string | null {
    const row = this.nodes[0]
    return row === undefined ? null : this.cursorOf(row)
  }

  get endCursor(): string | null {
    const row = this.nodes.at(-1)
    return row === undefined ? null : this.cursorOf(row)
  }
}
