// Chance that always falls the same way: a seeded stream of numbers and the picks made from it. No clock, no
// Math.random, and only arithmetic that every engine computes alike.

/** A stream of numbers that its seed alone decides. Every call moves the stream on. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number, both ends included. */
  between(min: number, max: number): number
  /** True in `share` of the calls, 0 to 1. */
  chance(share: number): boolean
  /** One of the list, which must not be empty. */
  pick<T>(list: readonly T[]): T
  /** One of the list, each as likely as its weight says. */
  weighted<T>(list: readonly T[], weightOf: (item: T) => number): T
  /** The list in another order; the argument stays as it is. */
  shuffled<T>(list: readonly T[]): T[]
}

const UINT32 = 0x1_0000_0000
/** Rounds thrown away, so that similar seeds part ways. */
const WARM_UP_ROUNDS = 16

/** FNV-1a: spreads a seed's text over 32 bits. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  }
  return state >>> 0
}

/** Chris Doty-Humphrey's small fast counter (sfc32): 128 bits of state, a period of at least 2^32. */
function sfc32(seed: string): () => number {
  let a = hash(`${seed}#a`)
  let b = hash(`${seed}#b`)
  let c = hash(`${seed}#c`)
  let counter = 1
  const step = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / UINT32
  }
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) step()
  return step
}

/** The stream of a seed. Give each kind of row its own seed, so that a change in one leaves the others alone. */
export function randomFrom(seed: string): Random {
  const next = sfc32(seed)
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1))

  function pick<T>(list: readonly T[]): T {
    return at(list, between(0, list.length - 1))
  }

  function weighted<T>(list: readonly T[], weightOf: (item: T) => number): T {
    let left = next() * list.reduce((sum, item) => sum + weightOf(item), 0)
    for (const item of list) {
      left -= weightOf(item)
      if (left < 0) return item
    }
    return at(list, list.length - 1)
  }

  function shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list]
    return list.map(() => at(rest.splice(between(0, rest.length - 1), 1), 0))
  }

  return { next, between, chance: (share) => next() < share, pick, weighted, shuffled }
}

function at<T>(list: readonly T[], index: number): T {
  if (index < 0 || index >= list.length) throw new RangeError('nothing to pick from')
  // The bounds were just checked; T itself may include undefined.
  return list[index] as T
}
