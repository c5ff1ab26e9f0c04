// The history of a demo order after it is placed: paid, sent, cancelled, refunded, and when. Independent of its lines
// and amounts.
import { DAY_MS, END_MS, HOUR_MS, MINUTE_MS, workingMoment } from './period.ts'
import type { Random } from './random.ts'
import type { OrderRow } from './rows.ts'

/** The state of an order at the end of the data. */
export interface Course {
  status: OrderRow['status']
  /** How much of its payment was refunded; NONE also where nothing was paid. */
  refund: 'NONE' | 'PART' | 'ALL'
  /** Null: not paid. */
  paidAtMs: number | null
  refundedAtMs: number | null
  /** Goes up by one for each change. */
  version: number
  fulfilledAtMs: number | null
  cancelledAtMs: number | null
  cancelReason: string | null
  updatedAtMs: number
}

/** An unpaid order is cancelled after that. */
const PAYMENT_DAYS = 30
const UNPAID_REASON = 'Payment was not received in time'
const REASONS_BEFORE_PAYING = [
  'Ordered by mistake',
  'Found it elsewhere',
  'Customer changed their mind',
  'Duplicate order',
]
const REASONS_AFTER_PAYING = [
  'Delivery would take too long',
  'Customer changed their mind',
  'Address could not be verified',
]

const NEVER_PAID = 0.05
const CANCELLED_UNPAID = 0.03
const CANCELLED_PAID = 0.03
const PAID_AT_ONCE = 0.72
const BACK_ORDERED = 0.03
const REFUNDED_WHOLLY = 0.02
const REFUNDED_PARTLY = 0.04

/** The history of one order. A change that would come after the end of the data has not happened yet. */
export function courseOf(placedAtMs: number, utcOffsetHours: number, random: Random): Course {
  const fate = random.next()
  const placed = placedCourse(placedAtMs)
  if (fate < NEVER_PAID) {
    return cancelled(placed, placedAtMs + PAYMENT_DAYS * DAY_MS, UNPAID_REASON)
  }
  if (fate < NEVER_PAID + CANCELLED_UNPAID) {
    const cancelledAtMs = placedAtMs + random.between(20, 30 * 60) * MINUTE_MS
    return cancelled(placed, cancelledAtMs, random.pick(REASONS_BEFORE_PAYING))
  }
  const paid = paidCourse(placed, paymentDelayMs(random))
  if (paid.paidAtMs === null) return placed
  if (fate < NEVER_PAID + CANCELLED_UNPAID + CANCELLED_PAID) {
    const cancelledAtMs = paid.updatedAtMs + random.between(60, 40 * 60) * MINUTE_MS
    return cancelled(paid, cancelledAtMs, random.pick(REASONS_AFTER_PAYING))
  }
  return refunded(fulfilled(paid, utcOffsetHours, random), random)
}

function placedCourse(placedAtMs: number): Course {
  return {
    status: 'PLACED',
    refund: 'NONE',
    paidAtMs: null,
    refundedAtMs: null,
    version: 1,
    fulfilledAtMs: null,
    cancelledAtMs: null,
    cancelReason: null,
    updatedAtMs: placedAtMs,
  }
}

/** By card within minutes, or by bank transfer within days. */
function paymentDelayMs(random: Random): number {
  return random.chance(PAID_AT_ONCE)
    ? 20_000 + random.between(0, 4 * MINUTE_MS)
    : random.between(20, 8 * 24) * HOUR_MS + random.between(0, HOUR_MS)
}

function paidCourse(course: Course, delayMs: number): Course {
  const paidAtMs = course.updatedAtMs + delayMs
  if (paidAtMs >= END_MS) return course
  return { ...course, status: 'PAID', paidAtMs, version: course.version + 1, updatedAtMs: paidAtMs }
}

/** A paid order is refunded when it is cancelled. */
function cancelled(course: Course, cancelledAtMs: number, cancelReason: string): Course {
  if (cancelledAtMs >= END_MS) return course
  return {
    ...course,
    status: 'CANCELLED',
    refund: course.paidAtMs === null ? 'NONE' : 'ALL',
    refundedAtMs: course.paidAtMs === null ? null : cancelledAtMs,
    version: course.version + 1,
    cancelledAtMs,
    cancelReason,
    updatedAtMs: cancelledAtMs,
  }
}

function fulfilled(course: Course, utcOffsetHours: number, random: Random): Course {
  const days = random.chance(BACK_ORDERED) ? random.between(8, 25) : random.between(1, 4)
  const fulfilledAtMs = workingMoment(course.updatedAtMs, days, random.next(), utcOffsetHours)
  if (fulfilledAtMs >= END_MS) return course
  return {
    ...course,
    status: 'FULFILLED',
    version: course.version + 1,
    fulfilledAtMs,
    updatedAtMs: fulfilledAtMs,
  }
}

function refunded(course: Course, random: Random): Course {
  const fate = random.next()
  const refundedAtMs =
    course.updatedAtMs + random.between(4 * 24, 24 * 24) * HOUR_MS + random.between(0, HOUR_MS)
  if (course.fulfilledAtMs === null || refundedAtMs >= END_MS || fate >= REFUNDED_WHOLLY + REFUNDED_PARTLY)
    return course
  const refund = fate < REFUNDED_WHOLLY ? 'ALL' : 'PART'
  return { ...course, refund, refundedAtMs, version: course.version + 1, updatedAtMs: refundedAtMs }
}
