// Amounts in Stripe's units, by its documentation: never another amount than ours.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toDecimal } from '../../../../src/core/money.ts'
import {
  fromStripeAmount,
  fromStripeFee,
  toStripeAmount,
} from '../../../../src/shop/payments/stripe/amount.ts'

/** Stripe's decimals by https://docs.stripe.com/currencies. */
const ZERO_DECIMALS = 'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' ')
const THREE_DECIMALS = 'BHD JOD KWD OMR TND'.split(' ')
/** Others, and those that Stripe writes with two decimals though they no longer have any. */
const TWO_DECIMALS = 'USD EUR GBP HUF IDR COP TWD INR PLN CZK ISK UGX'.split(' ')

function decimalsAtStripe(currency: string): number {
  if (ZERO_DECIMALS.includes(currency)) return 0
  return THREE_DECIMALS.includes(currency) ? 3 : 2
}

/** In units small enough for every currency. */
function scaled(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.')
  return BigInt(whole + fraction.padEnd(6, '0'))
}

const currencies = fc.constantFrom(...ZERO_DECIMALS, ...THREE_DECIMALS, ...TWO_DECIMALS)
const amounts = fc.bigInt({ min: 1n, max: 2n ** 53n })

describe('an amount', () => {
  it('is sent as the same sum of money, or not at all, and comes back as it was', () => {
    fc.assert(
      fc.property(currencies, amounts, (currency, amountMinor) => {
        const sent = toStripeAmount(amountMinor, currency)
        if (sent === null) return
        const value = BigInt(sent) * 10n ** BigInt(6 - decimalsAtStripe(currency))
        expect(value).toBe(scaled(toDecimal({ amountMinor, currency })))
        expect(fromStripeAmount(sent, currency)).toBe(amountMinor)
      }),
      { numRuns: 1_000 },
    )
  })

  it('of a whole number of units can be sent in every currency', () => {
    fc.assert(
      fc.property(currencies, fc.bigInt({ min: 1n, max: 10n ** 9n }), (currency, units) => {
        const minorPerUnit = scaled(toDecimal({ amountMinor: 1n, currency }))
        const amountMinor = (units * 10n ** 6n) / minorPerUnit
        expect(toStripeAmount(amountMinor, currency)).not.toBeNull()
      }),
    )
  })

  it.each([
    [1_999n, 'USD', 1_999],
    [500n, 'JPY', 500],
    [500n, 'ISK', 50_000],
    [500n, 'UGX', 50_000],
    [1_230n, 'KWD', 1_230],
    [123_456_789_012n, 'USD', 123_456_789_012],
  ])('%s of %s are %s', (amountMinor, currency, amount) => {
    expect(toStripeAmount(amountMinor, currency)).toBe(amount)
    expect(fromStripeAmount(amount, currency)).toBe(amountMinor)
  })

  it.each([
    [1_234n, 'KWD'],
    [1n, 'BHD'],
    [2n ** 53n, 'USD'],
    [2n ** 63n, 'USD'],
    [2n ** 50n, 'ISK'],
  ])('%s of %s cannot be expressed', (amountMinor, currency) => {
    expect(toStripeAmount(amountMinor, currency)).toBeNull()
  })

  it('that our units cannot express is refused; a fee is rounded down', () => {
    expect(() => fromStripeAmount(50_001, 'ISK')).toThrow('50001 is no amount in ISK')
    expect(fromStripeFee(50_099, 'ISK')).toBe(500n)
    expect(fromStripeFee(88, 'USD')).toBe(88n)
  })
})
