// Rounds prices as shops do.

const CHEAP_BELOW = 5_00
const DEAR_FROM = 100_00

/**
 * The usual retail price near `amountMinor`: 4.49, 24.95 or 24.99 (by `cents`), 219.00. In minor units of a currency
 * with two decimals, never below 0.49.
 */
export function charmPrice(amountMinor: number, cents: 95 | 99): bigint {
  if (amountMinor < CHEAP_BELOW) return BigInt(Math.max(Math.round(amountMinor / 50) * 50 - 1, 49))
  if (amountMinor < DEAR_FROM) return BigInt(Math.max(Math.round(amountMinor / 100), 1) * 100 - 100 + cents)
  return BigInt(Math.round(amountMinor / 1000) * 1000 - 100)
}
