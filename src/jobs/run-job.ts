// One job: whose it is, whether it may be run, and running it under that tenant's scope. Which job is next, and when it is
// tried again, is the queue's.

import { systemContext } from '../auth/system-context.ts'
import type { JsonObject } from '../commands/outcome.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, TenantAddress } from '../db/database.ts'
import type { QueueConnection } from '../db/queue/queue-connection.ts'
import type { Task } from './task.ts'

export type Job = {
  readonly id: string
  readonly payload: unknown
  /** This time included. */
  readonly attempts: number
  readonly attemptsMax: number
}

/** How often a suspended tenant's job is looked at: its work goes on so soon after it was resumed. */
const SUSPENDED_DELAY_SECONDS = 600

/**
 * Runs one job. Throws what the task throws, and plain Errors where nothing was run: for a job without a tenant, which is
 * not tried again, and for one of a suspended tenant, which is, without losing attempts.
 */
export async function runJob(
  task: Task,
  job: Job,
  queue: Pick<QueueConnection, 'failPermanently' | 'postpone'>,
  environment: { readonly database: Database; readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  const { tenantId, ...payload } = objectOf(job.payload)
  const tenant = await findTenant(environment.database, tenantId)
  if (tenant === null) {
    await queue.failPermanently(job.id)
    throw new Error('a job without a tenant is never run')
  }
  if (tenant.tenantStatus === 'SUSPENDED') {
    await queue.postpone(job.id, SUSPENDED_DELAY_SECONDS)
    throw new Error(`the tenant ${tenant.tenantSlug} is suspended`)
  }
  // Beforehand, so that a job that takes the process along is bounded too.
  if (job.attempts >= task.attemptsMax && job.attempts < job.attemptsMax) await queue.failPermanently(job.id)
  const caller = systemContext({ ...environment, tenant, requestId: `job:${job.id}` })
  await task.run(caller, payload)
}

async function findTenant(database: Database, id: unknown): Promise<TenantAddress | null> {
  return typeof id === 'string' ? await database.resolveTenant({ id }) : null
}

/** What is no object has nothing in it, and no tenant. */
function objectOf(payload: unknown): JsonObject {
  return typeof payload === 'object' && payload !== null ? (payload as JsonObject) : {}
}
