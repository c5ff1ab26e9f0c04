// What every resolver is given. `db` is the tenant's handle; reads go through it, writes through the caller's commands.
import type { CommandContext } from '../auth/command-context.ts'
import type { IdentityInvalidation } from '../auth/identity-invalidation.ts'
import type { KeyMode } from '../core/api-key.ts'
import type { Sealer } from '../core/seal.ts'
import type { TenantClient } from '../db/database.ts'
import type { Mailer } from '../mail/mailer.ts'

/** The outside world, as far as use cases need it. A module adds its own by declaration merging. */
export interface Services {
  /** Seals what is kept, by the keys of this installation. */
  readonly sealer: Sealer
  readonly sessions: IdentityInvalidation
  /** Null: this installation sends no mail. */
  readonly mail: Mailer | null
  /** The page where somebody who was invited signs in and accepts; null: there is none to link to. */
  readonly invitationUrl: string | null
  /** Of the API keys that are made and taken here. */
  readonly keyMode: KeyMode
}

export type Context = {
  readonly caller: CommandContext
  readonly db: TenantClient
  readonly services: Services
  /** What the response's `extensions` will say beside the cost; a resolver may add to it. */
  readonly extensions: Record<string, unknown>
}
