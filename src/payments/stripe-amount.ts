// Amounts as Stripe counts them. Its smallest units are ISO 4217's but for a few currencies
// (https://docs.stripe.com/currencies#special-cases); a sum that it cannot express is refused rather than changed.
import { minorDigitsOf } from '../core/money.ts'

/** Where Stripe has other decimals than ISO 4217. */
const STRIPE_DIGITS: Readonly<Record<string, number>> = { ISK: 2, UGX: 2, MGA: 0 }
/** Of currencies with three decimals Stripe charges only what ends in a zero. */
const LAST_DIGIT_ZERO_FROM = 3
const AMOUNT_MAX = 99_999_999n

/** Minor units of ISO 4217 in Stripe's; null when Stripe cannot charge exactly this. */
export function toStripeAmount(amountMinor: bigint, currency: string): number | null {
  const digits = minorDigitsOf(currency)
  const stripeDigits = STRIPE_DIGITS[currency] ?? digits
  const shift = stripeDigits - digits
  const factor = 10n ** BigInt(Math.abs(shift))
  if (shift < 0 && amountMinor % factor !== 0n) return null
  if (stripeDigits >= LAST_DIGIT_ZERO_FROM && amountMinor % 10n !== 0n) return null
  const amount = shift < 0 ? amountMinor / factor : amountMinor * factor
  return amount > AMOUNT_MAX ? null : Number(amount)
}

/** And back. Throws a plain Error for an amount that ISO 4217's units cannot hold. */
export function fromStripeAmount(amount: number, currency: string): bigint {
  const digits = minorDigitsOf(currency)
  const shift = digits - (STRIPE_DIGITS[currency] ?? digits)
  const factor = 10n ** BigInt(Math.abs(shift))
  if (shift < 0 && BigInt(amount) % factor !== 0n) throw new Error(`${amount} is no amount in ${currency}`)
  return shift < 0 ? BigInt(amount) / factor : BigInt(amount) * factor
}
