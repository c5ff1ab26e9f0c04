// The tools of a developer's machine, as development-tools.ts loads them.
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import type { DevelopmentFolder } from '../development-tools.ts'
import { developmentKey } from './key.ts'
import { createMailbox } from './mailbox.ts'
import { developmentRoutes } from './routes.ts'
import { developmentSecret } from './secret.ts'

export const openDevelopmentTools: DevelopmentFolder['openDevelopmentTools'] = ({ dataDir }) => {
  const mailbox = createMailbox({ dir: join(dataDir, 'mailbox'), clock: systemClock })
  return {
    secretsKey: () => developmentSecret(dataDir, 'secrets-key'),
    tokenSecret: () => developmentSecret(dataDir, 'development-secret'),
    mailbox,
    routes: async ({ hasMailbox, ...development }) =>
      developmentRoutes({
        development: { ...development, key: await developmentKey(dataDir) },
        mailbox: hasMailbox ? mailbox : null,
      }),
  }
}
