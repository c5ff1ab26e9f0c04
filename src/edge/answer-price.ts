// The cost of an answer's parts, as estimated before it runs and as measured afterwards, and its size.
import { type GraphQLField, getNamedType, isEnumType } from 'graphql'
import { ENVELOPE_BYTES, LEAF_UNITS, OBJECT_UNITS, UNITS_PER_POINT } from '../answers/weight.ts'
import { COST_MIN } from './cost-budget.ts'

const BYTE_UNITS = 1

/** Points for a request that is refused before it ran, and for a part that the caller may not read. */
export const REFUSAL_COST = 20
/** A field that the caller may not read: an error with its path, about 300 bytes, beside the null. */
export const FORBIDDEN_UNITS = OBJECT_UNITS + 300

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

/** The most bytes of JSON for one counted byte: a character written as \uXXXX. */
const ERROR_FACTOR = 6

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
