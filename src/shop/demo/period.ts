// The dates of the demo data: from the shops' opening to the end of the data. Nothing here reads a clock.

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** When the shops sign up: the creation of the tenant and its members. */
export const SIGNED_UP_MS = Date.UTC(2024, 8, 2, 9)
/** The catalogue is entered from here to the opening. */
export const CATALOGUE_FROM_MS = Date.UTC(2024, 8, 9)
export const CATALOGUE_UNTIL_MS = Date.UTC(2024, 9, 21)
/** The earliest time of an order. */
export const OPENED_MS = Date.UTC(2024, 10, 1)
/** The end of the data, exclusive. */
export const END_MS = Date.UTC(2026, 10, 1)

const OPENING_HOUR = 8
const WORKING_HOURS = 9
/** 1970-01-01 was a Thursday; 0 is Sunday. */
const EPOCH_WEEKDAY = 4

/** 0 is Sunday. */
export function weekdayOf(dayIndex: number): number {
  return (dayIndex + EPOCH_WEEKDAY) % 7
}

/**
 * A time in the shop's working hours, on the first working day at least `daysLater` whole days after `timeMs`. `share`
 * in [0, 1) is the position in that day.
 */
export function workingMoment(
  timeMs: number,
  daysLater: number,
  share: number,
  utcOffsetHours: number,
): number {
  let day = Math.floor(timeMs / DAY_MS) + daysLater
  while (weekdayOf(day) === 0 || weekdayOf(day) === 6) day += 1
  return Math.floor(day * DAY_MS + (OPENING_HOUR - utcOffsetHours + share * WORKING_HOURS) * HOUR_MS)
}
