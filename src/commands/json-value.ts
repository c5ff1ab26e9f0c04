// The values of columns as JSON, for the audit and user errors, and whether two are the same value.
import { isDeepStrictEqual } from 'node:util'
import type { Json } from './outcome.ts'

/** A column's value as JSON: bigints and decimals as digits, times as ISO 8601. */
export function jsonOf(value: unknown): Json {
  if (typeof value === 'bigint' || isDecimal(value)) return value.toString()
  if (value instanceof Date) return value.toISOString()
  return (value ?? null) as Json
}

/** Whether both are one value to a user: times by their instant, decimals by their number, JSON by its content. */
export function isSameValue(one: unknown, other: unknown): boolean {
  if (one instanceof Date && other instanceof Date) return one.getTime() === other.getTime()
  if (isDecimal(one)) return isNumeric(other) && one.equals(other)
  if (isDecimal(other)) return isSameValue(other, one)
  if (ArrayBuffer.isView(one) && ArrayBuffer.isView(other)) return bytesOf(one).equals(bytesOf(other))
  return isDeepStrictEqual(plain(one), plain(other))
}

/** Prisma's decimals. */
type Decimal = { equals(other: unknown): boolean; toFixed(): string; toString(): string }

function isDecimal(value: unknown): value is Decimal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'equals' in value &&
    'toFixed' in value &&
    typeof value.equals === 'function' &&
    typeof value.toFixed === 'function'
  )
}

/** What a decimal can be compared with. */
function isNumeric(value: unknown): boolean {
  return (
    isDecimal(value) || typeof value === 'number' || (typeof value === 'string' && /^-?[\d.]+$/.test(value))
  )
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** JSON has no undefined: a field that is undefined is absent. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value))
    return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [[name, plain(field)]])),
  )
}
