// The product: starts every part in order. How it ends is lifecycle.ts's.
import { greet } from './banner.ts'
import type { Config } from './config.ts'
import { AppError } from './core/errors.ts'
import { createLogger, type Logger } from './core/logger.ts'
import { type Lifecycle, runUntilStopped } from './lifecycle.ts'

interface Urls {
  runtimeUrl: string
  /** Null: this process runs no jobs. */
  workerUrl: string | null
  /** Null: this process does not migrate. */
  ownerUrl: string | null
}

/** Serves until a signal; answers the exit code. Throws what made the start fail, with everything stopped again. */
export function serve(config: Config): Promise<number> {
  const logger = createLogger(config.logLevel)
  return runUntilStopped(logger, (lifecycle) => start(config, lifecycle, logger))
}

async function start(config: Config, lifecycle: Lifecycle, logger: Logger): Promise<void> {
  // Half a second's work for one processor, while PostgreSQL starts on another.
  const loading = import('./api.ts')
  loading.catch(() => {}) // it fails where it is awaited
  const urls = await findDatabase(config, lifecycle, logger)
  const isDemo = config.environment !== 'production' && config.database.runtimeUrl === null
  await bringUpToDate(urls, isDemo, lifecycle, logger)
  await lifecycle.phase('doctor', () => refuseBrokenWalls(config, urls.runtimeUrl, logger))
  const api = await lifecycle.phase(
    'api',
    async () => (await loading).openApi(config, urls.runtimeUrl, logger),
    (opened) => opened.close(),
  )
  const addresses = await lifecycle.phase('listen', () => api.listen())
  const readyMs = Math.round(performance.now())
  logger.info({ readyMs, phasesMs: lifecycle.phasesMs, ...addresses }, 'ready')
  greet({ ...addresses, readyMs, isDemo }, process.stdout)
}

function findDatabase(config: Config, lifecycle: Lifecycle, logger: Logger): Promise<Urls> | Urls {
  const { runtimeUrl, workerUrl, ownerUrl } = config.database
  if (runtimeUrl !== null) return { runtimeUrl, workerUrl, ownerUrl }
  return lifecycle.phase(
    'postgres',
    async () => {
      const { startEmbeddedServer } = await import('./db/embedded-server.ts')
      const server = await startEmbeddedServer({ dataDir: config.dataDir, logger })
      void server.exited.then(({ code, signal }) =>
        lifecycle.fail(new Error(`the embedded PostgreSQL ended by itself (${signal ?? `code ${code}`})`)),
      )
      return server
    },
    (server) => server.stop(),
  )
}

async function bringUpToDate(
  { ownerUrl, runtimeUrl, workerUrl }: Urls,
  isDemo: boolean,
  lifecycle: Lifecycle,
  logger: Logger,
): Promise<void> {
  if (ownerUrl === null) return
  await lifecycle.phase('migrate', async () => {
    const { migrate } = await import('./db/migrate.ts')
    return migrate({ ownerUrl, runtimeUrl, workerUrl, logger })
  })
  if (!isDemo) return
  await lifecycle.phase('seed', async () => {
    const { seedDemo } = await import('./demo/seed.ts')
    return seedDemo({ ownerUrl, logger })
  })
}

async function refuseBrokenWalls(config: Config, runtimeUrl: string, logger: Logger): Promise<void> {
  const { examine } = await import('./db/doctor.ts')
  const findings = await examine(runtimeUrl, { strictVersion: config.database.strictVersion })
  for (const { level, code, object, message } of findings) {
    if (level === 'warning') logger.warn({ code, object }, message)
  }
  const errors = findings.filter(({ level }) => level === 'error')
  if (errors.length === 0) return
  const list = errors.map(({ code, object, message }) => `\n  ${object}: ${message} (${code})`).join('')
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `The walls between tenants are not whole, so nobody is served from this database:${list}`,
  )
}
