// The budgets of tenants, and each caller's share of its tenant's. Computes no cost itself. Per process.
import { LRUCache } from 'lru-cache'
import type { Actor, CommandContext } from '../auth/command-context.ts'
import { BUDGET_CAPACITY, BUDGET_RESTORE_PER_SECOND } from '../core/budget-defaults.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { Bucket, type BucketOptions } from './bucket.ts'

/** The minimum cost of an operation. */
export const COST_MIN = 1

/** A forgotten bucket restarts full; by then it nearly always is. */
const TENANTS_MAX = 20_000
const CALLERS_MAX = 50_000

/**
 * The share of its tenant's budget that one caller may spend, at once and over time. The other quarter is always left
 * for others, so that a flooding or stolen key never blocks the owner who has to revoke it. The share is fixed rather
 * than growing while nobody else asks, since the points would be gone when somebody does.
 */
const CALLER_SHARE = 3 / 4
/** A caller who was invited can only accept. */
const INVITED_SHARE = 1 / 20
/** The part of a caller's share that it may spend on refused requests, at once and over time. */
const REFUSALS_SHARE = 1 / 10
const REFUSALS_RESTORE_SHARE = 1 / 20

export type BudgetOptions = BucketOptions

/** The content of `extensions.cost`. */
export type CostReport = {
  readonly requested: number
  readonly actual: number
  /** Points that this caller may spend now. */
  readonly remaining: number
  /** Points that are restored to this caller per second. */
  readonly restoreRate: number
  /** When the caller's share will be full again, without further requests. */
  readonly restoredAt: string
}

/** The buckets of one caller. */
export type Account = {
  readonly tenant: Bucket
  readonly caller: Bucket
  /** The budget for refused requests. */
  readonly refusals: Bucket
}

export type CostBudget = {
  accountOf(caller: Pick<CommandContext, 'scope' | 'actor'>): Account
}

export function createCostBudget(options: { clock: Clock } & Partial<BudgetOptions>): CostBudget {
  const { clock, capacity = BUDGET_CAPACITY, restorePerSecond = BUDGET_RESTORE_PER_SECOND } = options
  const tenants = new LRUCache<string, Bucket>({ max: TENANTS_MAX })
  const accounts = new LRUCache<string, Account>({ max: CALLERS_MAX })

  function bucket(capacityShare: number, restoreShare = capacityShare): Bucket {
    const part = (whole: number, share: number) => Math.max(COST_MIN, Math.floor(whole * share))
    return new Bucket(
      { capacity: part(capacity, capacityShare), restorePerSecond: part(restorePerSecond, restoreShare) },
      clock,
    )
  }

  function tenantsBucket(tenantId: string): Bucket {
    const known = tenants.get(tenantId)
    if (known !== undefined) return known
    const made = bucket(1)
    tenants.set(tenantId, made)
    return made
  }

  return {
    accountOf({ scope: { tenantId }, actor }) {
      const tenant = tenantsBucket(tenantId)
      const key = `${tenantId} ${actor.kind} ${actor.id}`
      const known = accounts.get(key)
      // The tenant's bucket may have been forgotten and recreated while the caller's was cached.
      if (known?.tenant === tenant) return known
      const share = shareOf(actor)
      const account = {
        tenant,
        caller: known?.caller ?? bucket(share),
        refusals: known?.refusals ?? bucket(share * REFUSALS_SHARE, share * REFUSALS_RESTORE_SHARE),
      }
      accounts.set(key, account)
      return account
    },
  }
}

function shareOf(actor: Actor): number {
  return actor.kind === 'INVITED' ? INVITED_SHARE : CALLER_SHARE
}

/** Takes points. Throws RATE_LIMITED, with `retryAfterSeconds`, when the caller or its tenant has too few. */
export function spend(account: Account, points: number): void {
  const { tenant, caller } = account
  if (caller.points < points) {
    throw rateLimited('you have used up your share of the tenant’s points', caller.secondsUntil(points))
  }
  if (tenant.points < points) {
    throw rateLimited('this tenant has used up its points', tenant.secondsUntil(points))
  }
  charge(account, points)
}

/** Takes points even into debt; a negative number returns points. */
export function charge({ tenant, caller }: Account, points: number): void {
  tenant.take(points)
  caller.take(points)
}

/** Takes what a refusal costs. */
export function chargeRefusal(account: Account, points: number): void {
  charge(account, points)
  account.refusals.take(points)
}

/** Throws RATE_LIMITED for a caller without points, or with too many refused requests. */
export function requirePoints(account: Account): void {
  if (account.refusals.points <= 0) {
    const message = 'too many of your requests were refused: for now, send only operations that ran before'
    throw rateLimited(message, account.refusals.secondsUntil(COST_MIN))
  }
  if (available(account) < COST_MIN) spend(account, COST_MIN)
}

/** The points that a caller may spend now. */
function available({ tenant, caller }: Account): number {
  return availableOf(caller.points, tenant.points)
}

/** The same for points that were read. */
export function availableOf(callerPoints: number, tenantPoints: number): number {
  return Math.max(0, Math.floor(Math.min(tenantPoints, callerPoints)))
}

export function reportOf(account: Account, requested: number, actual: number, clock: Clock): CostReport {
  const { caller, tenant } = account
  const points = caller.points
  const missing = caller.capacity - points
  return {
    requested,
    actual,
    remaining: availableOf(points, tenant.points),
    restoreRate: caller.restorePerSecond,
    restoredAt: new Date(
      clock().getTime() + Math.ceil((missing * 1_000) / caller.restorePerSecond),
    ).toISOString(),
  }
}

function rateLimited(message: string, seconds: number): AppError {
  return new AppError('RATE_LIMITED', `${message}: try again shortly`, {
    retryAfterSeconds: Math.max(1, seconds),
  })
}
