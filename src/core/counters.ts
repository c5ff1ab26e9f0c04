// Counters by key. A counter at 0 is removed, so memory is bounded by the keys in use.

export type Counters<Key> = {
  /** 0 for an unknown key. */
  get(key: Key): number
  /** Adds a positive or negative number; returns the new value. */
  add(key: Key, change: number): number
}

export function createCounters<Key>(): Counters<Key> {
  const counts = new Map<Key, number>()
  return {
    get: (key) => counts.get(key) ?? 0,
    add(key, change) {
      const count = (counts.get(key) ?? 0) + change
      if (count === 0) counts.delete(key)
      else counts.set(key, count)
      return count
    },
  }
}
