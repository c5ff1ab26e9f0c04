// Joins what the resolvers of one request ask for one by one into one load. What it keeps ends with the request.

type Batch<Value> = { readonly ids: Set<string>; readonly found: Promise<ReadonlyMap<string, Value>> }

/** By request, then by what is loaded. */
const batchesOf = new WeakMap<object, Map<object, Batch<unknown>>>()

/**
 * What `load` finds for `id`, loaded once for all ids that the request asks for by the same `key` within a tick;
 * undefined when it finds none. `request` and `key` are known by identity. Rejects as `load` does.
 */
export async function loadTogether<Value>(
  request: object,
  key: object,
  id: string,
  load: (ids: string[]) => Promise<ReadonlyMap<string, Value>>,
): Promise<Value | undefined> {
  const batches = batchesOf.get(request) ?? new Map<object, Batch<unknown>>()
  batchesOf.set(request, batches)
  // One key has one kind of value: whoever names it gives its load.
  let batch = batches.get(key) as Batch<Value> | undefined
  if (batch === undefined) {
    const ids = new Set<string>()
    // The parents of a list resolve their fields in one go: by the next microtask all of them have joined.
    const found = Promise.resolve().then(() => {
      batches.delete(key)
      return load([...ids])
    })
    batch = { ids, found }
    batches.set(key, batch)
  }
  batch.ids.add(id)
  return (await batch.found).get(id)
}
