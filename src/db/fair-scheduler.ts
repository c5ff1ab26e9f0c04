// Schedules connections fairly: a tenant with hundreds of requests must not keep other tenants waiting, nor one of its
// callers the other callers. The pool acquires a turn before it takes a connection, and releases it afterwards.

/**
 * The share of the pool that one tenant leaves for others, and the share of a tenant's turns that one caller leaves.
 */
const RESERVED_PART = 1 / 4
/**
 * A tenant's share up to this size is not divided among its callers: work that holds one turn and needs another must
 * get it.
 */
const UNDIVIDED_MAX = 2
/** The pseudo-tenant for statements before a tenant is known. Its share is small. */
export const BEFORE_TENANT = 'before a tenant'
const LANE_PART = 1 / 4
/** One for each of two kinds of look-up, so that neither waits behind the other. */
const LANE_MIN = 2
/** Each waits for a statement or two: a queue of seconds. */
const LANE_WAITING_MAX = 1_000

export type FairScheduler = {
  /** Null: at once. Otherwise a promise of the turn; it rejects after a time-out, or when too many wait. */
  acquire(tenantId: string, caller?: string): Promise<void> | null
  /** Each acquired turn is released once. */
  release(tenantId: string, caller?: string): void
  /** The number of waiting requests. */
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
 * Among the waiting ones, the tenant with the fewest connections is next, and within it the caller with the fewest;
 * among equals, the one that has waited longest. Work without a caller may use the tenant's whole share.
 */
export function createFairScheduler(options: {
  readonly connectionsMax: number
  readonly waitMaxMs: number
}): FairScheduler {
  const { connectionsMax, waitMaxMs } = options
  const tenantMax = Math.max(1, connectionsMax - Math.floor(connectionsMax * RESERVED_PART))
  const laneMax = Math.min(connectionsMax, Math.max(LANE_MIN, Math.floor(connectionsMax * LANE_PART)))
  /** Tenants with a turn or a waiting request, in the order in which they began to wait. */
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
      // To the end of the order, should they wait again.
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

/** The pool's own message for the same condition. */
function busy(): Error {
  return new Error('timeout exceeded when trying to connect')
}
