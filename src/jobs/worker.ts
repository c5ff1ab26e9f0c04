// Runs jobs: each under the scope of the tenant that it is stamped with, as the runtime role; the queue itself is reached
// as a role that sees no tenant's row. What a job does is its task's.
import { EventEmitter } from 'node:events'
import { parseCronItems, type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker'
import type { JsonObject } from '../commands/outcome.ts'
import { systemCaller } from '../commands/system-caller.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, TenantAddress } from '../db/database.ts'
import { openQueueConnection, type QueueConnection } from '../db/queue-connection.ts'
import { queueLogger } from '../db/queue-logger.ts'
import type { JobMetrics } from '../telemetry/metrics.ts'
import type { Task } from './task.ts'

export type Schedule = readonly { readonly task: string; readonly pattern: string }[]

export type WorkerOptions = {
  /** Of the queue's role. Reaches PostgreSQL itself: the worker listens for news, which no pooler passes on. */
  readonly url: string
  readonly database: Database
  readonly tasks: readonly Task[]
  readonly schedule: Schedule
  readonly clock: Clock
  readonly logger: Logger
  readonly concurrency: number
  readonly metrics: JobMetrics
  /** How often orphans are looked for: 15 s by default. */
  readonly orphanIntervalMs?: number
}

export type Worker = {
  /** Takes no new job, lets those under way finish within a bound, and releases the rest. */
  stop(): Promise<void>
}

const ORPHAN_INTERVAL_MS = 15_000
/** New jobs are announced; polling is for those that were to run later. */
const POLL_INTERVAL_MS = 1_000
const STOP_DEADLINE_MS = 10_000
/** The one task without a tenant: it queues the tenants' own, and does nothing else. */
const SCHEDULE_TASK = 'schedule'

type Job = { readonly id: string; readonly payload: unknown; readonly attempts: number }

/** Resolves when jobs are being run. Throws what the queue's database throws. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { url, logger, concurrency, metrics, schedule, orphanIntervalMs = ORPHAN_INTERVAL_MS } = options
  const queue = openQueueConnection(url, logger)
  const events: WorkerEvents = new EventEmitter()
  let announcing = Promise.resolve()
  events.on('pool:create', ({ workerPool }) => {
    announcing = queue.announce(workerPool.id)
  })
  let runner: Runner
  try {
    runner = await run({
      connectionString: url,
      // One to fetch and one to listen beside those at work.
      maxPoolSize: concurrency + 2,
      concurrency,
      pollInterval: POLL_INTERVAL_MS,
      noHandleSignals: true,
      // Batches of one: without them a stop does not wait for a finished job to be recorded as such, and it is done again.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      logger: queueLogger(logger),
      events,
      taskList: taskListOf(options, queue),
      parsedCronItems: parseCronItems(
        schedule.map(({ task, pattern }) => ({
          task: SCHEDULE_TASK,
          match: pattern,
          identifier: task,
          payload: { task },
        })),
      ),
    })
    await announcing
  } catch (error) {
    await queue.close()
    throw error
  }
  const stopFreeing = freeOrphansEvery(queue, orphanIntervalMs, logger)
  metrics.watchQueue(() => queue.state())
  return {
    async stop() {
      stopFreeing()
      metrics.watchQueue(null)
      await stopRunner(runner, logger)
      await queue.close()
    },
  }
}

async function stopRunner(runner: Runner, logger: Logger): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => resolve('late'), STOP_DEADLINE_MS)
  // What is still at work then is cut off with the process, and another worker takes it up as an orphan's.
  if ((await Promise.race([runner.stop(), late])) === 'late') logger.warn('jobs under way were cut off')
  clearTimeout(timer)
}

function taskListOf(options: WorkerOptions, queue: QueueConnection): TaskList {
  const { tasks, logger, metrics } = options
  const list: TaskList = {
    [SCHEDULE_TASK]: async (payload) => {
      const { task: name } = payload as { task: string }
      const task = tasks.find((candidate) => candidate.name === name)
      if (task !== undefined) await queue.enqueueForTenants(name, task.attemptsMax)
    },
  }
  for (const task of tasks) {
    list[task.name] = async (payload, { job }) => {
      const about = { task: task.name, jobId: job.id, attempt: job.attempts }
      try {
        await runTask(task, { ...job, payload }, options, queue)
        metrics.observeJob({ task: task.name, result: 'done' })
      } catch (error) {
        metrics.observeJob({ task: task.name, result: 'failed' })
        logger.error({ ...about, err: error }, 'a job failed')
        throw error
      }
    }
  }
  return list
}

async function runTask(
  task: Task,
  { id, payload }: Job,
  { database, clock, logger }: WorkerOptions,
  queue: QueueConnection,
): Promise<void> {
  const { tenantId, ...rest } = payload as JsonObject
  const tenant = typeof tenantId === 'string' ? await database.resolveTenant({ id: tenantId }) : null
  if (tenant === null) {
    await queue.bury(id)
    throw new Error('a job without a tenant is never run')
  }
  refuseSuspended(tenant)
  const caller = systemCaller({ tenant, database, clock, logger, requestId: `job:${id}` })
  await task.run(caller, rest)
}

/** It is tried again later, as long as its attempts last. */
function refuseSuspended({ tenantSlug, tenantStatus }: TenantAddress): void {
  if (tenantStatus === 'SUSPENDED') throw new Error(`the tenant ${tenantSlug} is suspended`)
}

/**
 * A worker that was killed cannot let go of what it had. graphile-worker waits four hours; we look who lives instead, by
 * their sessions. A worker whose session broke may so lose a job that it still works on: it is then done twice, which
 * tasks must bear in any case.
 */
function freeOrphansEvery(queue: QueueConnection, intervalMs: number, logger: Logger): () => void {
  const free = () => {
    queue.freeOrphans().then(
      (ids) => {
        if (ids.length > 0) logger.warn({ workers: ids }, 'jobs of workers that are gone were freed')
      },
      (error: unknown) => logger.warn({ err: error }, 'orphans could not be looked for'),
    )
  }
  free()
  const timer = setInterval(free, intervalMs)
  return () => clearInterval(timer)
}
