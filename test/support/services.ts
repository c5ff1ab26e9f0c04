// The services of a test's server: those of the modules, and a sealing key.
import { createIdentityInvalidation } from '../../src/auth/identity-invalidation.ts'
import { createSealer } from '../../src/core/seal.ts'
import type { Services } from '../../src/graphql/context.ts'
import type { Mailer } from '../../src/mail/mailer.ts'
import { integrityOf } from '../../src/wiring.ts'
import { SETUPS } from './module-setup.ts'

const SEALING_KEY = Buffer.alloc(32, 'seal')

/** `companionUrl` null: no companion runs. `publicUrl` is called when needed: the server may not listen yet. */
export function servicesAt(
  companionUrl: string | null,
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
    ...Object.assign({}, ...SETUPS.map((setup) => setup.services({ sealer, companionUrl, publicUrl }))),
  }
  return services
}
