// Rows that the permission to read their type does not cover: a caller without a further permission does not find them, by
// any way through the API. Commands read everything: what they tell of a record is their own matter.
import type { Permission } from '../auth/permissions.ts'
import type { AnyWhere } from '../db/reader/any-query.ts'
import { type View, WHOLE_VIEW } from '../db/reader/view.ts'
import type { ModelName } from '../db/register.ts'

export type Visibility = {
  /** The rows that everybody with the type's permission sees. */
  readonly where: AnyWhere
  /** Who has one of these sees all. */
  readonly unless: readonly Permission[]
}

const rules = new Map<ModelName, Visibility>()

/** The models with hidden rows. Complete once all modules are loaded. */
export const VISIBILITY: ReadonlyMap<ModelName, Visibility> = rules

/** Throws a plain Error for a model that has a rule already. */
export function defineVisibility(model: ModelName, rule: Visibility): void {
  if (rules.has(model)) throw new Error(`${model} has two rules about who sees its rows`)
  rules.set(model, rule)
}

const viewsByKey = new Map<string, View>()
const viewsOf = new WeakMap<ReadonlySet<Permission>, View>()

/** What a caller with these permissions sees. */
export function viewOf(permissions: ReadonlySet<Permission>): View {
  const known = viewsOf.get(permissions)
  if (known !== undefined) return known
  const found = viewWithout(
    [...rules].filter(([, { unless }]) => !unless.some((one) => permissions.has(one))),
  )
  viewsOf.set(permissions, found)
  return found
}

/** One object for each set of rules, of which there are few. */
function viewWithout(hidden: readonly (readonly [ModelName, Visibility])[]): View {
  if (hidden.length === 0) return WHOLE_VIEW
  const key = hidden.map(([model]) => model).join()
  const view = viewsByKey.get(key) ?? {
    key,
    rows: new Map(hidden.map(([model, { where }]) => [model, where])),
  }
  viewsByKey.set(key, view)
  return view
}
