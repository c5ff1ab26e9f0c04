// The sort keys of a root list: an enum of the API, and the indexed column of each value.
import { builder } from './builder.ts'
import type { Sort } from './keyset.ts'

type Column = Pick<Sort, 'column' | 'type'>

/** Makes the enum `name`, and a reader of `sortKey` and `reverse`. `newestFirst` keys start with the latest. */
export function sortsOf<Key extends string>(
  name: string,
  keys: Readonly<Record<Key, Column & { readonly newestFirst?: true }>>,
  defaultKey: NoInfer<Key>,
) {
  const type = builder.enumType(name, { values: Object.keys(keys) as [Key, ...Key[]] })
  const read = (sortKey: Key | null | undefined, reverse: boolean | null | undefined): Sort => {
    const { column, type: columnType, newestFirst = false } = keys[sortKey ?? defaultKey]
    return { column, type: columnType, descending: newestFirst !== (reverse ?? false) }
  }
  return { type, read }
}
