// The scalar types of the API: their serialisation, and the validation of input.
import { GraphQLError, GraphQLScalarType } from 'graphql'
import { z } from 'zod'
import { isCurrency } from '../core/money.ts'

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
/** The years that PostgreSQL and ISO 8601 both write with four digits. */
const INSTANT_MIN = new Date('0001-01-01T00:00:00Z')
const INSTANT_MAX = new Date('9999-12-31T23:59:59.999Z')
const instant = z.iso.datetime({ offset: true })

function refuse(message: string): never {
  throw new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}

export const dateTimeScalar = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time',
  description: 'A point in time, ISO 8601 with a time zone; returned in UTC with milliseconds.',
  serialize: (value) => (value instanceof Date ? value : new Date(value as string)).toISOString(),
  parseValue: (value) => {
    const text = instant.safeParse(value)
    if (!text.success) refuse('DateTime must be an instant of the calendar, like 2026-01-31T12:00:00Z')
    const date = new Date(text.data)
    if (date < INSTANT_MIN || date > INSTANT_MAX) refuse('DateTime must be in the years 1 to 9999')
    return date
  },
})

const day = z.iso.date()

export const dateScalar = new GraphQLScalarType<string, string>({
  name: 'Date',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/local-date',
  description: "A day of the tenant's calendar, ISO 8601: 2026-01-31.",
  serialize: (value) => String(value),
  parseValue: (value) => {
    const text = day.safeParse(value)
    if (!text.success || text.data < '0001-01-02' || text.data > '9999-12-29')
      refuse('Date must be a day of the calendar, like 2026-01-31')
    return text.data
  },
})

export const bigIntScalar = new GraphQLScalarType<bigint, string>({
  name: 'BigInt',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema-2/#long',
  description:
    'A 64-bit integer. Returned as a string of digits, since a JSON number is exact only to 2^53; accepted as a string or an integer.',
  serialize: (value) => (value as bigint).toString(),
  parseValue: parseBigInt,
  // From the literal's digits: as a number the last ones would be lost.
  parseLiteral: (node) =>
    parseBigInt(node.kind === 'IntValue' || node.kind === 'StringValue' ? node.value : undefined),
})

function parseBigInt(value: unknown): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) refuse('BigInt must be a 64-bit integer')
  const parsed = BigInt(value)
  if (parsed > INT64_MAX || parsed < INT64_MIN) refuse('BigInt must be a 64-bit integer')
  return parsed
}

export const decimalScalar = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema-2/#decimal',
  description: 'An exact decimal number as a string, such as "19.99".',
  serialize: (value) => String(value),
  parseValue: (value) => {
    if (typeof value !== 'string' || !/^-?\d{1,30}(\.\d{1,20})?$/.test(value))
      refuse('Decimal must be a string like "19.99"')
    return value
  },
})

export const jsonScalar = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  description: 'Any JSON value. Only returned, never accepted.',
  serialize: (value) => value,
  parseValue: () => refuse('JSON is never accepted'),
})

export const currencyScalar = new GraphQLScalarType<string, string>({
  name: 'Currency',
  specifiedByURL: 'https://www.iso.org/iso-4217-currency-codes.html',
  description: 'An ISO 4217 currency code, such as USD.',
  serialize: (value) => String(value),
  parseValue: (value) => {
    if (typeof value !== 'string' || !isCurrency(value))
      refuse('Currency must be an ISO 4217 code such as USD')
    return value
  },
})
