// What the parts of an answer cost, as estimated before it runs and as counted when it is there, and how large it is.
import { type GraphQLField, getNamedType, isEnumType } from 'graphql'
import { COST_MIN } from './cost-budget.ts'

/**
 * Costs are added up in thousandths of a point. Measured: an object takes some 5 µs of this process's time, a scalar
 * field a tenth of that, and so does what it takes to make and send a hundred bytes.
 */
export const UNITS_PER_POINT = 1_000
export const OBJECT_UNITS = 1_000
const LEAF_UNITS = 100
const BYTE_UNITS = 1

/** Around a field's value: quotes, a colon and a comma. */
export const ENVELOPE_BYTES = 4

/** A text of which its field does not say, in `extensions.bytes`, how long it may be: names, titles, codes. */
const TEXT_BYTES = 50
const BYTES_OF: Readonly<Record<string, number>> = {
  Boolean: 5,
  Int: 6,
  Float: 12,
  BigInt: 12,
  Currency: 5,
  Date: 12,
  DateTime: 26,
  Decimal: 12,
  ID: 34,
}
const ENUM_BYTES = 12

/** Units that a scalar field is taken to cost, with the bytes it takes; `field` is null for `__typename`. */
export function leafUnits(name: string, field: GraphQLField<unknown, unknown> | null, items: number): number {
  const bytes = field === null ? ENUM_BYTES : bytesOf(field)
  return name.length + ENVELOPE_BYTES + items * (LEAF_UNITS + bytes * BYTE_UNITS)
}

function bytesOf(field: GraphQLField<unknown, unknown>): number {
  const { bytes } = field.extensions
  if (typeof bytes === 'number') return bytes
  const type = getNamedType(field.type)
  return isEnumType(type) ? ENUM_BYTES : (BYTES_OF[type.name] ?? TEXT_BYTES)
}

/** Points, at least 1. */
export function pointsOf(units: number): number {
  return Math.max(COST_MIN, Math.ceil(units / UNITS_PER_POINT))
}

/** What an answer's data is made of. */
export type Weight = {
  /** For its objects, its scalars and its fields with a price; not for its bytes. */
  readonly units: number
  /** Of its JSON; exact but for numbers, and for letters that are not ASCII or that JSON escapes. */
  readonly bytes: number
}

/** A number or a constant: no JSON of one is more than six times as long, none less than a quarter. */
const SHORT_VALUE_BYTES = 4
/** JSON makes at most so many bytes of what `weigh` counts as one: of a letter, by writing it as \uXXXX. */
const ERROR_FACTOR = 6

/** Weighs an answer without serialising it. `prices` are points by the names of fields. */
export function weigh(data: unknown, prices: ReadonlyMap<string, number>): Weight {
  let units = 0
  let bytes = 0
  // The root is no object that anybody asked for.
  add(data, false)
  return { units, bytes }

  function add(value: unknown, isCounted: boolean): void {
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
      if (isCounted) units += OBJECT_UNITS
      bytes += 2
      // An answer's objects have no prototype, so these are their own keys.
      for (const key in value) {
        if (prices.size > 0) units += (prices.get(key) ?? 0) * UNITS_PER_POINT
        bytes += key.length + ENVELOPE_BYTES
        add((value as Record<string, unknown>)[key], true)
      }
    }
  }
}

/**
 * Whether the JSON of the parts has more than `bytesMax` bytes together; `bytes` is what `weigh` found for them. Counted
 * exactly only where that leaves it open, without making more of the JSON than one text at a time.
 */
export function isOverBytes(parts: readonly unknown[], bytes: number, bytesMax: number): boolean {
  if (bytes * ERROR_FACTOR <= bytesMax) return false
  if (bytes > bytesMax * ERROR_FACTOR) return true
  let left = bytesMax
  for (const part of parts) if (!fits(part)) return true
  return false

  function fits(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) {
      // A field that is not there is not sent.
      left -= value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
      return left >= 0
    }
    left -= 2
    if (Array.isArray(value)) {
      left -= Math.max(0, value.length - 1)
      return value.every(fits)
    }
    let isFirst = true
    for (const key in value) {
      left -= key.length + ENVELOPE_BYTES - (isFirst ? 1 : 0)
      isFirst = false
      if (!fits((value as Record<string, unknown>)[key])) return false
    }
    return left >= 0
  }
}
