// The database for commands other than the server: the configured one, or the embedded one, running or not.
import type { Config } from '../config.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'

export interface DatabaseUrls {
  runtimeUrl: string
  /** Null: nobody runs jobs on it. */
  workerUrl: string | null
  /** Null: the configuration names no owner. */
  ownerUrl: string | null
}

/** The exit code of a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130

/**
 * Runs `work` on the database. The embedded one is used where the server runs it, or started and migrated for the
 * duration of the work. Throws SERVICE_UNAVAILABLE with advice.
 */
export async function withDatabase<T>(
  config: Config,
  logger: Logger,
  work: (urls: DatabaseUrls) => Promise<T>,
): Promise<T> {
  return withUnmigratedDatabase(config, logger, async (urls) => {
    if (urls.isOurs) {
      const { migrate } = await import('../db/migrations/migrate.ts')
      await migrate({ ...urls, logger })
    }
    return work(urls)
  })
}

type Found = (DatabaseUrls & { isOurs: false }) | (DatabaseUrls & { ownerUrl: string; isOurs: true })

/** The same, but leaves migrating to `work`. `handlesInterrupt`: `work` acts on Ctrl-C itself, and ends afterwards. */
export async function withUnmigratedDatabase<T>(
  config: Config,
  logger: Logger,
  work: (found: Found) => Promise<T>,
  { handlesInterrupt = false }: { handlesInterrupt?: boolean } = {},
): Promise<T> {
  const { runtimeUrl, workerUrl, ownerUrl } = config.database
  if (runtimeUrl !== null) return work({ runtimeUrl, workerUrl, ownerUrl, isOurs: false })
  const { findRunningServer } = await import('../db/embedded/running-server.ts')
  const running = await findRunningServer(config.dataDir)
  if (running !== null) return work({ ...running, isOurs: false })

  const { startEmbeddedServer } = await import('../db/embedded/embedded-server.ts')
  const server = await startEmbeddedServer({ dataDir: config.dataDir, logger })
  // A signal would otherwise end the process without the exit handler that stops PostgreSQL.
  const onSignal = () => process.exit(EXIT_INTERRUPTED)
  process.once('SIGTERM', onSignal)
  if (!handlesInterrupt) process.once('SIGINT', onSignal)
  try {
    const { runtimeUrl, workerUrl, ownerUrl } = server
    return await work({ runtimeUrl, workerUrl, ownerUrl, isOurs: true })
  } finally {
    await server.stop()
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

/** The owner's connection string. Throws SERVICE_UNAVAILABLE when none is configured. */
export function requireOwner({ ownerUrl }: DatabaseUrls): string {
  if (ownerUrl !== null) return ownerUrl
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    'This command works as the owner of the tables: set DATABASE_OWNER_URL beside DATABASE_URL.',
  )
}
