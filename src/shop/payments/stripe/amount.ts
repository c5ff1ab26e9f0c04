// Converts amounts to and from Stripe's units: https://docs.stripe.com/currencies. Stripe differs from ISO 4217 in the
// decimals of some currencies; an amount that it cannot express is refused, never rounded.
import { minorDigitsOf } from '../../../core/money.ts'

/** Stripe's own decimals, whatever ISO 4217 or ICU's data say; 2 for all others. */
const STRIPE_DIGITS: ReadonlyMap<string, number> = new Map([
  ...codes('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF', 0),
  ...codes('BHD JOD KWD OMR TND', 3),
])
const STRIPE_DIGITS_DEFAULT = 2
/** Stripe demands trailing zeros: 10 for currencies with three decimals, 100 for those that no longer have decimals. */
const STRIPE_MULTIPLES: ReadonlyMap<string, bigint> = new Map([
  ...codes('BHD JOD KWD OMR TND', 10n),
  ...codes('ISK UGX', 100n),
])

function codes<T>(list: string, value: T): (readonly [string, T])[] {
  return list.split(' ').map((code) => [code, value] as const)
}

/** The amount in Stripe's units; null when Stripe cannot charge exactly this. Stripe itself checks the maximum. */
export function toStripeAmount(amountMinor: bigint, currency: string): number | null {
  const shift = shiftOf(currency)
  const amount = shifted(amountMinor, shift)
  if (shifted(amount, -shift) !== amountMinor) return null
  if (amount % (STRIPE_MULTIPLES.get(currency) ?? 1n) !== 0n) return null
  return amount > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(amount)
}

/** The amount in our units. Throws a plain Error for an amount that our units cannot express. */
export function fromStripeAmount(amount: number, currency: string): bigint {
  const shift = shiftOf(currency)
  const amountMinor = shifted(BigInt(amount), -shift)
  if (shifted(amountMinor, shift) !== BigInt(amount)) throw new Error(`${amount} is no amount in ${currency}`)
  return amountMinor
}

/** Stripe's fee in our units, rounded down: a fraction of a unit must not keep the charge from being booked. */
export function fromStripeFee(fee: number, currency: string): bigint {
  return shifted(BigInt(fee), -shiftOf(currency))
}

/** How many decimals Stripe has more than ISO 4217. */
function shiftOf(currency: string): number {
  return (STRIPE_DIGITS.get(currency) ?? STRIPE_DIGITS_DEFAULT) - minorDigitsOf(currency)
}

function shifted(amount: bigint, digits: number): bigint {
  return digits >= 0 ? amount * 10n ** BigInt(digits) : amount / 10n ** BigInt(-digits)
}
