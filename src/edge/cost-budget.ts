// The points that each tenant may spend, and each caller's share of them. Counts no cost itself; one process's view.
import { LRUCache } from 'lru-cache'
import type { Actor, CommandContext } from '../auth/command-context.ts'
import { BUDGET_CAPACITY, BUDGET_RESTORE_PER_SECOND } from '../core/budget-defaults.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { Bucket, type BucketOptions } from './bucket.ts'

/** What any operation costs at least, whatever it asks or finds. */
export const COST_MIN = 1

/** A forgotten bucket is a full one; by then it nearly always is. */
const TENANTS_MAX = 20_000
const CALLERS_MAX = 50_000

/**
 * Of its tenant's budget, what one caller may spend, at once and for long. The quarter that is left is always there for
 * the others: a key that floods, or that somebody stole, never keeps the owner out who has to revoke it. It is a fixed
 * share, not one that grows while nobody else asks, because the points would be gone when somebody does.
 */
const CALLER_SHARE = 3 / 4
/** Somebody who was invited is no member yet: all there is to do is to accept. */
const INVITED_SHARE = 1 / 20
/** Of a caller's share, what it may spend on requests that are refused: at once, and for long. */
const REFUSALS_SHARE = 1 / 10
const REFUSALS_RESTORE_SHARE = 1 / 20

export type BudgetOptions = BucketOptions

/** What `extensions.cost` says. */
export type CostReport = {
  readonly requested: number
  readonly actual: number
  /** Points that this caller may spend now. */
  readonly remaining: number
  /** Points that come back to this caller in a second. */
  readonly restoreRate: number
  /** When the caller's share will be full again, if nothing more is asked. */
  readonly restoredAt: string
}

/** Where one caller's points come from. */
export type Account = {
  readonly tenant: Bucket
  readonly caller: Bucket
  /** What it may still get wrong. */
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
      // The tenant's bucket may have been forgotten, and made again, while the caller's was remembered.
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

/** Takes the points. Throws RATE_LIMITED, with `retryAfterSeconds`, when the caller or its tenant has not so many left. */
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

/** Takes the points whether they are there or not; a negative number gives back. */
export function charge({ tenant, caller }: Account, points: number): void {
  tenant.take(points)
  caller.take(points)
}

/** Takes what a refusal costs. */
export function chargeRefusal(account: Account, points: number): void {
  charge(account, points)
  account.refusals.take(points)
}

/** Throws RATE_LIMITED for a caller who has no points at all, or who got too much wrong. */
export function requirePoints(account: Account): void {
  if (account.refusals.points <= 0) {
    const message = 'too many of your requests were refused: send operations that were answered before'
    throw rateLimited(message, account.refusals.secondsUntil(COST_MIN))
  }
  if (available(account) < COST_MIN) spend(account, COST_MIN)
}

/** Points that a caller may spend now. */
export function available({ tenant, caller }: Account): number {
  return Math.max(0, Math.floor(Math.min(tenant.points, caller.points)))
}

export function reportOf(account: Account, requested: number, actual: number, clock: Clock): CostReport {
  const { caller } = account
  const missing = caller.capacity - caller.points
  return {
    requested,
    actual,
    remaining: available(account),
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
