// The demo's own time: when the shops opened and where the data ends. Nothing here reads a clock.

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** The shops sign up: the tenant and its members are of this moment. */
export const SIGNED_UP_MS = Date.UTC(2024, 8, 2, 9)
/** The catalogue is entered from here until the opening. */
export const CATALOGUE_FROM_MS = Date.UTC(2024, 8, 9)
export const CATALOGUE_UNTIL_MS = Date.UTC(2024, 9, 21)
/** The first order may come. */
export const OPENED_MS = Date.UTC(2024, 10, 1)
/** Nothing in the data is as late as this. */
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
 * A moment of the shop's working hours on the first working day that lies `daysLater` whole days after `timeMs`.
 * `share` in [0, 1) says where in that day.
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
