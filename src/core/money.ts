// Amounts of money: whole minor units with a currency, never a float.

/** An amount in minor units (cents for USD, yen for JPY) of an ISO 4217 currency. */
export type Money = { readonly amountMinor: bigint; readonly currency: string }

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'))
const minorDigits = new Map<string, number>()

export function isCurrency(code: string): boolean {
  return CURRENCIES.has(code)
}

/** How many decimal places a currency has, by ISO 4217: 2 for USD, 0 for JPY, 3 for KWD. */
export function minorDigitsOf(currency: string): number {
  const known = minorDigits.get(currency)
  if (known !== undefined) return known
  const format = new Intl.NumberFormat('en', { style: 'currency', currency })
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2
  minorDigits.set(currency, digits)
  return digits
}

/** The amount in major units, exactly: 1999 USD cents are `19.99`, 500 yen are `500`. */
export function toDecimal({ amountMinor, currency }: Money): string {
  const digits = minorDigitsOf(currency)
  if (digits === 0) return amountMinor.toString()
  const sign = amountMinor < 0n ? '-' : ''
  const magnitude = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(digits + 1, '0')
  return `${sign}${magnitude.slice(0, -digits)}.${magnitude.slice(-digits)}`
}
