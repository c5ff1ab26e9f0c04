// Case 49 at the pool: a tenant with many requests leaves room for the others.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import {
  BEFORE_TENANT,
  type FairScheduler,
  createFairScheduler as makeFairScheduler,
} from '../../src/db/fair-scheduler.ts'
import { faultOf } from '../../src/db/faults.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'

const WAIT_MS = 60_000

/** A request that still waits when a test ends is refused much later, without a handler. */
function createFairScheduler(options: Parameters<typeof makeFairScheduler>[0]): FairScheduler {
  const scheduler = makeFairScheduler(options)
  return {
    acquire(...place) {
      const turn = scheduler.acquire(...place)
      turn?.catch(() => {})
      return turn
    },
    release: (...place) => scheduler.release(...place),
    get waiting() {
      return scheduler.waiting
    },
  }
}

describe('turns', () => {
  it('are granted at once while there are any, up to the share of one tenant', () => {
    const scheduler = createFairScheduler({ connectionsMax: 4, waitMaxMs: WAIT_MS })
    expect([1, 2, 3].map(() => scheduler.acquire('a'))).toEqual([null, null, null])
    expect(scheduler.acquire('b')).toBeNull()
  })

  it('of a tenant at its share must wait, while another gets one at once', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 4, waitMaxMs: WAIT_MS })
    for (let n = 0; n < 3; n += 1) void scheduler.acquire('a')
    const fourth = scheduler.acquire('a')
    expect(fourth).toBeInstanceOf(Promise)
    expect(scheduler.waiting).toBe(1)
    expect(scheduler.acquire('b')).toBeNull()
    scheduler.release('a')
    await fourth
    expect(scheduler.waiting).toBe(0)
  })

  it('go to the tenant with the fewest, and among equals in the order of the requests', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 3, waitMaxMs: WAIT_MS })
    for (const tenant of ['a', 'a', 'a', 'b']) void scheduler.acquire(tenant) // a waits for its fourth, at its share of 3
    const order: string[] = []
    const wait = (tenant: string) =>
      void scheduler
        .acquire(tenant)
        ?.then(() => order.push(tenant))
        .catch(() => {})
    for (const tenant of ['a', 'a', 'c', 'd', 'c']) wait(tenant)
    for (const tenant of ['a', 'b', 'a']) {
      scheduler.release(tenant)
      await sleep(0)
    }
    expect(order.slice(0, 2)).toEqual(['c', 'd'])
  })

  it('are granted in the order of the requests within a tenant', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 1, waitMaxMs: WAIT_MS })
    void scheduler.acquire('a')
    const order: number[] = []
    const all = [1, 2, 3].map(async (n) => {
      await scheduler.acquire('a')
      order.push(n)
    })
    for (let n = 0; n < 3; n += 1) scheduler.release('a')
    await Promise.all(all)
    expect(order).toEqual([1, 2, 3])
  })

  it('that are not granted in time fail as a busy database', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 1, waitMaxMs: 20 })
    void scheduler.acquire('a')
    const error = await Promise.resolve(scheduler.acquire('b')).catch((refusal: unknown) => refusal)
    expect(faultOf(error)).toBe('BUSY')
    expect(scheduler.waiting).toBe(0)
    scheduler.release('a')
    expect(scheduler.acquire('c')).toBeNull()
  })

  it('never exceed the connections', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 5, waitMaxMs: WAIT_MS })
    let running = 0
    let most = 0
    const work = async (tenant: string, pauseMs: number) => {
      await scheduler.acquire(tenant)
      running += 1
      most = Math.max(most, running)
      await sleep(pauseMs)
      running -= 1
      scheduler.release(tenant)
    }
    await Promise.all(Array.from({ length: 300 }, (_, n) => work(`tenant ${(n * 7) % 11}`, n % 3)))
    expect(most).toBe(5)
    expect(running).toBe(0)
  })
})

describe('turns of the callers of one tenant', () => {
  it('leave room for another: no caller has all of the share', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 8, waitMaxMs: WAIT_MS })
    const taken = Array.from({ length: 6 }, () => scheduler.acquire('a', 'key 1'))
    expect(taken.filter((turn) => turn === null)).toHaveLength(5)
    for (const turn of taken) turn?.catch(() => {})
    expect(scheduler.waiting).toBe(1)
    expect(scheduler.acquire('a', 'key 2')).toBeNull()
  })

  it('go to the caller with the fewest, even if another waits for many', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 4, waitMaxMs: WAIT_MS })
    for (const caller of ['x', 'x', 'y']) expect(scheduler.acquire('a', caller)).toBeNull()
    const order: string[] = []
    const wait = (caller: string) =>
      void scheduler
        .acquire('a', caller)
        ?.then(() => order.push(caller))
        .catch(() => {})
    for (const caller of ['x', 'x', 'x', 'y', 'z']) wait(caller)
    for (const caller of ['x', 'y', 'x']) {
      scheduler.release('a', caller)
      await sleep(0)
    }
    expect(order).toEqual(['z', 'y', 'x'])
  })

  it('are one for work that needs two, in a share that is too small to divide', () => {
    const scheduler = createFairScheduler({ connectionsMax: 2, waitMaxMs: WAIT_MS })
    expect([scheduler.acquire('a', 'x'), scheduler.acquire('a', 'x')]).toEqual([null, null])
  })

  it('that are given up leave nothing behind', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 4, waitMaxMs: 10 })
    for (let n = 0; n < 2; n += 1) expect(scheduler.acquire('a', 'x')).toBeNull()
    await expect(scheduler.acquire('a', 'x')).rejects.toThrow()
    for (let n = 0; n < 2; n += 1) scheduler.release('a', 'x')
    expect(scheduler.waiting).toBe(0)
    expect([scheduler.acquire('a', 'x'), scheduler.acquire('a', 'x')]).toEqual([null, null])
  })
})

describe('the lane for queries before a tenant is known', () => {
  it('is small, and no kind of query may use all of it', () => {
    const scheduler = createFairScheduler({ connectionsMax: 8, waitMaxMs: WAIT_MS })
    expect(scheduler.acquire(BEFORE_TENANT, 'deliveries')).toBeNull()
    const more = Array.from({ length: 100 }, () => scheduler.acquire(BEFORE_TENANT, 'deliveries'))
    for (const turn of more) {
      expect(turn).toBeInstanceOf(Promise)
      turn?.catch(() => {})
    }
    expect(scheduler.acquire(BEFORE_TENANT, 'people')).toBeNull()
    // A tenant's share without the lane.
    expect(Array.from({ length: 6 }, () => scheduler.acquire('a'))).toEqual(Array(6).fill(null))
  })

  it('has a bounded queue: beyond it a request fails at once as busy', async () => {
    const scheduler = createFairScheduler({ connectionsMax: 8, waitMaxMs: WAIT_MS })
    for (let n = 0; n <= 1_000; n += 1) scheduler.acquire(BEFORE_TENANT, 'deliveries')?.catch(() => {})
    expect(scheduler.waiting).toBe(1_000)
    const error = await Promise.resolve(scheduler.acquire(BEFORE_TENANT, 'people 2')).catch(
      (refusal) => refusal,
    )
    expect(error).toBeNull()
    const refused = await Promise.resolve(scheduler.acquire(BEFORE_TENANT, 'deliveries')).catch(
      (refusal) => refusal,
    )
    expect(faultOf(refused)).toBe('BUSY')
    expect(scheduler.waiting).toBe(1_000)
  })
})

describe('case 49: a tenant with a hundred times the load', () => {
  let files: TestDatabase
  let database: Database
  beforeAll(async () => {
    files = await createTestDatabase({ seed: 'two-tenants' })
    const logger = createLogger('silent')
    database = openDatabase({
      url: files.runtimeUrl,
      poolMax: 4,
      namedStatements: true,
      acquireTimeoutMs: WAIT_MS,
      logger,
    })
  })
  afterAll(async () => {
    await database?.close()
    await files?.drop()
  })

  it('case 49: is answered in full, and another tenant before it finishes, for reads and for transactions', async () => {
    const gate = Promise.withResolvers<void>()
    let done = 0
    const slow = async () => {
      await database.withTenant({ tenantId: TENANT_A.id }, async (tx) => {
        await tx.export.count()
        await gate.promise
      })
      done += 1
    }
    const hundred = Promise.all(Array.from({ length: 100 }, slow))
    await expect.poll(() => database.poolState()).toMatchObject({ total: 3, idle: 0, waiting: 97 })
    const scope = { tenantId: TENANT_B.id }
    await database.forTenant(scope).export.readCount()
    await database.withTenant(scope, (tx) => tx.export.count())
    expect(done).toBe(0)
    gate.resolve()
    await hundred
    expect(done).toBe(100)
    expect(database.poolState().waiting).toBe(0)
  })

  it('returns its turn when its work fails', async () => {
    const failing = Array.from({ length: 20 }, () =>
      database
        .withTenant({ tenantId: TENANT_A.id }, (tx) => tx.$queryRaw`SELECT 1 / 0`)
        .then(() => 'done')
        .catch(() => 'failed'),
    )
    expect(new Set(await Promise.all(failing))).toEqual(new Set(['failed']))
    expect(await database.forTenant({ tenantId: TENANT_A.id }).export.readCount()).toBeGreaterThan(0)
  })
})
