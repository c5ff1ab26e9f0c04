// What serving and running jobs share in one process: the database, services, metrics and the clock.
import { createIdentityInvalidation } from './auth/identity-invalidation.ts'
import type { Config } from './config.ts'
import { type Clock, systemClock } from './core/clock.ts'
import { AppError } from './core/errors.ts'
import type { Logger } from './core/logger.ts'
import { createSealer, type Sealer } from './core/seal.ts'
import { type Database, openDatabase } from './db/database.ts'
import { type DevelopmentTools, loadDevelopmentTools } from './development-tools.ts'
import type { Services } from './graphql/context.ts'
import type { Mailer } from './mail/mailer.ts'
import { createSmtpMailer } from './mail/smtp.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import { COMPANION, integrityOf, loadGraphql, openServices } from './wiring.ts'

export type Runtime = {
  readonly database: Database
  readonly services: Services
  /** Null in production. */
  readonly development: DevelopmentTools | null
  /** Whether mail goes to the mailbox; otherwise it is sent by SMTP, or there is none. */
  readonly hasMailbox: boolean
  readonly metrics: Metrics
  readonly clock: Clock
  readonly logger: Logger
  /** Sets the server's actual URL, which providers get when PUBLIC_URL is not set. */
  listensAt(url: string): void
  close(): Promise<void>
}

/** Opens the database at `runtimeUrl`, without connecting yet. `companionUrl` null: there is no companion. */
export async function openRuntime(
  config: Config,
  { runtimeUrl, companionUrl }: { readonly runtimeUrl: string; readonly companionUrl: string | null },
  logger: Logger,
): Promise<Runtime> {
  // Resources define the ids of their type, which checks and jobs name in processes without an API too.
  await loadGraphql()
  const development = await loadDevelopmentTools(config)
  const sealer = await installationSealer(config)
  const database = openDatabase({ ...config.database, url: runtimeUrl, logger })
  const mailbox = config.mail === null ? (development?.mailbox ?? null) : null
  let { publicUrl } = config
  const services: Services = {
    sealer,
    integrity: integrityOf(() => services),
    sessions: createIdentityInvalidation(),
    mail: mailbox ?? smtpMailer(config),
    invitationUrl: config.invitationUrl,
    keyMode: config.environment.keyMode,
    ...openServices({ config, sealer, companionUrl, publicUrl: () => publicUrl }),
  } as Services
  return {
    database,
    services,
    development,
    hasMailbox: mailbox !== null,
    metrics: createMetrics(database),
    clock: systemClock,
    logger,
    listensAt(url) {
      if (config.environment.guessesPublicUrl) publicUrl ??= url
    },
    close: () => database.close(),
  }
}

/**
 * The keys of this installation: SECRETS_KEY and the previous ones; outside production, by default a key in the data
 * directory.
 */
export async function installationSealer(config: Config): Promise<Sealer> {
  const current = config.secretsKey ?? (await (await loadDevelopmentTools(config))?.secretsKey())
  if (current === undefined) throw new AppError('SERVICE_UNAVAILABLE', 'SECRETS_KEY is not set.')
  return createSealer({ current, previous: config.previousSecretsKeys })
}

function smtpMailer({ environment, mail }: Config): Mailer | null {
  if (mail === null) return null
  return createSmtpMailer({ url: mail.smtpUrl, from: mail.from, requireTls: environment.mailNeedsTls })
}

/** The URL of the running server's companion; null: there is none. */
export async function findCompanion(config: Config): Promise<string | null> {
  return COMPANION?.isWanted(config) === true ? await COMPANION.find(config) : null
}
