// The cost of an answer's parts, as estimated before it runs and as measured afterwards, and its size.
import { type GraphQLField, getNamedType, isEnumType } from 'graphql'
import { COST_MIN } from './cost-budget.ts'

/**
 * Costs are added in thousandths of a point. Measured: an object takes about 5 µs of CPU, a scalar field a tenth of
 * that, and so does making and sending a hundred bytes.
 */
export const UNITS_PER_POINT = 1_000
export const OBJECT_UNITS = 1_000
const LEAF_UNITS = 100
const BYTE_UNITS = 1

/** Points for a request that is refused before it ran, and for a part that the caller may not read. */
export const REFUSAL_COST = 20
/** A field that the caller may not read: an error with its path, about 300 bytes, beside the null. */
export const FORBIDDEN_UNITS = OBJECT_UNITS + 300

/** Around a field's value: quotes, a colon and a comma. */
export const ENVELOPE_BYTES = 4

/** The default length of a text (names, titles, codes), for fields without `extensions.bytes`. */
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

/** The estimated units of a scalar field, including its bytes; `field` is null for `__typename`. */
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

/** What an answer's data weighs. */
export type Weight = {
  /** The units of its objects, scalars and priced fields, without its bytes. */
  readonly units: number
  /** Its length as JSON; exact except for numbers, and for characters that are not ASCII or that JSON escapes. */
  readonly bytes: number
}

/** The counted length of a number or a constant: its JSON is at most six times as long, and at least a quarter. */
const SHORT_VALUE_BYTES = 4
/** The most bytes of JSON for one counted byte: a character written as \uXXXX. */
const ERROR_FACTOR = 6

/** Weighs an answer without serialising it. `prices` are points by field name. */
export function weigh(data: unknown, prices: ReadonlyMap<string, number>): Weight {
  let units = 0
  let bytes = 0
  // The root object was not asked for.
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
      // An answer's objects have no prototype, so these are own keys.
      for (const key in value) {
        if (prices.size > 0) units += (prices.get(key) ?? 0) * UNITS_PER_POINT
        bytes += key.length + ENVELOPE_BYTES
        add((value as Record<string, unknown>)[key], true)
      }
    }
  }
}

/**
 * Whether the JSON of the parts has more than `bytesMax` bytes together; `bytes` is their sum by `weigh`. Counts
 * exactly only where that sum is not decisive, without serialising more than one text at a time.
 */
export function isOverBytes(parts: readonly unknown[], bytes: number, bytesMax: number): boolean {
  if (bytes * ERROR_FACTOR <= bytesMax) return false
  if (bytes > bytesMax * ERROR_FACTOR) return true
  let left = bytesMax
  for (const part of parts) if (!fits(part)) return true
  return false

  function fits(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) {
      // Undefined fields are not sent.
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
