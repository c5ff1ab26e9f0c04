// Runs one job under its tenant's scope, after checking that it may run. The queue chooses the next job and schedules
// retries.

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
  /** Including this attempt. */
  readonly attempts: number
  readonly attemptsMax: number
}

/** How often a suspended tenant's job is checked, so how soon it continues after resuming. */
const SUSPENDED_DELAY_SECONDS = 600

/**
 * Runs one job. Throws the task's errors, and plain Errors when nothing was run: for a job without a tenant, which is
 * not retried, and for a suspended tenant's, which is, without losing attempts.
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
  // Before the work, so that a job that crashes the process is bounded too.
  if (job.attempts >= task.attemptsMax && job.attempts < job.attemptsMax) await queue.failPermanently(job.id)
  const caller = systemContext({ ...environment, tenant, requestId: `job:${job.id}` })
  await task.run(caller, payload)
}

async function findTenant(database: Database, id: unknown): Promise<TenantAddress | null> {
  return typeof id === 'string' ? await database.resolveTenant({ id }) : null
}

/** A payload that is no object is empty, and has no tenant. */
function objectOf(payload: unknown): JsonObject {
  return typeof payload === 'object' && payload !== null ? (payload as JsonObject) : {}
}
