// Amounts as Stripe counts them: https://docs.stripe.com/currencies. It has decimals of its own for some currencies; a sum
// that it cannot express is refused rather than changed.
import { minorDigitsOf } from '../../core/money.ts'

/** Stripe's, whatever ISO 4217 or ICU's data say: 2 for all others. */
const STRIPE_DIGITS: ReadonlyMap<string, number> = new Map([
  ...codes('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF', 0),
  ...codes('BHD JOD KWD OMR TND', 3),
])
const STRIPE_DIGITS_DEFAULT = 2
/** Written with decimals that must be zero: three of them end in 0, and two of what has no decimals any more in 00. */
const STRIPE_MULTIPLES: ReadonlyMap<string, bigint> = new Map([
  ...codes('BHD JOD KWD OMR TND', 10n),
  ...codes('ISK UGX', 100n),
])

function codes<T>(list: string, value: T): (readonly [string, T])[] {
  return list.split(' ').map((code) => [code, value] as const)
}

/** Our minor units in Stripe's; null when Stripe cannot charge exactly this. How much it will charge is Stripe's to say. */
export function toStripeAmount(amountMinor: bigint, currency: string): number | null {
  const shift = shiftOf(currency)
  const amount = shifted(amountMinor, shift)
  if (shifted(amount, -shift) !== amountMinor) return null
  if (amount % (STRIPE_MULTIPLES.get(currency) ?? 1n) !== 0n) return null
  return amount > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(amount)
}

/** And back. Throws a plain Error for an amount that our units cannot hold. */
export function fromStripeAmount(amount: number, currency: string): bigint {
  const shift = shiftOf(currency)
  const amountMinor = shifted(BigInt(amount), -shift)
  if (shifted(amountMinor, shift) !== BigInt(amount)) throw new Error(`${amount} is no amount in ${currency}`)
  return amountMinor
}

/** What Stripe keeps, in our units; less than one of them is left out, since the charge itself must be booked. */
export function fromStripeFee(fee: number, currency: string): bigint {
  return shifted(BigInt(fee), -shiftOf(currency))
}

/** How many decimals Stripe has more than we. */
function shiftOf(currency: string): number {
  return (STRIPE_DIGITS.get(currency) ?? STRIPE_DIGITS_DEFAULT) - minorDigitsOf(currency)
}

function shifted(amount: bigint, digits: number): bigint {
  return digits >= 0 ? amount * 10n ** BigInt(digits) : amount / 10n ** BigInt(-digits)
}
