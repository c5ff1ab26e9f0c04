// A period of days of the tenant's calendar. Pure.
import { AppError } from '../../core/errors.ts'

/** A year and a month, to compare a month with the same one of the year before. */
export const PERIOD_DAYS_MAX = 400

const DAY_MS = 86_400_000

/** Days, as `2026-01-31`; both included. */
export type Period = { readonly from: string; readonly until: string }

/** Throws BAD_USER_INPUT for a period that ends before it begins, or has more than PERIOD_DAYS_MAX days. */
export function checkPeriod({ from, until }: Period): Period {
  const days = (Date.parse(until) - Date.parse(from)) / DAY_MS + 1
  if (days < 1) throw new AppError('BAD_USER_INPUT', '"from" must not be after "until"')
  if (days > PERIOD_DAYS_MAX)
    throw new AppError('BAD_USER_INPUT', `a period has at most ${PERIOD_DAYS_MAX} days`)
  return { from, until }
}
