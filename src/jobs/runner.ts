// Starts graphile-worker's runner, notices when it stops working, and stops it within a deadline. worker.ts keeps one
// running.
import { EventEmitter } from 'node:events'
import { type Runner, type RunnerOptions, run, type WorkerEvents, type WorkerPool } from 'graphile-worker'
import type { Logger } from '../core/logger.ts'

export type JobRunner = {
  /** Resolves when it may have lost a job, or no longer fetches jobs: another one must replace it. */
  readonly failed: Promise<void>
  /** Fetches no new job, waits for running ones, and after the deadline returns them to the queue. */
  stop(deadlineMs: number): Promise<void>
}

/** New jobs are announced; polling is for delayed ones. */
const POLL_INTERVAL_MS = 1_000
/**
 * A job's queue is released only after its worker has looked for the next job, in vain if that is in the same queue.
 * Without another look soon after, a tenant's waiting jobs would run at the pace of polling: 200 took 13 s.
 */
const LOOK_AGAIN_AFTER_MS = [5, 25, 125]
/** The bound for returning jobs to the queue. */
const GIVE_BACK_DEADLINE_MS = 3_000

/** Resolves when jobs are being run, and `announce` has stored the pool's id. Throws database errors. */
export async function startRunner(
  options: Pick<RunnerOptions, 'pgPool' | 'concurrency' | 'taskList' | 'parsedCronItems' | 'logger'>,
  announce: (poolId: string) => Promise<void>,
  logger: Logger,
): Promise<JobRunner> {
  const { promise: failed, resolve: fail } = Promise.withResolvers<void>()
  const events: WorkerEvents = new EventEmitter()
  // Not the value of a promise, since a pool is itself a promise of its end.
  const pools: WorkerPool[] = []
  events.on('pool:create', ({ workerPool }) => pools.push(workerPool))
  // When the answer to a fetch is lost, a job may stay locked without a worker for as long as this pool lives.
  events.on('worker:getJob:error', ({ error }) => {
    logger.warn({ err: error }, 'jobs could not be fetched')
    fail()
  })
  // The library stops at the first failure to record a job's end.
  events.on('pool:fatalError', ({ error, action }) => {
    logger.error({ err: error, action }, 'the result of jobs could not be recorded')
    fail()
  })
  const runner = await run({
    ...options,
    events,
    pollInterval: POLL_INTERVAL_MS,
    noHandleSignals: true,
    // With a batch delay nobody would wait for a job's end to be recorded, nor catch the error when that fails.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  })
  const ended = runner.promise.then(fail, fail)
  const [pool] = pools
  if (pool === undefined) throw new Error('a runner started without a pool')
  const stop = (deadlineMs: number) => stopRunner({ runner, pool, ended }, deadlineMs, logger)
  try {
    await announce(pool.id)
  } catch (error) {
    await stop(0)
    throw error
  }
  lookAgain(events, pool)
  return { failed, stop }
}

function lookAgain(events: WorkerEvents, pool: WorkerPool): void {
  let isStopping = false
  events.on('pool:gracefulShutdown', () => {
    isStopping = true
  })
  events.on('job:complete', () => {
    for (const delayMs of LOOK_AGAIN_AFTER_MS) {
      setTimeout(() => {
        if (!isStopping) pool.nudge(1)
      }, delayMs)
    }
  })
}

type Running = { readonly runner: Runner; readonly pool: WorkerPool; readonly ended: Promise<void> }

async function stopRunner(
  { runner, pool, ended }: Running,
  deadlineMs: number,
  logger: Logger,
): Promise<void> {
  // It rejects when it has ended already; that error was logged when it happened.
  const stopped = Promise.allSettled([runner.stop(), pool.promise, ended])
  if (await isOver(stopped, deadlineMs)) return
  logger.warn({ deadlineMs }, 'running jobs are returned to the queue')
  await isOver(Promise.allSettled([pool.forcefulShutdown('its worker was stopped')]), GIVE_BACK_DEADLINE_MS)
}

/** Whether it ends within the deadline. */
async function isOver(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(() => resolve(false), deadlineMs)
  const over = await Promise.race([work.then(() => true), late])
  clearTimeout(timer)
  return over
}
