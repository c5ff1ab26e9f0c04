// Points that each tenant may spend: a bucket that refills steadily. Counts no cost itself; one process's view.
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { createRecentMap } from './recent-map.ts'

/** Twenty of the dearest operations at once. */
export const BUDGET_CAPACITY = 200_000
export const BUDGET_RESTORE_PER_SECOND = 20_000
/** A forgotten bucket is a full one; by then it nearly always is. */
const TENANTS_MAX = 20_000

/** What any operation costs at least, whatever it asks or finds. */
export const COST_MIN = 1

export type BudgetOptions = { readonly capacity: number; readonly restorePerSecond: number }

/** What `extensions.cost` says. */
export type CostReport = {
  readonly requested: number
  readonly actual: number
  readonly remaining: number
  /** Points that come back in a second. */
  readonly restoreRate: number
  /** When the bucket will be full again, if nothing more is asked. */
  readonly restoredAt: string
}

export type CostBudget = {
  /** Takes the points. Throws RATE_LIMITED, with `retryAfterSeconds`, when the tenant has not so many left. */
  spend(tenantId: string, points: number): void
  /** Gives back what was asked for and not used. */
  refund(tenantId: string, points: number): void
  report(tenantId: string, requested: number, actual: number): CostReport
}

type Bucket = { points: number; atMs: number }

export function createCostBudget(options: { clock: Clock } & Partial<BudgetOptions>): CostBudget {
  const { clock, capacity = BUDGET_CAPACITY, restorePerSecond = BUDGET_RESTORE_PER_SECOND } = options
  const buckets = createRecentMap<Bucket>(TENANTS_MAX)

  function bucketOf(tenantId: string): Bucket {
    const nowMs = clock().getTime()
    const bucket = buckets.get(tenantId)
    if (bucket === undefined) {
      const full = { points: capacity, atMs: nowMs }
      buckets.set(tenantId, full)
      return full
    }
    // A clock that was set back must not take points away.
    const restored = (Math.max(0, nowMs - bucket.atMs) * restorePerSecond) / 1_000
    bucket.points = Math.min(capacity, bucket.points + restored)
    bucket.atMs = nowMs
    return bucket
  }

  return {
    spend(tenantId, points) {
      const bucket = bucketOf(tenantId)
      if (bucket.points < points) {
        const retryAfterSeconds = Math.max(1, Math.ceil((points - bucket.points) / restorePerSecond))
        throw new AppError('RATE_LIMITED', 'this tenant has used up its points for now: try again shortly', {
          retryAfterSeconds,
        })
      }
      bucket.points -= points
    },
    refund(tenantId, points) {
      const bucket = bucketOf(tenantId)
      bucket.points = Math.min(capacity, bucket.points + points)
    },
    report(tenantId, requested, actual) {
      const { points, atMs } = bucketOf(tenantId)
      return {
        requested,
        actual,
        remaining: Math.floor(points),
        restoreRate: restorePerSecond,
        restoredAt: new Date(
          atMs + Math.ceil(((capacity - points) * 1_000) / restorePerSecond),
        ).toISOString(),
      }
    },
  }
}

/** The points that an answer was worth: its objects, and the fields that have a price. 1 to `max`: no operation is free. */
export function actualCost(data: unknown, prices: ReadonlyMap<string, number>, max: number): number {
  let points = 0
  // The root is no object that anybody asked for.
  count(data, false)
  return Math.min(Math.max(points, COST_MIN), max)

  function count(value: unknown, isCounted: boolean): void {
    if (typeof value !== 'object' || value === null || points >= max) return
    if (Array.isArray(value)) {
      for (const item of value) count(item, true)
      return
    }
    if (isCounted) points += 1
    // An answer's objects have no prototype, so these are their own keys.
    for (const key in value) {
      if (prices.size > 0) points += prices.get(key) ?? 0
      count((value as Record<string, unknown>)[key], true)
    }
  }
}
