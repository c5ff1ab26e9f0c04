// Whose turn it is to have a connection: a tenant that asks for hundreds at once must not keep the others waiting. Owns no
// connection; the pool asks before it takes one and says when it is back.

/** Of the pool, kept for the others however much one tenant asks for. */
const RESERVED_PART = 1 / 4

export type FairTurns = {
  /** Null: at once. Else a promise of the turn; it rejects when that takes too long. */
  take(tenantId: string): Promise<void> | null
  /** Every turn that was taken is given back, once. */
  giveBack(tenantId: string): void
  /** How many wait. */
  readonly waiting: number
}

type Waiter = { readonly go: () => void }
type Share = { running: number; readonly waiters: Set<Waiter> }

/** Among those who wait, the tenant with the fewest connections is next; of equals, the one that has waited longest. */
export function createFairTurns(options: {
  readonly connectionsMax: number
  readonly waitMaxMs: number
}): FairTurns {
  const { connectionsMax, waitMaxMs } = options
  const shareMax = Math.max(1, connectionsMax - Math.floor(connectionsMax * RESERVED_PART))
  /** Those who have or await a turn, in the order in which they came to wait. */
  const shares = new Map<string, Share>()
  let running = 0
  let waiting = 0

  function shareOf(tenantId: string): Share {
    let share = shares.get(tenantId)
    if (share === undefined) {
      share = { running: 0, waiters: new Set() }
      shares.set(tenantId, share)
    }
    return share
  }

  function start(share: Share): void {
    share.running += 1
    running += 1
  }

  function forgetIdle(tenantId: string, share: Share): void {
    if (share.running === 0 && share.waiters.size === 0) shares.delete(tenantId)
  }

  function wait(tenantId: string, share: Share): Promise<void> {
    waiting += 1
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        share.waiters.delete(waiter)
        waiting -= 1
      }
      const waiter: Waiter = {
        go() {
          leave()
          start(share)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        leave()
        forgetIdle(tenantId, share)
        // In the pool's own words for the same thing.
        reject(new Error('timeout exceeded when trying to connect'))
      }, waitMaxMs)
      share.waiters.add(waiter)
    })
  }

  function next(): Share | null {
    let fewest: Share | null = null
    for (const share of shares.values()) {
      if (share.waiters.size === 0 || share.running >= shareMax) continue
      if (fewest === null || share.running < fewest.running) fewest = share
    }
    return fewest
  }

  function letGo(): void {
    while (running < connectionsMax) {
      const share = waiting === 0 ? null : next()
      const [waiter] = share?.waiters ?? []
      if (waiter === undefined) return
      waiter.go()
    }
  }

  return {
    take(tenantId) {
      const share = shareOf(tenantId)
      if (running < connectionsMax && share.running < shareMax && share.waiters.size === 0) {
        start(share)
        return null
      }
      return wait(tenantId, share)
    },
    giveBack(tenantId) {
      const share = shareOf(tenantId)
      share.running -= 1
      running -= 1
      // Behind those that came meanwhile, should it wait again.
      shares.delete(tenantId)
      if (share.running > 0 || share.waiters.size > 0) shares.set(tenantId, share)
      letGo()
    },
    get waiting() {
      return waiting
    },
  }
}
