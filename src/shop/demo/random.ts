// A seeded random number generator and picks from it. No clock, no Math.random, and only arithmetic that every engine
// computes alike.

/** A stream of numbers that depends only on its seed. Every call advances it. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number, both ends included. */
  between(min: number, max: number): number
  /** True with probability `share`, 0 to 1. */
  chance(share: number): boolean
  /** A random item of a list that is not empty. */
  pick<T>(list: readonly T[]): T
  /** A random item, with probability by its weight. */
  weighted<T>(list: readonly T[], weightOf: (item: T) => number): T
  /** A shuffled copy of the list. */
  shuffled<T>(list: readonly T[]): T[]
}

const UINT32 = 0x1_0000_0000
/** Initial rounds that are discarded, so that similar seeds diverge. */
const WARM_UP_ROUNDS = 16

/** FNV-1a: hashes a seed to 32 bits. */
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

/** The stream of a seed. Give each kind of row its own seed, so that a change in one does not affect the others. */
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
  // The bounds are checked above; T itself may include undefined.
  return list[index] as T
}
