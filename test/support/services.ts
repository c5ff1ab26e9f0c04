// Owns: the outside world of a test's server: payment providers by the run's sandbox, and a sealing key.
import { createIdentityInvalidation } from '../../src/auth/identity-invalidation.ts'
import { createSealer } from '../../src/core/seal.ts'
import type { Services } from '../../src/graphql/context.ts'
import type { Mailer } from '../../src/mail/mailer.ts'
import { integrityOf } from '../../src/parts.ts'
import { createGateway } from '../../src/shop/payments/gateway.ts'

const SEALING_KEY = Buffer.alloc(32, 'seal')
/** A provider that says nothing is given up sooner than in production, so that a test need not wait for it. */
const PROVIDER_TIMEOUT_MS = 3_000

/** `sandboxUrl` null: there is none. `publicUrl` is asked when it is needed: the server may not listen yet. */
export function servicesAt(
  sandboxUrl: string | null,
  publicUrl: () => string | null,
  mail: Mailer | null = null,
): Services {
  const sealer = createSealer({ current: SEALING_KEY })
  const services: Services = {
    sealer,
    integrity: integrityOf(() => services),
    mail,
    invitationUrl: 'https://join.example/accept',
    sessions: createIdentityInvalidation(),
    keyMode: 'test',
    payments: {
      gateway: createGateway({ sandboxUrl, timeoutMs: PROVIDER_TIMEOUT_MS }),
      sealer,
      get publicUrl() {
        return publicUrl()
      },
    },
  }
  return services
}
