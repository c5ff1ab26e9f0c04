// The CommandContext of work without a caller: jobs, and providers' events. It has every permission in its tenant, and
// none elsewhere.
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { type Database, EVERYTHING, type TenantAddress } from '../db/database.ts'
import type { CommandContext } from './command-context.ts'
import { permissionsOf } from './permissions.ts'

/** `tenant` must come from `Database.resolveTenant`, never from a request. */
export function systemContext(options: {
  readonly tenant: TenantAddress
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly requestId: string
}): CommandContext {
  const { tenant, database, clock, logger, requestId } = options
  return {
    scope: { tenantId: tenant.tenantId, writes: EVERYTHING, caller: 'SYSTEM' },
    tenantSlug: tenant.tenantSlug,
    actor: { kind: 'SYSTEM', id: null },
    permissions: permissionsOf('OWNER'),
    requestId,
    database,
    clock,
    logger: logger.child({ tenant: tenant.tenantSlug, requestId }),
  }
}
