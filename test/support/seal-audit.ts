// Seals a tenant's audit now, as the job does minutes later.

import { systemContext } from '../../src/auth/system-context.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type NewSeal, sealEntries } from '../../src/desk/audit/seal-entries.ts'
import type { Api, TenantKey } from './api.ts'
import { asOwner } from './database.ts'

/**
 * Makes all entries ten minutes older first, since sealing waits until every transaction has ended. Once per tenant.
 */
export async function sealAudit(api: Api, tenant: TenantKey): Promise<readonly NewSeal[]> {
  const tenantId = api.tenantIds[tenant]
  await asOwner(api.database, tenantId, (owner) =>
    owner.query(`UPDATE audit_entries SET recorded_at = recorded_at - interval '10 minutes'`),
  )
  const caller = systemContext({
    tenant: { tenantId, tenantSlug: tenant, tenantStatus: 'ACTIVE' },
    database: api.opened,
    clock: systemClock,
    logger: createLogger('silent'),
    requestId: 'test',
  })
  return await sealEntries(caller, api.services.sealer)
}
