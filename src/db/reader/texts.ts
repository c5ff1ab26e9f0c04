// Rows as PostgreSQL writes an array of arrays of texts: `{{a,"b c"},{NULL,d}}`. Arrays rather than JSON, which takes PostgreSQL
// 1.4 times as long to build.
import type { Column } from '../models.ts'

/** A value as PostgreSQL writes it; null for NULL. */
export type Text = string | null
export type TextRow = Text[]

const BRACE = 0x7b
const CLOSING = 0x7d
const COMMA = 0x2c
const QUOTE = 0x22

/** The rows of an array of arrays. Throws a plain Error for any other text. */
export function rowsOf(text: string): TextRow[] {
  // One function over local variables: a page has hundreds of values.
  const { length } = text
  const rows: TextRow[] = []
  let backslash = findBackslash(text, 0)
  let at = 1
  if (text.charCodeAt(0) !== BRACE) throw unreadable()
  while (text.charCodeAt(at) === BRACE) {
    const row: TextRow = []
    at += 1
    let code = text.charCodeAt(at)
    // An array without values.
    if (code === CLOSING) at += 1
    while (code !== CLOSING) {
      if (code === QUOTE) {
        let value = ''
        let from = at + 1
        for (;;) {
          if (backslash < from) backslash = findBackslash(text, from)
          const end = text.indexOf('"', from)
          if (end < 0) throw unreadable()
          if (end < backslash) {
            row.push(value + text.slice(from, end))
            at = end + 1
            break
          }
          // The character behind a backslash stands for itself.
          value += text.slice(from, backslash) + text.charAt(backslash + 1)
          from = backslash + 2
        }
      } else {
        const from = at
        while (code !== COMMA && code !== CLOSING) {
          at += 1
          if (at >= length) throw unreadable()
          code = text.charCodeAt(at)
        }
        const value = text.slice(from, at)
        // A text of these letters is quoted.
        row.push(value === 'NULL' ? null : value)
      }
      code = text.charCodeAt(at)
      at += 1
      if (code === CLOSING) break
      if (code !== COMMA) throw unreadable()
      code = text.charCodeAt(at)
    }
    rows.push(row)
    if (text.charCodeAt(at) === COMMA) at += 1
  }
  if (text.charCodeAt(at) !== CLOSING) throw unreadable()
  return rows
}

/** Where the next backslash is; the text's length: nowhere. */
function findBackslash(text: string, from: number): number {
  const found = text.indexOf('\\', from)
  return found < 0 ? text.length : found
}

function unreadable(): Error {
  return new Error('PostgreSQL answered what is no array')
}

/** The values of an array. Throws a plain Error for any other text. */
export function valuesOf(text: string): TextRow {
  return rowsOf(`{${text}}`)[0] ?? []
}

/** Converts a value that is not NULL. */
export type Decode = (text: string) => unknown

const asIs: Decode = (text) => text
const DECODERS: Readonly<Record<string, Decode>> = {
  String: asIs,
  Int: Number,
  Boolean: (text) => text === 'true',
  BigInt,
  DateTime: (text) => new Date(isoOf(text)),
  Json: (text) => JSON.parse(text) as unknown,
  // `\x` and hexadecimal digits, by the session's bytea_output.
  Bytes: (text) => Uint8Array.from(Buffer.from(text.slice(2), 'hex')),
}

/** The values of a column as Prisma has them. Throws a plain Error for a type that the reader does not read. */
export function decoderOf({ name, type, isEnum }: Column): Decode {
  const decode = isEnum ? asIs : DECODERS[type]
  if (decode === undefined) throw new Error(`the reader does not read ${name}: a ${type}`)
  return decode
}

const UTC = '+00'
const DATE_LENGTH = 10
/** `2026-01-31 12:00:00` */
const SECONDS_LENGTH = 19
const MILLIS_DIGITS = 3

/**
 * An instant in ISO 8601 with milliseconds, as JavaScript writes it, from PostgreSQL's text `2026-01-31 12:00:00.12+00`. The session's
 * time zone is UTC (session-settings.ts). Throws a RangeError for what JavaScript has no date for.
 */
export function isoOf(text: string): string {
  const { length } = text
  if (!text.endsWith(UTC) || text.charCodeAt(DATE_LENGTH) !== SPACE || length < SECONDS_LENGTH + UTC.length)
    return new Date(text).toISOString()
  const start = `${text.slice(0, DATE_LENGTH)}T${text.slice(DATE_LENGTH + 1, SECONDS_LENGTH)}`
  const fraction = text.slice(SECONDS_LENGTH + 1, length - UTC.length)
  if (fraction.length === MILLIS_DIGITS) return `${start}.${fraction}Z`
  return `${start}.${fraction.slice(0, MILLIS_DIGITS).padEnd(MILLIS_DIGITS, '0')}Z`
}
const SPACE = 0x20
