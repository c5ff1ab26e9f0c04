// A map of bounded weight that forgets what was long unused. Knows nothing of what it keeps.

export type RecentMap<Value> = {
  get(key: string): Value | undefined
  /** Keeps the value; `weight` counts against the bound (one entry weighs 1 unless told). */
  set(key: string, value: Value, weight?: number): void
  delete(key: string): void
  readonly size: number
}

type Entry<Value> = { readonly value: Value; readonly weight: number }

/**
 * Two generations, as for verified tokens: when the young one holds half of the bound, the old one is dropped and the
 * young takes its place; a hit in the old one moves to the young. Never holds more than `weightMax` and one entry.
 */
export function createRecentMap<Value>(weightMax: number): RecentMap<Value> {
  let young = new Map<string, Entry<Value>>()
  let old = new Map<string, Entry<Value>>()
  let youngWeight = 0

  function add(key: string, entry: Entry<Value>): void {
    youngWeight += entry.weight - (young.get(key)?.weight ?? 0)
    young.set(key, entry)
    old.delete(key)
    if (youngWeight < weightMax / 2) return
    old = young
    young = new Map()
    youngWeight = 0
  }

  return {
    get(key) {
      const recent = young.get(key)
      if (recent !== undefined) return recent.value
      const entry = old.get(key)
      if (entry === undefined) return undefined
      add(key, entry)
      return entry.value
    },
    set: (key, value, weight = 1) => add(key, { value, weight }),
    delete(key) {
      youngWeight -= young.get(key)?.weight ?? 0
      young.delete(key)
      old.delete(key)
    },
    get size() {
      return young.size + old.size
    },
  }
}
