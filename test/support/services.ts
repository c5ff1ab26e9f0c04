// The services of a test's server: payment providers through the run's sandbox, and a sealing key.
import { createIdentityInvalidation } from '../../src/auth/identity-invalidation.ts'
import { createSealer } from '../../src/core/seal.ts'
import type { Services } from '../../src/graphql/context.ts'
import type { Mailer } from '../../src/mail/mailer.ts'
import { integrityOf } from '../../src/parts.ts'
import { createGateway } from '../../src/shop/payments/gateway.ts'

const SEALING_KEY = Buffer.alloc(32, 'seal')
/** Shorter than in production, so that a test need not wait long for a silent provider. */
const PROVIDER_TIMEOUT_MS = 3_000

/** `sandboxUrl` null: no sandbox. `publicUrl` is called on demand, since the server may not listen yet. */
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
