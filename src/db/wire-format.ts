// PostgreSQL's extended protocol, as far as a text message needs it: Close, Parse, Bind and Execute, and Sync, and values as text.
// https://www.postgresql.org/docs/current/protocol-message-formats.html

/** The protocol counts the parameters of a Bind in 16 bits. */
const PARAMETERS_MAX = 65_535
const LENGTH_BYTES = 4
const PARSE = 0x50
const BIND = 0x42
const CLOSE = 0x43
const STATEMENT = 0x53
const NULL_LENGTH = -1

/** Execute of the unnamed portal, all rows. */
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])
export const SYNC = Buffer.from([0x53, 0, 0, 0, 4])

/** A value in PostgreSQL's text form. */
export type Literal = string | null

function literalOf(value: unknown): Literal {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return null
      if (Array.isArray(value)) return `{${value.map(elementOf).join(',')}}`
      if (value instanceof Date) return value.toISOString()
      if (value instanceof Uint8Array) return `\\x${bytesOf(value).toString('hex')}`
  }
  throw new TypeError(`a statement takes no ${typeof value} as a value`)
}

/**
 * Values as text: strings, numbers, bigints, booleans, null, Date (ISO 8601), Uint8Array, and arrays of them. Throws a
 * TypeError for any other, and a RangeError for an invalid Date and for too many values.
 */
export function literalsOf(values: readonly unknown[]): readonly Literal[] {
  if (values.length > PARAMETERS_MAX)
    throw new RangeError(`a statement takes at most ${PARAMETERS_MAX} values`)
  return values.map(literalOf)
}

const IN_QUOTES = /["\\]/g

function elementOf(value: unknown): string {
  const literal = literalOf(value)
  if (literal === null) return 'NULL'
  return Array.isArray(value) ? literal : `"${literal.replace(IN_QUOTES, '\\$&')}"`
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** Parse: the server prepares `text` as `name`; unnamed when it is empty. The server infers the parameters' types. */
export function parseMessage(name: string, text: string): Buffer {
  const bytes = Buffer.allocUnsafe(
    1 + LENGTH_BYTES + Buffer.byteLength(name) + 1 + Buffer.byteLength(text) + 1 + 2,
  )
  bytes[0] = PARSE
  bytes.writeInt32BE(bytes.length - 1, 1)
  let at = writeTerminated(bytes, name, 1 + LENGTH_BYTES)
  at = writeTerminated(bytes, text, at)
  bytes.writeInt16BE(0, at)
  return bytes
}

/** Bind and Execute of a prepared statement, with text for all values and columns. */
export function runMessage(name: string, values: readonly Literal[]): Buffer {
  const { length } = values
  const lengths = values.map((value) => (value === null ? NULL_LENGTH : Buffer.byteLength(value)))
  let bindLength = LENGTH_BYTES + 1 + Buffer.byteLength(name) + 1 + 2 + 2 + 2
  for (const valueLength of lengths) bindLength += LENGTH_BYTES + Math.max(valueLength, 0)
  const bytes = Buffer.allocUnsafe(1 + bindLength + EXECUTE.length)
  bytes[0] = BIND
  bytes.writeInt32BE(bindLength, 1)
  // The unnamed portal.
  bytes[1 + LENGTH_BYTES] = 0
  let at = writeTerminated(bytes, name, 1 + LENGTH_BYTES + 1)
  // No formats: all values are text.
  at = bytes.writeInt16BE(0, at)
  at = bytes.writeUInt16BE(length, at)
  for (let index = 0; index < length; index += 1) {
    at = bytes.writeInt32BE(lengths[index] as number, at)
    const value = values[index] as Literal
    if (value !== null) at += bytes.write(value, at)
  }
  // No formats: all columns are text.
  at = bytes.writeInt16BE(0, at)
  bytes.set(EXECUTE, at)
  return bytes
}

/** Close of a prepared statement. */
export function closeMessage(name: string): Buffer {
  const bytes = Buffer.allocUnsafe(1 + LENGTH_BYTES + 1 + Buffer.byteLength(name) + 1)
  bytes[0] = CLOSE
  bytes[bytes.writeInt32BE(bytes.length - 1, 1)] = STATEMENT
  writeTerminated(bytes, name, 1 + LENGTH_BYTES + 1)
  return bytes
}

/** Returns the offset behind the text and its terminator. */
function writeTerminated(bytes: Buffer, text: string, at: number): number {
  const end = at + bytes.write(text, at)
  bytes[end] = 0
  return end + 1
}
