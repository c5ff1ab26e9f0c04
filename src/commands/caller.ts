// Who is asking, for which tenant, in which request: made once by the front door and carried to every use case.
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, Scope } from '../db/database.ts'
import type { Permission, Role } from './permissions.ts'

/** SYSTEM: a job, or a provider's event; nobody asked. */
export type Actor =
  | { readonly kind: 'MEMBER'; readonly id: string; readonly role: Role; readonly email: string }
  | { readonly kind: 'SYSTEM'; readonly id: null }

export type Caller = {
  readonly scope: Scope
  readonly tenantSlug: string
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
  readonly requestId: string
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
}
