// Merges the loads of one request's resolvers into one. The batches end with the request.
import DataLoader from 'dataloader'

type Loader<Value> = DataLoader<string, Value | undefined>

/** By request, then by key. */
const loadersOf = new WeakMap<object, Map<object, Loader<unknown>>>()

/**
 * The value that `load` finds for `id`, loaded once for all ids of the request with the same `key` in a tick; undefined
 * when there is none. `request` and `key` are compared by identity; a key's first `load` in a request serves all of its
 * ids. Rejects as `load` does.
 */
export function loadTogether<Value>(
  request: object,
  key: object,
  id: string,
  load: (ids: string[]) => Promise<ReadonlyMap<string, Value>>,
): Promise<Value | undefined> {
  const loaders = loadersOf.get(request) ?? new Map<object, Loader<unknown>>()
  loadersOf.set(request, loaders)
  // A key has one type of value: that of its load.
  let loader = loaders.get(key) as Loader<Value> | undefined
  if (loader === undefined) {
    loader = createLoader(load)
    loaders.set(key, loader)
  }
  return loader.load(id)
}

/** Caches nothing: a mutation of the same request may have changed what was loaded before. */
function createLoader<Value>(load: (ids: string[]) => Promise<ReadonlyMap<string, Value>>): Loader<Value> {
  return new DataLoader(
    async (ids) => {
      const found = await load([...new Set(ids)])
      return ids.map((id) => found.get(id))
    },
    { cache: false },
  )
}
