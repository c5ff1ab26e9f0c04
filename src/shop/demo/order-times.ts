// The times of a demo shop's orders: more each month, at weekends and before Christmas, fewer at night.
import { DAY_MS, END_MS, HOUR_MS, OPENED_MS, weekdayOf } from './period.ts'
import type { Random } from './random.ts'
import type { Shop } from './shop.ts'

const FIRST_DAY = OPENED_MS / DAY_MS
const DAYS = (END_MS - OPENED_MS) / DAY_MS
/** The number of orders a day at the end, relative to the beginning. */
const GROWTH = 2.6
const WEEKDAY_WEIGHTS = [1.45, 0.95, 0.9, 0.9, 0.95, 1.05, 1.4]
const MONTH_WEIGHTS = [0.9, 0.85, 0.95, 1, 1.05, 1.05, 0.95, 0.9, 1, 1, 1.25, 1.9]
/** By the hour of the shop's local day. */
const HOUR_WEIGHTS = [3, 1, 1, 1, 1, 2, 5, 9, 13, 15, 16, 16, 18, 16, 15, 15, 15, 16, 18, 22, 25, 24, 16, 8]

/** `count` times between opening and end, ascending, all different. */
export function orderTimes(shop: Shop, count: number, random: Random): number[] {
  const days = cumulated(Array.from({ length: DAYS }, (_, index) => dayWeight(index)))
  const hours = cumulated(HOUR_WEIGHTS)
  const moments = Array.from({ length: count }, () => {
    const localHour = indexAt(hours, random.next())
    const utcHour = (localHour - shop.utcOffsetHours + 24) % 24
    const day = FIRST_DAY + indexAt(days, random.next())
    return Math.floor(day * DAY_MS + (utcHour + random.next()) * HOUR_MS)
  })
  return distinct(moments.sort((a, b) => a - b))
}

function dayWeight(index: number): number {
  const date = new Date(OPENED_MS + index * DAY_MS)
  const growth = 1 + (GROWTH - 1) * (index / DAYS)
  return (
    growth *
    (WEEKDAY_WEIGHTS[weekdayOf(FIRST_DAY + index)] ?? 1) *
    seasonWeight(date.getUTCMonth(), date.getUTCDate())
  )
}

/**
 * More in the sales week in late November, fewer in the last days before Christmas, when a delivery would come too
 * late.
 */
function seasonWeight(month: number, dayOfMonth: number): number {
  const usual = MONTH_WEIGHTS[month] ?? 1
  if (month === 10 && dayOfMonth >= 24) return usual * 1.8
  if (month === 11 && dayOfMonth >= 22) return usual * 0.4
  return usual
}

function cumulated(weights: readonly number[]): number[] {
  let sum = 0
  return weights.map((weight) => {
    sum += weight
    return sum
  })
}

/** The index at which `share` of the total weight is reached. */
function indexAt(sums: readonly number[], share: number): number {
  const sought = share * (sums.at(-1) ?? 0)
  return Math.max(
    sums.findIndex((sum) => sum > sought),
    0,
  )
}

function distinct(ascending: readonly number[]): number[] {
  let last = 0
  return ascending.map((moment) => {
    last = Math.max(moment, last + 1)
    return last
  })
}
