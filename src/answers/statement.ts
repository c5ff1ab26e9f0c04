// The statements of one field that reads: its selection compiled once for each view and sort, its filter for each request.
import { compileSelection, type RowsQuery, type Selected } from '../db/reader/read-sql.ts'
import type { View } from '../db/reader/view.ts'
import { type ModelName, registeredModels } from '../db/register.ts'
import type { Context } from '../graphql/context.ts'
import type { PagePlan } from '../graphql/keyset.ts'
import { viewOf } from '../graphql/visibility.ts'
import type { Variables } from './document.ts'
import { keepSelections } from './kept.ts'
import type { Lists, Wanted } from './wanted.ts'

/** What is compiled of one selection. `Write`: how its rows become JSON. */
export type Prepared<Write> = { readonly selected: Selected; readonly write: Write }

export class Statements<Write> {
  readonly #model: ModelName
  readonly #wanted: Wanted
  readonly #lists: Lists
  readonly #bind: (selected: Selected, pages: readonly PagePlan[], own: PagePlan | null) => Write
  /** By what the callers see, the sort, and the page sizes of the lists. */
  readonly #prepared = keepSelections<Prepared<Write>>()

  constructor(
    model: ModelName,
    wanted: Wanted,
    lists: Lists,
    bind: (selected: Selected, pages: readonly PagePlan[], own: PagePlan | null) => Write,
  ) {
    this.#model = model
    this.#wanted = wanted
    this.#lists = lists
    this.#bind = bind
  }

  /** The pages of the lists, by their places. Throws BAD_USER_INPUT. */
  pagesFor(variables: Variables, context: Context): readonly PagePlan[] {
    return this.#lists.map((list) => list.planFor(variables, context))
  }

  /** `own`: the page of the rows themselves; null: one row. */
  prepare(context: Context, pages: readonly PagePlan[], own: PagePlan | null): Prepared<Write> {
    const view = viewOf(context.caller.permissions)
    // A cursor is a part of the list's filter, which is different in nearly every request.
    if (pages.some(({ after, before }) => after !== null || before !== null))
      return this.#compile(view, pages, own)
    const key = [
      view.key,
      own?.sort.column ?? '',
      ...pages.map(({ take, backward }) => `${take}${backward}`),
    ].join()
    const known = this.#prepared.get(key)
    if (known !== undefined) return known
    const made = this.#compile(view, pages, own)
    this.#prepared.set(key, made, made.selected.length)
    return made
  }

  #compile(view: View, pages: readonly PagePlan[], own: PagePlan | null): Prepared<Write> {
    const select = this.#wanted.select(pages, own?.sort.column ?? null)
    const selected = compileSelection(registeredModels(), this.#model, select, view)
    return { selected, write: this.#bind(selected, pages, own) }
  }
}

/** The text that the rows of a query have. */
export function readRows(
  { caller }: Context,
  { selected }: Prepared<unknown>,
  query: RowsQuery,
): Promise<string | null> {
  const { scope, database } = caller
  return database.readText(scope, selected.statement(scope.tenantId, query))
}
