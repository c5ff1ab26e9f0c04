// Carries out the schedule: the only job without a tenant, which queues a job for each tenant. The times are in
// desk/schedule.ts and shop/schedule.ts. Outside the schedule, timers of the worker erase due tenants (erase-due.ts) and
// free the jobs of dead workers (worker.ts).
import { type ParsedCronItem, parseCronItems } from 'graphile-worker'
import type { QueueConnection } from '../db/queue/queue-connection.ts'
import type { Task } from './task.ts'

/** Cron patterns, UTC. */
export type Schedule = readonly { readonly task: string; readonly pattern: string }[]

export const SCHEDULE_TASK = 'schedule'
/** A missed time is made up for within this time; several of one task count as one. */
const MAKE_UP_MS = 3_600_000
const ATTEMPTS_MAX = 5

/** With any number of workers, each time is queued once: they synchronise by the queue's table of times. */
export function cronItems(schedule: Schedule): ParsedCronItem[] {
  return parseCronItems(
    schedule.map(({ task, pattern }) => ({
      task: SCHEDULE_TASK,
      match: pattern,
      identifier: task,
      payload: { task },
      options: {
        backfillPeriod: MAKE_UP_MS,
        maxAttempts: ATTEMPTS_MAX,
        jobKey: `${SCHEDULE_TASK}:${task}`,
      },
    })),
  )
}

/**
 * Queues the task's job for each active tenant. Ignores a task that this version does not have. Throws a plain Error
 * for a job of a tenant, who must not schedule work for others; it is not retried.
 */
export async function runSchedule(
  job: { readonly id: string; readonly payload: unknown },
  tasks: readonly Task[],
  queue: Pick<QueueConnection, 'enqueueForTenants' | 'failPermanently'>,
): Promise<void> {
  const { task: name, tenantId } = job.payload as { readonly task: string; readonly tenantId?: unknown }
  if (tenantId !== undefined) {
    await queue.failPermanently(job.id)
    throw new Error('the schedule is no tenant’s')
  }
  const task = tasks.find((candidate) => candidate.name === name)
  if (task !== undefined) await queue.enqueueForTenants(name, task.attemptsMax)
}
