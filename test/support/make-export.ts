// Makes an export without a worker, by running its job.
import { systemContext } from '../../src/auth/system-context.ts'
import { systemClock } from '../../src/core/clock.ts'
import { uuidOf } from '../../src/core/ids.ts'
import { createLogger } from '../../src/core/logger.ts'
import { exportTask } from '../../src/desk/tenants/make-export.ts'
import type { Api, TenantKey } from './api.ts'

/** Requests an export and makes it; returns its id. */
export async function makeExport(api: Api, tenant: TenantKey): Promise<string> {
  const { exportCreate } = await api.as(tenant).data('mutation { exportCreate(input: {}) { export { id } } }')
  const address = await api.opened.resolveTenant({ id: api.tenantIds[tenant] })
  if (address === null) throw new Error('there is no such tenant')
  const caller = systemContext({
    tenant: address,
    database: api.opened,
    clock: systemClock,
    logger: createLogger('silent'),
    requestId: 'job:1',
  })
  await exportTask(api.services.sealer).run(caller, {
    exportId: uuidOf('exp', exportCreate.export.id),
  })
  return exportCreate.export.id
}
