// The system's context within a tenant, and its queued jobs.
import type { CommandContext } from '../../src/auth/command-context.ts'
import { systemContext } from '../../src/auth/system-context.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Api, type Data, SLUGS, type TenantKey } from './api.ts'
import { asSuperuser } from './database.ts'

/** The context of the tenant's work without a caller. */
export async function systemOf(
  api: Api,
  tenant: TenantKey,
  clock: Clock = systemClock,
): Promise<CommandContext> {
  const slug = SLUGS[tenant]
  const address = await api.opened.resolveTenant({ slug })
  if (address === null) throw new Error(`there is no tenant ${slug}`)
  const logger = createLogger('silent')
  return systemContext({ tenant: address, database: api.opened, clock, logger, requestId: 'test' })
}

/** The tenant's waiting jobs, as queued. */
export async function queuedJobs(api: Api, tenant: TenantKey): Promise<{ task: string; payload: Data }[]> {
  return await asSuperuser(api.database, async (client) => {
    const { rows } = await client.query<{ task: string; payload: Data }>(
      `SELECT t.identifier AS task, j.payload FROM graphile_worker._private_jobs j
       JOIN graphile_worker._private_tasks t ON t.id = j.task_id
       WHERE j.payload ->> 'tenantId' = $1 ORDER BY j.id`,
      [api.tenantIds[tenant]],
    )
    return rows
  })
}
