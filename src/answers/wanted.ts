// What a compiled operation wants of a model's rows, while it is compiled: the columns, relations and lists of one statement.

import { isDeepStrictEqual } from 'node:util'
import type { GraphQLField } from 'graphql'
import type { AnyQuery, AnySelect } from '../db/reader/any-query.ts'
import type { Context } from '../graphql/context.ts'
import type { PagePlan } from '../graphql/keyset.ts'
import { LISTS_DEEP_MAX, type Projection } from '../graphql/projection.ts'
import { type AskedField, argumentsOf, type Variables } from './document.ts'
import { leave } from './uncompiled.ts'

type ListProjection = Extract<Projection, { readonly many: string }>

/** A to-many relation, of which one page is read with its parent. */
export class WantedList {
  readonly rows: Wanted
  /** Its place among the lists of its statement. */
  readonly place: number
  readonly #query: ListProjection['query']
  readonly #arguments: ReturnType<typeof argumentsOf>
  /** Without variables and cursors the page is the same in every request, but for the tenant in its own cursors. */
  #plan: PagePlan | null = null

  constructor(place: number, rows: Wanted, { query }: ListProjection, args: ReturnType<typeof argumentsOf>) {
    this.place = place
    this.rows = rows
    this.#query = query
    this.#arguments = args
  }

  isSame(args: ReturnType<typeof argumentsOf>): boolean {
    return (
      this.#arguments.areConstant &&
      args.areConstant &&
      isDeepStrictEqual(this.#arguments.of({}), args.of({}))
    )
  }

  /** Throws BAD_USER_INPUT. */
  planFor(variables: Variables, context: Context): PagePlan {
    const known = this.#plan
    const { tenantId } = context.caller.scope
    if (known !== null) return { ...known, list: { ...known.list, tenantId } }
    const { plan } = this.#query(this.#arguments.of(variables), context)
    if (this.#arguments.areConstant && plan.after === null && plan.before === null) this.#plan = plan
    return plan
  }
}

/** All lists of a statement, in the order of their places. */
export type Lists = WantedList[]

export class Wanted {
  readonly columns = new Set<string>()
  readonly ones = new Map<string, Wanted>()
  readonly lists = new Map<string, WantedList>()
  readonly counts = new Set<string>()
  /** Whether cursors are made of its rows, for which the column of the list's sort is read. */
  hasCursors = false
  readonly #all: Lists
  readonly #depth: number

  constructor(all: Lists, depth = 0) {
    this.#all = all
    this.#depth = depth
  }

  one(relation: string): Wanted {
    const wanted = this.ones.get(relation) ?? new Wanted(this.#all, this.#depth)
    this.ones.set(relation, wanted)
    return wanted
  }

  list(needs: ListProjection, field: GraphQLField<unknown, unknown>, { nodes }: AskedField): WantedList {
    const args = argumentsOf(field, nodes[0] as never)
    const known = this.lists.get(needs.many)
    if (known?.isSame(args) === true) return known
    if (known !== undefined) return leave(`two pages of ${needs.many}`)
    if (this.#depth >= LISTS_DEEP_MAX) return leave('lists within lists, deeper than one statement reads')
    const list = new WantedList(this.#all.length, new Wanted(this.#all, this.#depth + 1), needs, args)
    this.#all.push(list)
    this.lists.set(needs.many, list)
    return list
  }

  /** The selection, with a page of each list. `cursor`: the column of the sort of these rows. */
  select(pages: readonly PagePlan[], cursor: string | null): AnySelect {
    const select: Record<string, true | AnyQuery> = {}
    for (const column of this.columns) select[column] = true
    if (this.hasCursors && cursor !== null) {
      select.id = true
      select[cursor] = true
    }
    for (const [relation, wanted] of this.ones) select[relation] = { select: wanted.select(pages, null) }
    for (const [relation, { rows, place }] of this.lists) {
      const { where, orderBy, take, sort } = pages[place] as PagePlan
      select[relation] = { where, orderBy, take, select: rows.select(pages, sort.column) }
    }
    if (this.counts.size > 0)
      select._count = { select: Object.fromEntries([...this.counts].map((relation) => [relation, true])) }
    // Of a row only `__typename` or what is constant.
    if (Object.keys(select).length === 0) select.tenantId = true
    return select
  }
}
