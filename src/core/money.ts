// Amounts of money: whole minor units with a currency, never a float.

/** An amount in minor units (cents for USD, yen for JPY) of an ISO 4217 currency. */
export type Money = { readonly amountMinor: bigint; readonly currency: string }

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'))

/**
 * ISO 4217's minor units where they are not 2. A fixed list, since stored amounts depend on it: Intl uses ICU's data,
 * which are about cash (none for HUF, IDR, COP), and change with Node.
 */
const MINOR_DIGITS: ReadonlyMap<string, number> = new Map(
  (
    [
      ['BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF', 0],
      ['BHD IQD JOD KWD LYD OMR TND', 3],
      ['CLF UYW', 4],
    ] as const
  ).flatMap(([codes, digits]) => codes.split(' ').map((code) => [code, digits] as const)),
)
const MINOR_DIGITS_DEFAULT = 2

export function isCurrency(code: string): boolean {
  return CURRENCIES.has(code)
}

/** How many decimal places a currency has, by ISO 4217: 2 for USD, 0 for JPY, 3 for KWD. */
export function minorDigitsOf(currency: string): number {
  return MINOR_DIGITS.get(currency) ?? MINOR_DIGITS_DEFAULT
}

/** The amount in major units, exactly: 1999 USD cents are `19.99`, 500 yen are `500`. */
export function toDecimal({ amountMinor, currency }: Money): string {
  return decimalOf(amountMinor.toString(), currency)
}

/** The same for the digits of the minor units. */
export function decimalOf(amountMinor: string, currency: string): string {
  const digits = minorDigitsOf(currency)
  if (digits === 0) return amountMinor
  const sign = amountMinor.startsWith('-') ? '-' : ''
  const magnitude = amountMinor.slice(sign.length).padStart(digits + 1, '0')
  return `${sign}${magnitude.slice(0, -digits)}.${magnitude.slice(-digits)}`
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/

/** The minor units of an amount in major units; null: more decimal places than the currency has, or no decimal number. */
export function toMinor(amount: string, currency: string): bigint | null {
  const [, sign, whole, decimals = ''] = DECIMAL.exec(amount) ?? []
  const digits = minorDigitsOf(currency)
  // Zeros at the end add nothing: 5.00 yen are 5.
  const significant = decimals.replace(/0+$/, '')
  if (whole === undefined || significant.length > digits) return null
  return BigInt(`${sign}${whole}${significant.padEnd(digits, '0')}`)
}

/** The amount for a message: `12.50 EUR`. */
export function formatMoney(money: Money): string {
  return `${toDecimal(money)} ${money.currency}`
}

/** The amount in the params of a user error, with the fields of Money in the API. */
export function moneyParams(money: Money): {
  readonly amount: string
  readonly amountMinor: string
  readonly currency: string
} {
  const { amountMinor, currency } = money
  return { amount: toDecimal(money), amountMinor: amountMinor.toString(), currency }
}
