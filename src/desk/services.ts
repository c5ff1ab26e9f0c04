// What the desk's use cases need from outside the database.
import type { IdentityInvalidation } from '../auth/identity-invalidation.ts'
import type { KeyMode } from '../core/api-key.ts'
import type { Sealer } from '../core/seal.ts'
import type { Integrity } from '../integrity/verify.ts'
import type { Mailer } from '../mail/mailer.ts'

declare module '../graphql/context.ts' {
  interface Services {
    /** Seals stored secrets with this installation's keys. */
    readonly sealer: Sealer
    readonly sessions: IdentityInvalidation
    /** Null: this installation sends no mail. */
    readonly mail: Mailer | null
    /** The page where an invited person signs in and accepts; null: mails contain no link. */
    readonly invitationUrl: string | null
    /** The mode of the API keys that this installation makes and accepts. */
    readonly keyMode: KeyMode
    /** The integrity checks of all modules. */
    readonly integrity: Integrity
  }
}
