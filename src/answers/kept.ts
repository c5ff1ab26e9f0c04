// The memory of what is compiled: one bound for all operations of the process, in the order of use. What is evicted is compiled
// again, in about a millisecond.
import { LRUCache } from 'lru-cache'

/**
 * Measured: the plan and the selection of a page of orders with their customers and lines, 30 fields and 760 letters of SQL, take 28 KB.
 * So both together take at most some 60 MB.
 */
const FIELDS_MAX = 40_000
const LETTERS_MAX = 2_000_000

export type Kept<Value extends object> = {
  get(key: string): Value | undefined
  set(key: string, value: Value, size: number): void
}

let owners = 0

/** A memory of its own for one operation or field, within the bound for all. */
function within<Value extends object>(all: LRUCache<string, object>): Kept<Value> {
  owners += 1
  const own = `${owners} `
  return {
    get: (key) => all.get(own + key) as Value | undefined,
    set: (key, value, size) => {
      all.set(own + key, value, { size: Math.max(1, size) })
    },
  }
}

const plans = new LRUCache<string, object>({ maxSize: FIELDS_MAX })
const selections = new LRUCache<string, object>({ maxSize: LETTERS_MAX })

/** Plans of one operation. A plan's size is its number of fields. */
export function keepPlans<Plan extends object>(): Kept<Plan> {
  return within<Plan>(plans)
}

/** Selections of one field. A selection's size is the length of its SQL. */
export function keepSelections<Selection extends object>(): Kept<Selection> {
  return within<Selection>(selections)
}
