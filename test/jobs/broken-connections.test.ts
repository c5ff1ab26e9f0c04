// Cases 44 and 47 for workers: jobs when connections break, and workers that are taken for dead, or do not stop.
import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { asAdmin } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { withRole } from '../support/urls.ts'
import { startWireProxy } from '../support/wire-proxy.ts'
import { heldTask, NO_LOOKS_MS, notedTask, openWorkshop, type Workshop } from './workshop.ts'

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterEach(async () => {
  await shop.admin.query('ROLLBACK')
  await shop.tidyUp()
})
afterAll(() => shop?.close())

const HELD_SQL = `
  SELECT locked_by AS id FROM graphile_worker._private_jobs WHERE locked_by IS NOT NULL
  UNION SELECT locked_by FROM graphile_worker._private_job_queues WHERE locked_by IS NOT NULL`

/** The holders of locks. */
async function holders(): Promise<string[]> {
  return (await shop.admin.query<{ id: string }>(HELD_SQL)).rows.map(({ id }) => id)
}

/** The announced workers: the hashes of their ids. */
async function announced(): Promise<string[]> {
  const { rows } = await shop.admin.query<{ hash: string }>(
    `SELECT objid::text AS hash FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  return rows.map(({ hash }) => hash)
}

/** Breaks connections of workers of this database; returns their number. */
function breakConnections(which = 'true'): Promise<number> {
  // On a separate connection: within a transaction pg_stat_activity is a snapshot.
  return asAdmin(shop.testDatabase.adminUrl, async (admin) => {
    const { rowCount } = await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'bulkhead-worker' AND ${which}`,
    )
    return rowCount ?? 0
  })
}

/** Two looks: workers missing in both have their jobs freed. */
async function lookTwice(): Promise<string[]> {
  await shop.queue.freeOrphans()
  return await shop.queue.freeOrphans()
}

describe('a connection that breaks', () => {
  it('while a finished job is recorded: that one is repeated, the others continue, and the worker stops cleanly', async () => {
    const { task, ran } = notedTask('test.x', 5, async ({ n }) => {
      if (n !== 'first' || ran.length > 1) return
      // From here on the job's row cannot be deleted.
      await shop.admin.query('BEGIN')
      await shop.admin.query('SELECT FROM graphile_worker._private_jobs FOR UPDATE')
    })
    const worker = await shop.work([task])
    await shop.queued(TENANT_A.id, { task: 'test.x', payload: { n: 'first' } })
    await eventually(async () => expect(await breakConnections(`wait_event_type = 'Lock'`)).toBe(1))
    await shop.admin.query('ROLLBACK')
    await shop.queued(TENANT_A.id, { task: 'test.x', payload: { n: 'second' } })
    await shop.untilEmpty()
    expect(ran.map(({ n }) => String(n)).toSorted()).toEqual(['first', 'first', 'second'])
    await worker.stop()
    expect(await holders()).toEqual([])
  })

  it('while jobs are fetched: they are fetched again, under another id', async () => {
    const { task, ran } = notedTask('test.x', 5)
    await shop.work([task])
    const [before] = await announced()
    await shop.admin.query('BEGIN')
    await shop.admin.query('LOCK TABLE graphile_worker._private_jobs IN SHARE ROW EXCLUSIVE MODE')
    await eventually(async () =>
      expect(
        await breakConnections(`query LIKE '%skip locked%' AND wait_event_type = 'Lock'`),
      ).toBeGreaterThan(0),
    )
    await shop.admin.query('ROLLBACK')
    await shop.queued(TENANT_A.id, { task: 'test.x' })
    await shop.untilEmpty()
    expect(ran).toHaveLength(1)
    // Jobs locked by the lost answer are orphans.
    await eventually(async () =>
      expect(await announced()).toEqual([expect.not.stringMatching(`^${before}$`)]),
    )
  })

  it('all at once, as in a restart of the database: no worker is taken for dead, and running jobs are done once', async () => {
    const { task, starts, finish } = heldTask('test.hold')
    await shop.work([task], { orphanIntervalMs: NO_LOOKS_MS })
    await shop.queued(TENANT_A.id, { task: 'test.hold' })
    await eventually(async () => expect(starts).toHaveLength(1))
    await breakConnections()
    // The first look may miss it. It announces itself again without a request.
    await shop.queue.freeOrphans().catch(() => []) // its own connection broke too
    await eventually(async () => expect(await announced()).toHaveLength(1))
    expect(await shop.queue.freeOrphans()).toEqual([])
    finish()
    await shop.untilEmpty()
    expect(starts).toHaveLength(1)
  })
})

describe('missing workers', () => {
  it('are those missing in two checks, and no others', async () => {
    const { task, starts, finish } = heldTask('test.hold')
    await shop.work([task], { orphanIntervalMs: NO_LOOKS_MS })
    await shop.queued(TENANT_A.id, { task: 'test.hold' })
    await eventually(async () => expect(starts).toHaveLength(1))
    const [alive] = await holders()
    await shop.queued(TENANT_B.id, { task: 'test.nobody-has-it' })
    await shop.admin.query(
      `UPDATE graphile_worker._private_jobs SET locked_by = 'pool-gone', locked_at = now(), attempts = 1
       WHERE payload ->> 'tenantId' = $1`,
      [TENANT_B.id],
    )
    expect(await shop.queue.freeOrphans()).toEqual([])
    expect(await shop.queue.freeOrphans()).toEqual(['pool-gone'])
    expect(await holders()).toEqual([alive])
    finish()
  })

  it('do not include a worker that logs in under another role than the checking one', async () => {
    const role = `worker_${randomUUID().replaceAll('-', '')}`
    await asAdmin(shop.testDatabase.adminUrl, (admin) =>
      admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'of-a-test' IN ROLE bulkhead_worker`),
    )
    try {
      const { task, starts, finish } = heldTask('test.hold')
      const url = withRole(shop.testDatabase.workerUrl, role, 'of-a-test')
      const worker = await shop.work([task], { url, orphanIntervalMs: NO_LOOKS_MS })
      await shop.queued(TENANT_A.id, { task: 'test.hold' })
      await eventually(async () => expect(starts).toHaveLength(1))
      expect(await lookTwice()).toEqual([])
      finish()
      await worker.stop()
      expect(await lookTwice()).toEqual([])
    } finally {
      await asAdmin(shop.testDatabase.adminUrl, (admin) => admin.query(`DROP ROLE ${role}`))
    }
  })

  it('leave a dead letter where the job had no attempts left, so a job that kills its worker is bounded too', async () => {
    const { task, ran } = notedTask('test.x', 1)
    await shop.queued(TENANT_A.id, { task: 'test.x', attemptsMax: 1 })
    await shop.admin.query(
      `UPDATE graphile_worker._private_jobs SET locked_by = 'pool-gone', locked_at = now(), attempts = 1`,
    )
    expect(await lookTwice()).toEqual(['pool-gone'])
    await shop.work([task])
    await shop.queued(TENANT_A.id, { task: 'test.x', payload: { n: 'other' } })
    await eventually(async () => expect(await shop.queue.state()).toMatchObject({ pending: 0, dead: 1 }))
    expect(ran).toEqual([{ n: 'other' }])
  })
})

it('a lane is not blocked by a job that its former worker finished', async () => {
  const { task, starts, finish } = heldTask('test.hold')
  await shop.work([task])
  await shop.queued(TENANT_A.id, { task: 'test.hold', key: 'test.hold:same' })
  await eventually(async () => expect(starts).toHaveLength(1))
  // What the former worker does when it finishes after all.
  await shop.admin.query('DELETE FROM graphile_worker._private_jobs')
  finish()
  await shop.queued(TENANT_A.id, { task: 'test.hold', key: 'test.hold:same' })
  await shop.untilEmpty()
  expect(starts).toHaveLength(2)
})

describe('a stop', () => {
  it("past its deadline returns the job at once, and its worker's result no longer counts", async () => {
    const late = heldTask('test.hold')
    const first = await shop.work([late.task], { stopDeadlineMs: 20 })
    await shop.queued(TENANT_A.id, { task: 'test.hold' })
    await eventually(async () => expect(late.starts).toHaveLength(1))
    await first.stop()
    expect(await holders()).toEqual([])
    expect(await shop.jobs()).toMatchObject([
      { attempts: 1, lastError: 'its worker was stopped', isDead: false },
    ])

    const next = heldTask('test.hold')
    await shop.work([next.task])
    await shop.makeDue()
    await eventually(async () => expect(next.starts).toHaveLength(1))
    late.finish()
    await lookTwice() // longer than deleting the job would take
    expect(await shop.jobs()).toMatchObject([{ attempts: 2 }])
    next.finish()
    await shop.untilEmpty()
  })

  it('without a database still ends', async () => {
    const { task } = notedTask('test.x', 1)
    const worker = await shop.work([task], { stopDeadlineMs: 20 })
    await breakConnections()
    await worker.stop()
  })
})

describe('the connection on which jobs are announced', () => {
  it('may break while a worker begins to listen and is stopped: nothing is left unhandled', async () => {
    const proxy = await startWireProxy(shop.testDatabase.workerUrl)
    const { promise: listening, resolve: isListening } = Promise.withResolvers<void>()
    proxy.breakAt = ({ text }) => {
      if (!text.startsWith('LISTEN')) return null
      isListening()
      return 'silent'
    }
    const unhandled: unknown[] = []
    const onUnhandled = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', onUnhandled)
    try {
      const worker = await shop.work([heldTask('test.x').task], { url: proxy.url, stopDeadlineMs: 200 })
      await listening
      const stopped = worker.stop()
      await setImmediate() // the stopping worker no longer listens
      await proxy.close()
      await stopped
      await setImmediate()
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', onUnhandled)
      await proxy.close()
    }
  })
})
