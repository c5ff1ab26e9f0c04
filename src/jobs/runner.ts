// graphile-worker's runner: started, noticed when it no longer does its work, and ended within a bound. Keeping one running
// is worker.ts's.
import { EventEmitter } from 'node:events'
import { type Runner, type RunnerOptions, run, type WorkerEvents, type WorkerPool } from 'graphile-worker'
import type { Logger } from '../core/logger.ts'

export type JobRunner = {
  /** Resolves when it may have lost a job, or does not look for jobs any more: another one must take its place. */
  readonly failed: Promise<void>
  /** Takes no new job, waits for those under way, and after the deadline gives them back to be tried again. */
  stop(deadlineMs: number): Promise<void>
}

/** New jobs are announced; polling is for those that were to run later. */
const POLL_INTERVAL_MS = 1_000
/**
 * A job's lane is let go of a moment after its worker has looked for the next one, in vain when that is in the same lane.
 * Without another look soon after, a tenant's waiting jobs would be done at the pace of polling: 200 took 13 s.
 */
const LOOK_AGAIN_AFTER_MS = [5, 25, 125]
/** Within it the jobs that are given back are written down. */
const GIVE_BACK_DEADLINE_MS = 3_000

/** Resolves when jobs are being run, and `announce` has told others of the pool's id. Throws what the database throws. */
export async function startRunner(
  options: Pick<RunnerOptions, 'pgPool' | 'concurrency' | 'taskList' | 'parsedCronItems' | 'logger'>,
  announce: (poolId: string) => Promise<void>,
  logger: Logger,
): Promise<JobRunner> {
  const { promise: failed, resolve: fail } = Promise.withResolvers<void>()
  const events: WorkerEvents = new EventEmitter()
  // Not as a promise's value: a pool is itself one, of its end.
  const pools: WorkerPool[] = []
  events.on('pool:create', ({ workerPool }) => pools.push(workerPool))
  // When the answer to a fetch is lost, a job may be locked that nobody works on, for as long as this pool lives.
  events.on('worker:getJob:error', ({ error }) => {
    logger.warn({ err: error }, 'jobs could not be fetched')
    fail()
  })
  // The library gives up at the first error when a job cannot be recorded as done, or failed.
  events.on('pool:fatalError', ({ error, action }) => {
    logger.error({ err: error, action }, 'what became of jobs could not be recorded')
    fail()
  })
  const runner = await run({
    ...options,
    events,
    pollInterval: POLL_INTERVAL_MS,
    noHandleSignals: true,
    // Without batches nobody waits for a job to be recorded as done, and nobody catches the error when it cannot be.
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
  // It refuses when it has ended by itself; what went wrong then was told as it happened.
  const stopped = Promise.allSettled([runner.stop(), pool.promise, ended])
  if (await isOver(stopped, deadlineMs)) return
  logger.warn({ deadlineMs }, 'jobs under way are given back')
  await isOver(Promise.allSettled([pool.forcefulShutdown('its worker was stopped')]), GIVE_BACK_DEADLINE_MS)
}

/** Within the deadline? */
async function isOver(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(() => resolve(false), deadlineMs)
  const over = await Promise.race([work.then(() => true), late])
  clearTimeout(timer)
  return over
}
