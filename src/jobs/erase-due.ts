// Goes through with the erasures that are due, by the clock, while a worker runs. Not a job: the queue's jobs are tenants',
// and this is the end of one. The steps, and what is due, are the database's own: app.erase_due_tenants.
import type { Logger } from '../core/logger.ts'
import type { QueueConnection } from '../db/queue/queue-connection.ts'

const INTERVAL_MS = 30_000
/** Of one step: a fraction of a second, so that others who need the queue's connection do not wait for it. */
const ROWS_MAX = 1_000
/** Steps on end; then others have their turn until the next time. */
const STEPS_MAX = 500

/** Steps until nothing is to be done now. Answers how many rows' worth of steps that were. Throws what the database throws. */
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

/** Answers what ends it; a step that is under way then is the last. Any number of workers may do so at once. */
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
      if (steps > 0) logger.info({ steps }, 'tenants whose time was over were erased')
    } catch (error) {
      if (!isStopping) logger.warn({ err: error }, 'tenants that are due could not be erased')
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
