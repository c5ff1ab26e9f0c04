// Who is asking, for which tenant, in which request: made once by the front door and carried to every use case.
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, Scope } from '../db/database.ts'
import type { Permission, Role } from './permissions.ts'

/**
 * INVITED: somebody who is no member yet; `id` is the invitation's. SUPPORT: one of the platform's people; `id` is the
 * grant's. SYSTEM: a job, or a provider's event; nobody asked.
 */
export type Actor =
  | { readonly kind: 'MEMBER'; readonly id: string; readonly role: Role; readonly email: string }
  | { readonly kind: 'API_KEY'; readonly id: string; readonly name: string }
  | { readonly kind: 'SUPPORT'; readonly id: string; readonly email: string }
  | { readonly kind: 'INVITED'; readonly id: string; readonly email: string }
  | { readonly kind: 'SYSTEM'; readonly id: null }

/** In words that still tell who it was when the member or the key is gone. */
export function labelOf(actor: Actor): string {
  switch (actor.kind) {
    case 'API_KEY':
      return actor.name
    case 'SYSTEM':
      return ''
    default:
      return actor.email
  }
}

export type CommandContext = {
  readonly scope: Scope
  readonly tenantSlug: string
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
  readonly requestId: string
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
}
