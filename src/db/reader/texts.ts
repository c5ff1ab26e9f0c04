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

/** Reads a text from its beginning; one per text. */
class Reading {
  readonly #text: string
  #at = 1
  /** The next backslash at or behind `at`, or the text's length. */
  #escape: number

  constructor(text: string) {
    if (text.charCodeAt(0) !== BRACE) throw new Error('PostgreSQL answered no array')
    this.#text = text
    this.#escape = this.#findEscape(1)
  }

  #findEscape(from: number): number {
    const found = this.#text.indexOf('\\', from)
    return found < 0 ? this.#text.length : found
  }

  rows(): TextRow[] {
    const rows: TextRow[] = []
    while (this.#text.charCodeAt(this.#at) === BRACE) {
      this.#at += 1
      rows.push(this.values())
      if (this.#text.charCodeAt(this.#at) === COMMA) this.#at += 1
    }
    if (this.#text.charCodeAt(this.#at) !== CLOSING) throw new Error('PostgreSQL answered no array of rows')
    return rows
  }

  /** The values up to the closing brace, which is read too. */
  values(): TextRow {
    const text = this.#text
    const values: TextRow = []
    if (text.charCodeAt(this.#at) === CLOSING) {
      this.#at += 1
      return values
    }
    for (;;) {
      values.push(text.charCodeAt(this.#at) === QUOTE ? this.#quoted() : this.#plain())
      const next = text.charCodeAt(this.#at)
      this.#at += 1
      if (next === CLOSING) return values
      if (next !== COMMA) throw new Error('PostgreSQL answered an array that cannot be read')
    }
  }

  #plain(): Text {
    const text = this.#text
    const from = this.#at
    const { length } = text
    let at = from
    for (; at < length; at += 1) {
      const code = text.charCodeAt(at)
      if (code === COMMA || code === CLOSING) break
    }
    if (at === length) throw new Error('PostgreSQL answered an array without its end')
    this.#at = at
    const value = text.slice(from, at)
    // A text of these letters is quoted.
    return value === 'NULL' ? null : value
  }

  #quoted(): string {
    const text = this.#text
    let from = this.#at + 1
    let value = ''
    for (;;) {
      if (this.#escape < from) this.#escape = this.#findEscape(from)
      const end = text.indexOf('"', from)
      if (end < 0) throw new Error('PostgreSQL answered an array without its end')
      if (end < this.#escape) {
        this.#at = end + 1
        return value + text.slice(from, end)
      }
      // The character behind a backslash stands for itself.
      value += text.slice(from, this.#escape) + text.charAt(this.#escape + 1)
      from = this.#escape + 2
    }
  }
}

/** The rows of an array of arrays. Throws a plain Error for any other text. */
export function rowsOf(text: string): TextRow[] {
  return new Reading(text).rows()
}

/** The values of an array. Throws a plain Error for any other text. */
export function valuesOf(text: string): TextRow {
  return new Reading(text).values()
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
