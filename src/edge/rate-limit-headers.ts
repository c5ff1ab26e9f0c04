// The RateLimit headers of an answer: the remaining points of its caller and of the tenant.

import type { Bucket } from './bucket.ts'
import { type Account, availableOf } from './cost-budget.ts'

/**
 * Most clients read RateLimit-Limit, -Remaining and -Reset, from earlier IETF drafts;
 * draft-ietf-httpapi-ratelimit-headers-11 has RateLimit and RateLimit-Policy instead. All are in points and seconds.
 */
export function rateLimitHeaders(account: Account): Record<string, string> {
  const { tenant, caller } = account
  // Each look at a bucket refills it by the clock.
  const [callerPoints, tenantPoints] = [caller.points, tenant.points]
  const callerReset = secondsBetween(caller, callerPoints)
  return {
    'ratelimit-limit': String(caller.capacity),
    'ratelimit-remaining': String(availableOf(callerPoints, tenantPoints)),
    'ratelimit-reset': String(callerReset),
    'ratelimit-policy': policyOfAccount(account),
    ratelimit: `${stateOf('caller', callerPoints, callerReset)}, ${stateOf('tenant', tenantPoints, secondsBetween(tenant, tenantPoints))}`,
  }
}

/** It is the same for all answers of an account. */
const policies = new WeakMap<Account, string>()

function policyOfAccount(account: Account): string {
  const known = policies.get(account)
  if (known !== undefined) return known
  const policy = `${policyOf('caller', account.caller)}, ${policyOf('tenant', account.tenant)}`
  policies.set(account, policy)
  return policy
}

/** `w`: the seconds in which an empty bucket refills. */
function policyOf(name: string, { capacity, restorePerSecond }: Bucket): string {
  return `"${name}";q=${capacity};qu="points";w=${Math.ceil(capacity / restorePerSecond)}`
}

function stateOf(name: string, points: number, seconds: number): string {
  return `"${name}";r=${Math.max(0, Math.floor(points))};t=${seconds}`
}

/** Whole seconds until a bucket with these points is full. */
function secondsBetween({ capacity, restorePerSecond }: Bucket, points: number): number {
  return Math.max(0, Math.ceil((capacity - points) / restorePerSecond))
}
