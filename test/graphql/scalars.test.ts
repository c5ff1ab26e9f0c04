// The serialisation of scalars, and the validation of input.
import fc from 'fast-check'
import { type GraphQLScalarType, isScalarType, isSpecifiedScalarType, parseConstValue } from 'graphql'
import { describe, expect, it } from 'vitest'
import { decodeId, encodeId, NO_ID, uuidOf } from '../../src/core/ids.ts'
import { toDecimal, toMinor } from '../../src/core/money.ts'
import { bigIntScalar, currencyScalar, dateTimeScalar, decimalScalar } from '../../src/graphql/scalars.ts'
import { buildSchema } from '../../src/schema.ts'

const refused = (scalar: GraphQLScalarType, value: unknown) =>
  expect(() => scalar.parseValue(value), JSON.stringify(value)).toThrow(scalar.name)

describe('DateTime', () => {
  it('is answered in UTC with milliseconds, and read with any zone', () => {
    const date = dateTimeScalar.parseValue('2026-01-31T12:00:00.5+02:00')
    expect(dateTimeScalar.serialize(date)).toBe('2026-01-31T10:00:00.500Z')
  })

  it.each([
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-02-30T12:00:00Z',
    '2026-04-31T12:00:00Z',
    '2027-02-29T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-01-01T25:00:00Z',
    '2026-01-01T12:60:00Z',
    '2026-01-01T12:00:00+99:00',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-14:00',
    '+012026-01-01T00:00:00Z',
    '2026-01-31T12:00:00Z; DROP TABLE orders',
    '',
    1769860800000,
    null,
    {},
  ])('refuses %j', (value) => refused(dateTimeScalar, value))

  it('takes every day of the calendar, and no other', () => {
    expect(dateTimeScalar.parseValue('2028-02-29T00:00:00Z')).toEqual(new Date('2028-02-29T00:00:00Z'))
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true }),
        (date) => {
          expect(dateTimeScalar.parseValue(date.toISOString())).toEqual(date)
        },
      ),
    )
  })
})

describe('BigInt', () => {
  it('is exact over the whole range, as a string or as a literal', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(bigIntScalar.parseValue(value.toString())).toBe(value)
        expect(bigIntScalar.parseLiteral(parseConstValue(value.toString()))).toBe(value)
        expect(bigIntScalar.serialize(value)).toBe(value.toString())
      }),
    )
    expect(bigIntScalar.parseLiteral(parseConstValue('9007199254740993'))).toBe(9007199254740993n)
    expect(bigIntScalar.parseValue(12)).toBe(12n)
  })

  it.each([
    '9223372036854775808',
    '-9223372036854775809',
    '1e3',
    '1.0',
    '0x10',
    ' 1',
    '',
    '+1',
    1.5,
    2 ** 53,
    null,
    true,
    [],
  ])('refuses %j', (value) => refused(bigIntScalar, value))

  it.each(['1.5', 'true', 'A', '[1]', 'null', '99999999999999999999'])('refuses the literal %s', (text) => {
    expect(() => bigIntScalar.parseLiteral(parseConstValue(text))).toThrow('BigInt')
  })
})

it.each(['usd', 'US', 'USDD', 'ZZZ', '', 'USD ', 840, null])('Currency refuses %j', (value) =>
  refused(currencyScalar, value),
)

it.each(['1,5', '1e5', '.5', '5.', '--1', '', 1.5, null, '1'.repeat(31)])('Decimal refuses %j', (value) =>
  refused(decimalScalar, value),
)

describe('an amount in major units', () => {
  it.each([
    [1999n, 'USD', '19.99'],
    [5n, 'USD', '0.05'],
    [-5n, 'USD', '-0.05'],
    [-1999n, 'EUR', '-19.99'],
    [0n, 'USD', '0.00'],
    [500n, 'JPY', '500'],
    [-500n, 'JPY', '-500'],
    [1234n, 'KWD', '1.234'],
    [1n, 'BHD', '0.001'],
    [9223372036854775807n, 'USD', '92233720368547758.07'],
    [-9223372036854775808n, 'JPY', '-9223372036854775808'],
  ])('%s %s is %s', (amountMinor, currency, shown) =>
    expect(toDecimal({ amountMinor, currency })).toBe(shown),
  )

  it('never rounds: read back, it is the same amount', () => {
    const amount = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    fc.assert(
      fc.property(amount, fc.constantFrom('USD', 'JPY', 'KWD'), (amountMinor, currency) => {
        expect(BigInt(toDecimal({ amountMinor, currency }).replace('.', ''))).toBe(amountMinor)
        expect(toMinor(toDecimal({ amountMinor, currency }), currency)).toBe(amountMinor)
      }),
    )
  })
})

describe('an id', () => {
  it('goes out and comes back', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.constantFrom('ord', 'mem', 'line'), (uuid, prefix) => {
        const id = encodeId(prefix, uuid)
        expect(id).toMatch(/^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
        expect(decodeId(id)).toEqual({ prefix, uuid })
        expect(uuidOf(prefix, id)).toBe(uuid)
        expect(uuidOf('other', id)).toBe(NO_ID)
      }),
    )
  })

  it('has one spelling: everything that decodes is the result of encoding', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^ord_[0-9A-Za-z]{26}$/), (id) => {
        const decoded = decodeId(id)
        if (decoded !== null) expect(encodeId(decoded.prefix, decoded.uuid)).toBe(id)
      }),
    )
  })

  it('of anything else is the id that no row has', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(uuidOf('ord', text)).toBe(NO_ID)
      }),
    )
  })
})

it('every scalar of the API says where its form is specified', () => {
  const own = Object.values(buildSchema().getTypeMap())
    .filter(isScalarType)
    .filter((type) => !isSpecifiedScalarType(type))
  expect(own.length).toBeGreaterThan(3)
  expect(own.filter(({ specifiedByURL }) => specifiedByURL?.startsWith('https://') !== true)).toEqual([])
})
