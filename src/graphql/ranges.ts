// Filters by a range of amounts of money.
import { AppError } from '../core/errors.ts'
import { minorDigitsOf, toMinor } from '../core/money.ts'
import type { AnyWhere } from '../db/reader/any-query.ts'
import { builder } from './builder.ts'

export const MoneyRange = builder.inputType('MoneyRange', {
  description: 'A range of amounts in one currency, with its bounds.',
  fields: (t) => ({
    min: t.field({ type: 'Decimal', description: 'In major units, as "19.99". Default: no bound.' }),
    max: t.field({ type: 'Decimal', description: 'In major units, as "19.99". Default: no bound.' }),
    currency: t.field({ type: 'Currency', required: true }),
  }),
})

/** The columns of an amount. */
export type MoneyColumns = { readonly amount: string; readonly currency: string }

const INT64_MAX = 2n ** 63n - 1n

/** Throws BAD_USER_INPUT for more decimal places than the currency has. */
export function moneyRange(
  { amount, currency }: MoneyColumns,
  range: typeof MoneyRange.$inferInput | null | undefined,
): AnyWhere {
  if (!range) return {}
  const minor = (bound: string | null | undefined): bigint | null => {
    if (bound === null || bound === undefined) return null
    const found = toMinor(bound, range.currency)
    if (found === null)
      throw new AppError(
        'BAD_USER_INPUT',
        `an amount in ${range.currency} has at most ${minorDigitsOf(range.currency)} decimal places`,
      )
    // Beyond what is stored: the bound that it has in effect.
    if (found > INT64_MAX) return INT64_MAX
    return found < -INT64_MAX ? -INT64_MAX : found
  }
  return { [currency]: range.currency, ...rangeOf(amount, minor(range.min), minor(range.max)) }
}

function rangeOf<Value>(column: string, min: Value | null, max: Value | null): AnyWhere {
  if (min === null && max === null) return {}
  return { [column]: { ...(min !== null && { gte: min }), ...(max !== null && { lte: max }) } }
}
