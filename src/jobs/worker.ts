// Keeps jobs running in this process, whatever breaks: fetches them as a role that sees no tenant's row, looks after what
// other workers left, tells the metrics. One job is run-job.ts's; what jobs do is their tasks'.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskList } from 'graphile-worker'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../db/database.ts'
import { openQueueConnection, type QueueConnection } from '../db/queue/queue-connection.ts'
import { queueLogger } from '../db/queue/queue-logger.ts'
import { openQueuePool } from '../db/queue/queue-pool.ts'
import type { JobMetrics } from '../telemetry/metrics.ts'
import { eraseDueEvery } from './erase-due.ts'
import { runJob } from './run-job.ts'
import { type JobRunner, startRunner } from './runner.ts'
import { cronItems, runSchedule, SCHEDULE_TASK, type Schedule } from './schedule.ts'
import type { Task } from './task.ts'

export type WorkerOptions = {
  /** Of the queue's role. Reaches PostgreSQL itself: a worker is known by its session, which no pooler keeps. */
  readonly url: string
  readonly database: Database
  readonly tasks: readonly Task[]
  readonly schedule: Schedule
  readonly clock: Clock
  readonly logger: Logger
  readonly concurrency: number
  readonly metrics: JobMetrics
  /** How often orphans are looked for; one is free after two looks. */
  readonly orphanIntervalMs?: number
  /** How long jobs under way may go on at a stop. */
  readonly stopDeadlineMs?: number
}

export type Worker = {
  /** Takes no new job, lets those under way finish within the deadline, and gives back the rest. */
  stop(): Promise<void>
}

const ORPHAN_INTERVAL_MS = 5_000
/** With what giving back takes, the HTTP server's drain and the sandbox's end it stays below the process's own 25 s. */
const STOP_DEADLINE_MS = 6_000
const RESTART_DELAY_MS = 1_000

/**
 * Resolves when jobs are being run; they are from then on until it is stopped, and again soon after whatever interrupts
 * that. Throws what the queue's database throws at the start.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { url, logger, concurrency, metrics, schedule } = options
  const { orphanIntervalMs = ORPHAN_INTERVAL_MS, stopDeadlineMs = STOP_DEADLINE_MS } = options
  const queue = openQueueConnection(url, logger)
  // One to fetch and one to listen beside those at work.
  const pool = openQueuePool(url, concurrency + 2, logger)
  const start = () =>
    startRunner(
      {
        pgPool: pool,
        concurrency,
        taskList: taskListOf(options, queue),
        parsedCronItems: cronItems(schedule),
        logger: queueLogger(logger),
      },
      (poolId) => queue.announce(poolId),
      logger,
    )
  const close = () => Promise.all([pool.end(), queue.close()])
  const first = await start().catch(async (error: unknown) => {
    await close()
    throw error
  })
  const stopping = new AbortController()
  const kept = keepRunning(first, { start, stopDeadlineMs, stopping: stopping.signal, logger })
  const stopFreeing = freeOrphansEvery(orphanIntervalMs, queue, logger)
  const stopErasing = eraseDueEvery(queue, logger)
  metrics.watchQueue(() => queue.state())
  async function stop(): Promise<void> {
    stopFreeing()
    stopErasing()
    metrics.watchQueue(null)
    stopping.abort()
    await kept
    await close()
  }
  let stopped: Promise<void> | null = null
  return { stop: () => (stopped ??= stop()) }
}

type Keeping = {
  readonly start: () => Promise<JobRunner>
  readonly stopDeadlineMs: number
  readonly stopping: AbortSignal
  readonly logger: Logger
}

/** One runner after another: the next has another id, so that what the one before still had locked is an orphan's. */
async function keepRunning(
  first: JobRunner,
  { start, stopDeadlineMs, stopping, logger }: Keeping,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => stopping.addEventListener('abort', () => resolve()))
  let runner: JobRunner | null = first
  for (;;) {
    await Promise.race([runner?.failed, stopped])
    await runner?.stop(stopDeadlineMs)
    await sleep(RESTART_DELAY_MS, null, { signal: stopping }).catch(() => {}) // stopped meanwhile
    if (stopping.aborted) return
    runner = await start().catch((error: unknown) => {
      logger.warn({ err: error }, 'jobs cannot be run for now')
      return null
    })
    if (runner !== null) logger.info('jobs are run again')
  }
}

function taskListOf(options: WorkerOptions, queue: QueueConnection): TaskList {
  const { tasks, logger, metrics } = options
  type Run = (job: { id: string; payload: unknown; attempts: number; attemptsMax: number }) => Promise<void>
  const watched =
    (name: string, run: Run): TaskList[string] =>
    async (payload, { job }) => {
      const { id, attempts, max_attempts: attemptsMax } = job
      try {
        await run({ id, payload, attempts, attemptsMax })
        metrics.observeJob({ task: name, result: 'done' })
      } catch (error) {
        metrics.observeJob({ task: name, result: 'failed' })
        logger.error({ task: name, jobId: id, attempt: attempts, err: error }, 'a job failed')
        throw error
      }
    }
  const list: TaskList = {
    [SCHEDULE_TASK]: watched(SCHEDULE_TASK, (job) => runSchedule(job, tasks, queue)),
  }
  for (const task of tasks) list[task.name] = watched(task.name, (job) => runJob(task, job, queue, options))
  return list
}

/**
 * A worker that was killed cannot let go of what it had, and graphile-worker waits four hours: we look who lives instead. A
 * worker that is cut off from the database so loses jobs that it still works on: they are then done twice, which tasks must
 * bear in any case.
 */
function freeOrphansEvery(intervalMs: number, queue: QueueConnection, logger: Logger): () => void {
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
