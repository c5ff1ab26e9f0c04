// The CommandContext: the caller, tenant and request, made once at authentication and passed to every use case.
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { TenantWalls } from '../db/register.ts'
import type { Scope, Statement } from '../db/scope.ts'
import type { Permission, Role } from './permissions.ts'

/**
 * INVITED: a person who is not a member yet; `id` is the invitation's. SUPPORT: platform staff; `id` is the grant's.
 * SYSTEM: a job or a provider's event, without a caller.
 */
export type Actor =
  | { readonly kind: 'MEMBER'; readonly id: string; readonly role: Role; readonly email: string }
  | { readonly kind: 'API_KEY'; readonly id: string; readonly name: string }
  | { readonly kind: 'SUPPORT'; readonly id: string; readonly email: string }
  | { readonly kind: 'INVITED'; readonly id: string; readonly email: string }
  | { readonly kind: 'SYSTEM'; readonly id: null }

/** A name that still identifies the actor when the member or the key is deleted. */
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

/** Reads the record of a command for the mutation's answer, as one text, by a statement that ends the command's message. */
export type PayloadRead = { statement(id: string): Statement }

export type CommandContext = {
  readonly scope: Scope
  readonly tenantSlug: string
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
  readonly requestId: string
  readonly database: TenantWalls
  readonly clock: Clock
  readonly logger: Logger
  /** Absent: the caller reads the record afterwards, or needs none. */
  readonly payload?: PayloadRead
}

/** The caller of a command whose record is read for an answer; null: it is changed again before it is shown. */
export function withPayload(caller: CommandContext, payload: PayloadRead | null): CommandContext {
  // Not a copy, which would make a logger for every request.
  return Object.create(caller, {
    payload: { value: payload ?? undefined, enumerable: true },
  }) as CommandContext
}
