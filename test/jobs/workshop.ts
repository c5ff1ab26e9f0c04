// A database with a queue, workers on it that are stopped after each test, and a view of the queue.
import pg from 'pg'
import { expect } from 'vitest'
import type { CommandContext } from '../../src/auth/command-context.ts'
import type { JsonObject } from '../../src/commands/outcome.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, EVERYTHING, openDatabase } from '../../src/db/database.ts'
import {
  openQueueConnection,
  type QueueConnection,
  type QueuedJob,
} from '../../src/db/queue/queue-connection.ts'
import { enqueue, type NewJob } from '../../src/jobs/enqueue.ts'
import type { Task } from '../../src/jobs/task.ts'
import { startWorker, type Worker, type WorkerOptions } from '../../src/jobs/worker.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { addTestTasks } from '../support/test-tasks.ts'

export interface Workshop {
  testDatabase: TestDatabase
  database: Database
  /** Besides the workers: it announces no worker. */
  queue: QueueConnection
  metrics: Metrics
  /** A superuser's, for damage. */
  admin: pg.Client
  work(tasks: Task[], options?: Partial<WorkerOptions>): Promise<Worker>
  /** Queues a job as the tenant, in its own transaction. */
  queued(tenantId: string, job: Partial<NewJob> & { task: string }): Promise<void>
  jobs(): Promise<QueuedJob[]>
  /** Makes all waiting jobs due. */
  makeDue(): Promise<void>
  /** Until no job waits and none is dead. */
  untilEmpty(): Promise<void>
  /** Stops the workers and empties the queue. */
  tidyUp(): Promise<void>
  close(): Promise<void>
}

const CONCURRENCY = 4
/** Short, so that tests do not wait. */
const ORPHAN_INTERVAL_MS = 200
/** Longer than any test: orphans are then freed by others, or not at all. */
export const NO_LOOKS_MS = 600_000

/** With the two small tenants. Call it in `beforeAll`, and `close` it. */
export async function openWorkshop(): Promise<Workshop> {
  const logger = createLogger('silent')
  const testDatabase = await createTestDatabase({ seed: 'two-tenants' })
  await addTestTasks(testDatabase)
  const database = openDatabase({ url: testDatabase.runtimeUrl, poolMax: 4, namedStatements: true, logger })
  const queue = openQueueConnection(testDatabase.workerUrl, logger)
  const metrics = createMetrics(database)
  const admin = new pg.Client({ connectionString: testDatabase.adminUrl })
  await admin.connect()
  const workers: Worker[] = []
  return {
    testDatabase,
    database,
    queue,
    metrics,
    admin,
    async work(tasks, options = {}) {
      const worker = await startWorker({
        url: testDatabase.workerUrl,
        database,
        tasks,
        schedule: [],
        clock: systemClock,
        logger,
        concurrency: CONCURRENCY,
        metrics,
        orphanIntervalMs: ORPHAN_INTERVAL_MS,
        ...options,
      })
      workers.push(worker)
      return worker
    },
    queued: (tenantId, job) =>
      database.withTenant({ tenantId, writes: EVERYTHING }, (tx) =>
        enqueue(tx, { payload: {}, attemptsMax: 3, ...job }),
      ),
    jobs: () => queue.list({ onlyDead: false, limit: 1_000 }),
    async makeDue() {
      await admin.query('UPDATE graphile_worker._private_jobs SET run_at = now()')
    },
    untilEmpty: () =>
      eventually(async () => expect(await queue.state()).toMatchObject({ pending: 0, dead: 0 })),
    async tidyUp() {
      for (const worker of workers.splice(0)) await worker.stop()
      await admin.query('DELETE FROM graphile_worker._private_jobs')
      await admin.query('UPDATE graphile_worker._private_job_queues SET locked_by = NULL, locked_at = NULL')
    },
    async close() {
      await admin.end()
      await queue.close()
      await database.close()
      await testDatabase.drop()
    },
  }
}

/** A task that starts, and ends on demand. */
export function heldTask(name: string): { task: Task; starts: string[]; finish(): void } {
  const { promise: held, resolve: finish } = Promise.withResolvers<void>()
  const starts: string[] = []
  const run = async ({ scope }: CommandContext) => {
    starts.push(scope.tenantId)
    await held
  }
  return { task: { name, attemptsMax: 5, run }, starts, finish }
}

/** A task that records each run, and behaves as given. */
export function notedTask(
  name: string,
  attemptsMax: number,
  work: (payload: JsonObject) => Promise<void> = async () => {},
): { task: Task; ran: JsonObject[] } {
  const ran: JsonObject[] = []
  const run = async (_caller: CommandContext, payload: JsonObject) => {
    ran.push(payload)
    await work(payload)
  }
  return { task: { name, attemptsMax, run }, ran }
}
