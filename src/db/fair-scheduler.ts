// Whose turn it is to have a connection: a tenant that asks for hundreds at once must not keep the others waiting, nor one
// of its callers the tenant's others. Owns no connection; the pool asks before it takes one and says when it is back.

/** Of the pool, kept for the others however much one tenant asks for; of a tenant's share, however much one caller does. */
const RESERVED_PART = 1 / 4
/** A tenant's share that is no larger than this is not divided: work that holds one turn and needs another must get it. */
const UNDIVIDED_MAX = 2
/** Stands in a tenant's place for all that is asked before a tenant is known, by anybody: a lane that is small. */
export const BEFORE_TENANT = 'before a tenant'
const LANE_PART = 1 / 4
/** One for each of two kinds of question, so that none waits behind the other. */
const LANE_MIN = 2
/** Each waits for a statement or two: a queue of seconds. */
const LANE_WAITING_MAX = 1_000

export type FairScheduler = {
  /** Null: at once. Else a promise of the turn; it rejects when that takes too long, or too many wait. */
  acquire(tenantId: string, caller?: string): Promise<void> | null
  /** Every turn that was taken is given back, once. */
  release(tenantId: string, caller?: string): void
  /** How many wait. */
  readonly waiting: number
}

type Waiter = { readonly go: () => void }
type Share = { running: number; readonly max: number }
type CallerShare = Share & { readonly waiters: Set<Waiter> }
type TenantShare = Share & {
  readonly callerMax: number
  waiting: number
  readonly callers: Map<string, CallerShare>
}

/**
 * Among those who wait, the tenant with the fewest connections is next, and of it the caller with the fewest; of equals,
 * the one that has waited longest. Work of a tenant that names no caller may have the tenant's whole share.
 */
export function createFairScheduler(options: {
  readonly connectionsMax: number
  readonly waitMaxMs: number
}): FairScheduler {
  const { connectionsMax, waitMaxMs } = options
  const tenantMax = Math.max(1, connectionsMax - Math.floor(connectionsMax * RESERVED_PART))
  const laneMax = Math.min(connectionsMax, Math.max(LANE_MIN, Math.floor(connectionsMax * LANE_PART)))
  /** Those who have or await a turn, in the order in which they came to wait. */
  const tenants = new Map<string, TenantShare>()
  let running = 0
  let waiting = 0

  function tenantOf(tenantId: string): TenantShare {
    let tenant = tenants.get(tenantId)
    if (tenant === undefined) {
      const isLane = tenantId === BEFORE_TENANT
      const max = isLane ? laneMax : tenantMax
      const callerMax = isLane || max > UNDIVIDED_MAX ? dividedMax(max) : max
      tenant = { running: 0, max, callerMax, waiting: 0, callers: new Map() }
      tenants.set(tenantId, tenant)
    }
    return tenant
  }

  function callerOf(tenant: TenantShare, name: string): CallerShare {
    let caller = tenant.callers.get(name)
    if (caller === undefined) {
      caller = { running: 0, max: name === '' ? tenant.max : tenant.callerMax, waiters: new Set() }
      tenant.callers.set(name, caller)
    }
    return caller
  }

  function start(tenant: TenantShare, caller: CallerShare): void {
    caller.running += 1
    tenant.running += 1
    running += 1
  }

  function forgetIdle(tenantId: string, tenant: TenantShare, name: string, caller: CallerShare): void {
    if (caller.running === 0 && caller.waiters.size === 0) tenant.callers.delete(name)
    if (tenant.callers.size === 0) tenants.delete(tenantId)
  }

  function wait(tenantId: string, tenant: TenantShare, name: string, caller: CallerShare): Promise<void> {
    waiting += 1
    tenant.waiting += 1
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        caller.waiters.delete(waiter)
        tenant.waiting -= 1
        waiting -= 1
      }
      const waiter: Waiter = {
        go() {
          leave()
          start(tenant, caller)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        leave()
        forgetIdle(tenantId, tenant, name, caller)
        reject(busy())
      }, waitMaxMs)
      caller.waiters.add(waiter)
    })
  }

  function nextTenant(): CallerShare | null {
    let fewest: TenantShare | null = null
    let next: CallerShare | null = null
    for (const tenant of tenants.values()) {
      if (tenant.waiting === 0 || tenant.running >= tenant.max) continue
      if (fewest !== null && tenant.running >= fewest.running) continue
      const caller = nextCaller(tenant)
      if (caller === null) continue
      fewest = tenant
      next = caller
    }
    return next
  }

  function letGo(): void {
    while (running < connectionsMax && waiting > 0) {
      const [waiter] = nextTenant()?.waiters ?? []
      if (waiter === undefined) return
      waiter.go()
    }
  }

  return {
    acquire(tenantId, name = '') {
      const tenant = tenantOf(tenantId)
      const caller = callerOf(tenant, name)
      const isFree = running < connectionsMax && tenant.running < tenant.max && caller.running < caller.max
      if (isFree && caller.waiters.size === 0) {
        start(tenant, caller)
        return null
      }
      if (tenantId === BEFORE_TENANT && tenant.waiting >= LANE_WAITING_MAX) {
        forgetIdle(tenantId, tenant, name, caller)
        return Promise.reject(busy())
      }
      return wait(tenantId, tenant, name, caller)
    },
    release(tenantId, name = '') {
      const tenant = tenantOf(tenantId)
      const caller = callerOf(tenant, name)
      caller.running -= 1
      tenant.running -= 1
      running -= 1
      // Behind those that came meanwhile, should they wait again.
      tenants.delete(tenantId)
      tenants.set(tenantId, tenant)
      tenant.callers.delete(name)
      tenant.callers.set(name, caller)
      forgetIdle(tenantId, tenant, name, caller)
      letGo()
    },
    get waiting() {
      return waiting
    },
  }
}

function dividedMax(shareMax: number): number {
  return Math.max(1, shareMax - Math.max(1, Math.floor(shareMax * RESERVED_PART)))
}

function nextCaller(tenant: TenantShare): CallerShare | null {
  let fewest: CallerShare | null = null
  for (const caller of tenant.callers.values()) {
    if (caller.waiters.size === 0 || caller.running >= caller.max) continue
    if (fewest === null || caller.running < fewest.running) fewest = caller
  }
  return fewest
}

/** In the pool's own words for the same thing. */
function busy(): Error {
  return new Error('timeout exceeded when trying to connect')
}
