// What an answer's data weighs, in thousandths of a point. Measured: an object takes about 5 µs of CPU, a scalar field a tenth of
// that, and so does making and sending a hundred bytes.

export const UNITS_PER_POINT = 1_000
export const OBJECT_UNITS = 1_000
export const LEAF_UNITS = 100

/** Points by the name of a field in the answer, beside the objects that the field returns. */
export type Prices = ReadonlyMap<string, number>

export type Weight = {
  /** The units of its objects, scalars and priced fields, without its bytes. */
  readonly units: number
  /** Its length as JSON; exact except for numbers, and for characters that are not ASCII or that JSON escapes. */
  readonly bytes: number
}

/** The counted length of a number or a constant: its JSON is at most six times as long, and at least a quarter. */
const SHORT_VALUE_BYTES = 4
/** Around a field's value: quotes, a colon and a comma. */
export const ENVELOPE_BYTES = 4

/** Weighs data without serialising it. `isCounted`: it is a part of an answer; the answer's own root object was not asked for. */
export function weigh(data: unknown, prices: Prices, isCounted = false): Weight {
  let units = 0
  let bytes = 0
  add(data, isCounted)
  return { units, bytes }

  function add(value: unknown, isCountedObject: boolean): void {
    if (typeof value === 'string') {
      units += LEAF_UNITS
      bytes += value.length + 2
    } else if (typeof value !== 'object' || value === null) {
      units += LEAF_UNITS
      bytes += SHORT_VALUE_BYTES
    } else if (Array.isArray(value)) {
      bytes += 2 + value.length
      for (const item of value) add(item, true)
    } else {
      if (isCountedObject) units += OBJECT_UNITS
      bytes += 2
      // An answer's objects have no prototype, so these are own keys.
      for (const key in value) {
        if (prices.size > 0) units += (prices.get(key) ?? 0) * UNITS_PER_POINT
        bytes += key.length + ENVELOPE_BYTES
        add((value as Record<string, unknown>)[key], true)
      }
    }
  }
}
