// Keeps jobs running in this process: fetches them as a role that sees no tenant's row, frees jobs of dead workers,
// reports to the metrics. run-job.ts runs one job.
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
import { cronItems, runSchedule, SCHEDULE_TASK, type Schedule } from './run-schedule.ts'
import { type JobRunner, startRunner } from './runner.ts'
import type { Task } from './task.ts'

export type WorkerOptions = {
  /** Of the queue's role. It must reach PostgreSQL without a pooler, since a worker is identified by its session. */
  readonly url: string
  readonly database: Database
  readonly tasks: readonly Task[]
  readonly schedule: Schedule
  readonly clock: Clock
  readonly logger: Logger
  readonly concurrency: number
  readonly metrics: JobMetrics
  /** How often orphaned jobs are looked for; a job is freed after two looks. */
  readonly orphanIntervalMs?: number
  /** The time for running jobs to finish at a stop. */
  readonly stopDeadlineMs?: number
}

export type Worker = {
  /** Fetches no new job, lets running ones finish within the deadline, and returns the rest to the queue. */
  stop(): Promise<void>
}

const ORPHAN_INTERVAL_MS = 5_000
/** Together with returning jobs, the HTTP server's drain and the sandbox's end it stays below the process's 25 s. */
const STOP_DEADLINE_MS = 6_000
const RESTART_DELAY_MS = 1_000

/**
 * Resolves when jobs are being run. They run until it is stopped, and again soon after any interruption. Throws the
 * queue's database errors at the start.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { url, logger, concurrency, metrics, schedule } = options
  const { orphanIntervalMs = ORPHAN_INTERVAL_MS, stopDeadlineMs = STOP_DEADLINE_MS } = options
  const queue = openQueueConnection(url, logger)
  // One to fetch and one to listen, besides those for jobs.
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

/**
 * One runner after another: the next has another id, so that jobs still locked by the previous one count as orphans.
 */
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
 * A killed worker cannot release its jobs, and graphile-worker waits four hours, so we check which workers live. A
 * worker that is cut off from the database loses jobs that it still runs: they run twice, which tasks must tolerate
 * anyway.
 */
function freeOrphansEvery(intervalMs: number, queue: QueueConnection, logger: Logger): () => void {
  const free = () => {
    queue.freeOrphans().then(
      (ids) => {
        if (ids.length > 0) logger.warn({ workers: ids }, 'jobs of dead workers were freed')
      },
      (error: unknown) => logger.warn({ err: error }, 'orphaned jobs could not be looked for'),
    )
  }
  free()
  const timer = setInterval(free, intervalMs)
  return () => clearInterval(timer)
}
