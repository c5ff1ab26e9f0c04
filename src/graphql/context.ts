// The context of every resolver. `db` is the tenant's handle for reads; writes go through the caller's commands.
import type { CommandContext } from '../auth/command-context.ts'
import type { IdentityInvalidation } from '../auth/identity-invalidation.ts'
import type { KeyMode } from '../core/api-key.ts'
import type { Sealer } from '../core/seal.ts'
import type { TenantClient } from '../db/database.ts'
import type { Mailer } from '../mail/mailer.ts'

/** The external services of use cases. A module adds its own by declaration merging. */
export interface Services {
  /** Seals stored secrets with this installation's keys. */
  readonly sealer: Sealer
  readonly sessions: IdentityInvalidation
  /** Null: this installation sends no mail. */
  readonly mail: Mailer | null
  /** The page where an invited person signs in and accepts; null: mails contain no link. */
  readonly invitationUrl: string | null
  /** The mode of the API keys that this installation makes and accepts. */
  readonly keyMode: KeyMode
}

export type Context = {
  readonly caller: CommandContext
  readonly db: TenantClient
  readonly services: Services
  /** The answer's `extensions` besides the cost; a resolver may add to it. */
  readonly extensions: Record<string, unknown>
}
