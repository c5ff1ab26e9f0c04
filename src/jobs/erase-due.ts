// Carries out due erasures while a worker runs. Not a job, since jobs belong to tenants, and this deletes one. The
// steps are the database's: app.erase_due_tenants.
import type { Logger } from '../core/logger.ts'
import type { QueueConnection } from '../db/queue/queue-connection.ts'

const INTERVAL_MS = 30_000
/** Per step: a fraction of a second, so that others do not wait for the queue's connection. */
const ROWS_MAX = 1_000
/** Steps in a row; the next run continues. */
const STEPS_MAX = 500

/** Runs steps until nothing is due. Returns their number. Throws database errors. */
export async function eraseDue(
  queue: Pick<QueueConnection, 'eraseDueTenants'>,
  isStopping: () => boolean = () => false,
): Promise<number> {
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    if (isStopping()) return steps
    const state = await queue.eraseDueTenants(ROWS_MAX)
    if (state === 'IDLE' || state === 'WAITING') return steps
  }
  return STEPS_MAX
}

/** Returns a function that stops it after the step in progress. Any number of workers may run it. */
export function eraseDueEvery(
  queue: Pick<QueueConnection, 'eraseDueTenants'>,
  logger: Logger,
  intervalMs: number = INTERVAL_MS,
): () => void {
  let isStopping = false
  let isBusy = false
  const look = async () => {
    if (isBusy) return
    isBusy = true
    try {
      const steps = await eraseDue(queue, () => isStopping)
      if (steps > 0) logger.info({ steps }, 'due tenants were erased')
    } catch (error) {
      if (!isStopping) logger.warn({ err: error }, 'due tenants could not be erased')
    } finally {
      isBusy = false
    }
  }
  void look()
  const timer = setInterval(() => void look(), intervalMs)
  return () => {
    isStopping = true
    clearInterval(timer)
  }
}
