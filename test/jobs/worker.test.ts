// Jobs: queued with their transaction, stamped with its tenant, run under its scope, bounded, and freed when their
// worker has died. Cases 19 and 47.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase, type Transaction } from '../../src/db/database.ts'
import { openQueueConnection, type QueueConnection } from '../../src/db/queue/queue-connection.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { enqueue, type NewJob } from '../../src/jobs/enqueue.ts'
import type { Task } from '../../src/jobs/task.ts'
import { startWorker, type Worker } from '../../src/jobs/worker.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { asAdmin } from '../support/cluster.ts'
import { asRuntime, asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { addTestTasks } from '../support/test-tasks.ts'
import { fixtureId, SEEDED, TENANT_A, TENANT_B } from '../support/two-tenants.ts'

const logger = createLogger('silent')
let database: TestDatabase
let opened: Database
let queue: QueueConnection
let metrics: Metrics
const workers: Worker[] = []

beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  await addTestTasks(database)
  opened = openDatabase({ url: database.runtimeUrl, poolMax: 4, namedStatements: true, logger })
  queue = openQueueConnection(database.workerUrl, logger)
  metrics = createMetrics(opened)
})
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop()
  await asSuperuser(database, (client) => client.query('DELETE FROM graphile_worker._private_jobs'))
})
afterAll(async () => {
  await queue?.close()
  await opened?.close()
  await database?.drop()
})

async function work(
  tasks: Task[],
  more: { schedule?: { task: string; pattern: string }[]; concurrency?: number } = {},
) {
  const worker = await startWorker({
    url: database.workerUrl,
    database: opened,
    tasks,
    schedule: more.schedule ?? [],
    clock: systemClock,
    logger,
    concurrency: more.concurrency ?? 4,
    metrics,
    orphanIntervalMs: 200,
  })
  workers.push(worker)
  return worker
}

function queued(tenantId: string, job: Partial<NewJob> & { task: string }): Promise<void> {
  const whole = { payload: {}, attemptsMax: 3, ...job }
  return opened.withTenant({ tenantId, writes: EVERYTHING }, (tx: Transaction) => enqueue(tx, whole))
}

async function jobs(): Promise<
  { task: string; tenantId: string | null; isDead: boolean; lastError: string | null }[]
> {
  return await queue.list({ onlyDead: false, limit: 1_000 })
}

describe('queueing', () => {
  it('is part of the transaction: rolled back, nothing is queued', async () => {
    const attempt = opened.withTenant({ tenantId: TENANT_A.id, writes: EVERYTHING }, async (tx) => {
      await enqueue(tx, { task: 'test.x', payload: {}, attemptsMax: 3 })
      throw new Error('changed my mind')
    })
    await expect(attempt).rejects.toThrow('changed my mind')
    expect(await jobs()).toEqual([])
  })

  it('cross-tenant: stamps the tenant in scope, not the one in the payload, and separates keys', async () => {
    await queued(TENANT_A.id, { task: 'test.x', key: 'test.x:same', payload: { tenantId: TENANT_B.id } })
    await queued(TENANT_B.id, { task: 'test.x', key: 'test.x:same' })
    await queued(TENANT_B.id, { task: 'test.x', key: 'test.x:same' })
    expect((await jobs()).map(({ tenantId }) => String(tenantId)).sort()).toEqual([TENANT_A.id, TENANT_B.id])
  })

  it('without a tenant is refused by the database', async () => {
    const attempt = asRuntime(database, null, (client) => client.query(`SELECT app.enqueue('test.x', '{}')`))
    await expect(attempt).rejects.toMatchObject({ code: 'BK001' })
  })

  it.each([
    'SELECT * FROM graphile_worker._private_jobs',
    `SELECT graphile_worker.add_job('test.x')`,
    `SELECT app.enqueue_for_tenants('test.x')`,
  ])('the runtime role may not: %s', async (sql) => {
    const attempt = asRuntime(database, TENANT_A.id, (client) => client.query(sql))
    await expect(attempt).rejects.toMatchObject({ code: '42501' })
  })

  it("the worker's role sees no tenant's table", async () => {
    await asAdmin(database.workerUrl, async (client) => {
      const { rows } = await client.query(
        `SELECT c.oid::regclass::text AS name FROM pg_class c
         WHERE c.relnamespace IN ('public'::regnamespace, 'app'::regnamespace) AND c.relkind IN ('r', 'v', 'p')
           AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')`,
      )
      expect(rows).toEqual([])
      await expect(client.query(`SELECT app.resolve_tenant(NULL, 'tenant-a')`)).rejects.toMatchObject({
        code: '42501',
      })
    })
  })
})

describe('case 19: running', () => {
  it('cross-tenant: a worker that alternates between tenants, with failures between, carries nothing over', async () => {
    const seen: { tenantId: string; members: string[] }[] = []
    await work(
      [
        {
          name: 'test.read',
          attemptsMax: 1,
          run: async (caller, { fails }) => {
            const rows = await caller.database.withTenant(caller.scope, async (tx) => {
              const found = await tx.member.findMany({ select: { tenantId: true } })
              if (fails === true) await tx.$queryRaw`SELECT 1 / 0`
              return found
            })
            seen.push({ tenantId: caller.scope.tenantId, members: rows.map(({ tenantId }) => tenantId) })
          },
        },
      ],
      { concurrency: 1 },
    )
    for (let round = 0; round < 20; round += 1) {
      const tenant = round % 2 === 0 ? TENANT_A : TENANT_B
      await queued(tenant.id, { task: 'test.read', payload: { fails: round % 3 === 0 }, attemptsMax: 1 })
    }
    await eventually(async () => expect(seen.length).toBe(13))
    for (const { tenantId, members } of seen) {
      expect(members.length).toBeGreaterThanOrEqual(SEEDED)
      expect(new Set(members)).toEqual(new Set([tenantId]))
    }
  })
})

describe('case 47: failing', () => {
  it("a failing job is tried so often and stays as a dead letter; the tenant's others continue; it can be retried", async () => {
    const done: string[] = []
    let isMended = false
    await queued(TENANT_A.id, { task: 'test.poison', attemptsMax: 1, payload: { id: 'poison' } })
    for (let n = 0; n < 5; n += 1) await queued(TENANT_A.id, { task: 'test.fine', payload: { n } })
    await work([
      {
        name: 'test.poison',
        attemptsMax: 1,
        run: async () => {
          if (!isMended) throw new Error('poison')
          done.push('poison')
        },
      },
      { name: 'test.fine', attemptsMax: 3, run: async (_caller, { n }) => void done.push(String(n)) },
    ])
    await eventually(async () => expect(done.toSorted()).toEqual(['0', '1', '2', '3', '4']))
    await eventually(async () => expect(await queue.state()).toMatchObject({ dead: 1, pending: 0 }))
    const [dead] = await queue.list({ onlyDead: true, limit: 10 })
    expect(dead).toMatchObject({
      task: 'test.poison',
      attempts: 1,
      lastError: expect.stringContaining('poison'),
    })
    expect(await metrics.render()).toMatch(/bulkhead_jobs_dead 1\n/)
    expect(await metrics.render()).toMatch(/bulkhead_jobs_total\{task="test.poison",result="failed"\} 1\n/)
    isMended = true
    expect(await queue.retry(dead?.id ?? '')).toBe(1)
    await eventually(async () => expect(done).toContain('poison'))
    await eventually(async () => expect(await queue.state()).toMatchObject({ dead: 0, pending: 0 }))
  })

  it('case 49: a tenant with 200 jobs runs two at once, and another does not wait for them', async () => {
    let running = 0
    let mostAtOnce = 0
    const order: string[] = []
    for (let n = 0; n < 200; n += 1) await queued(TENANT_A.id, { task: 'test.x', key: `test.x:a${n}` })
    await queued(TENANT_B.id, { task: 'test.x' })
    await work(
      [
        {
          name: 'test.x',
          attemptsMax: 1,
          run: async ({ scope: { tenantId } }) => {
            if (tenantId === TENANT_A.id) running += 1
            mostAtOnce = Math.max(mostAtOnce, running)
            await new Promise((resolve) => setTimeout(resolve, 5))
            order.push(tenantId)
            if (tenantId === TENANT_A.id) running -= 1
          },
        },
      ],
      { concurrency: 4 },
    )
    await eventually(async () => expect(order).toHaveLength(201))
    expect(mostAtOnce).toBeLessThanOrEqual(2)
    expect(order.indexOf(TENANT_B.id)).toBeLessThan(10)
  })
})

it('jobs of one lane follow each other without waiting for the next poll', async () => {
  let ran = 0
  await queued(TENANT_A.id, { task: 'test.x' })
  await asSuperuser(database, (client) =>
    client.query(`
      INSERT INTO graphile_worker._private_jobs (job_queue_id, task_id, payload)
      SELECT job_queue_id, task_id, payload FROM graphile_worker._private_jobs, generate_series(1, 199)`),
  )
  const task: Task = {
    name: 'test.x',
    attemptsMax: 3,
    run: async () => {
      ran += 1
    },
  }
  await work([task])
  // By polling, each second by each of four workers, it would be 50 s.
  await eventually(async () => expect(ran).toBe(200))
})

describe('case 47: a worker that ends', () => {
  const children: ChildProcess[] = []
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  })

  function start(
    waitMs: number,
    waitAfterMs = 0,
  ): { child: ChildProcess; said: (line: string) => Promise<void> } {
    const main = fileURLToPath(new URL('./run-worker.ts', import.meta.url))
    const { runtimeUrl, workerUrl } = database
    const child = spawn(
      process.execPath,
      [main, JSON.stringify({ runtimeUrl, workerUrl, waitMs, waitAfterMs })],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    children.push(child)
    const lines: string[] = []
    createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on('line', (line) =>
      lines.push(line),
    )
    return { child, said: (line) => eventually(async () => expect(lines).toContain(line)) }
  }

  async function versionOf(memberId: string): Promise<number> {
    return await asSuperuser(database, async (client) => {
      const { rows } = await client.query('SELECT version FROM members WHERE id = $1', [memberId])
      return rows[0].version
    })
  }

  it('by SIGKILL in the middle of a job: another one does it, once', { timeout: 60_000 }, async () => {
    const memberId = fixtureId(TENANT_A, 'members', 1)
    const before = await versionOf(memberId)
    await queued(TENANT_A.id, { task: 'test.slow', payload: { memberId, version: before } })
    const first = start(60_000)
    await first.said('started')
    first.child.kill('SIGKILL')
    const second = start(0)
    await second.said('ready')
    // Another worker looks for orphans more often than the second one, so that the test need not wait.
    await work([])
    await eventually(async () => expect(await versionOf(memberId)).toBe(before + 1))
    // The queue deletes a job only after its effect was committed.
    await eventually(async () => expect(await queue.state()).toMatchObject({ pending: 0, dead: 0 }))
  })

  it('by SIGKILL when a job is done and not yet recorded as done: it is run again, its effect is one', {
    timeout: 60_000,
  }, async () => {
    const memberId = fixtureId(TENANT_A, 'members', 1)
    const before = await versionOf(memberId)
    await queued(TENANT_A.id, { task: 'test.slow', payload: { memberId, version: before } })
    const first = start(0, 60_000)
    await first.said('worked')
    expect(await versionOf(memberId)).toBe(before + 1)
    first.child.kill('SIGKILL')
    const second = start(0)
    await second.said('ready')
    await work([])
    await second.said('worked')
    await eventually(async () => expect(await queue.state()).toMatchObject({ pending: 0, dead: 0 }))
    expect(await versionOf(memberId)).toBe(before + 1)
  })

  it('by SIGTERM: the running job is finished first, and the next is left to others', {
    timeout: 60_000,
  }, async () => {
    const memberId = fixtureId(TENANT_A, 'members', 2)
    const before = await versionOf(memberId)
    const { child, said } = start(2_000) // longer than queueing the next
    await said('ready')
    await queued(TENANT_A.id, { task: 'test.slow', payload: { memberId, version: before } })
    await said('started')
    await queued(TENANT_A.id, { task: 'test.slow', payload: { memberId, version: before + 1 } })
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(child.exitCode).toBe(0)
    expect(await versionOf(memberId)).toBe(before + 1)
    expect(await queue.list({ onlyDead: false, limit: 10 })).toMatchObject([{ attempts: 0 }])
  })
})
