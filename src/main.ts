// Starts every part of the product in order. lifecycle.ts stops them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { greet } from './banner.ts'
import type { Config } from './config.ts'
import { AppError } from './core/errors.ts'
import { createLogger, type Logger } from './core/logger.ts'
import type { AccessFeed } from './db/access-feed.ts'
import type { ExamineOptions } from './db/doctor/doctor.ts'
import type { AlphabeticalColumn } from './db/models.ts'
import { type Lifecycle, runUntilStopped } from './lifecycle.ts'
import type { Runtime } from './runtime.ts'

interface Urls {
  runtimeUrl: string
  /** Null: this process runs no jobs. */
  workerUrl: string | null
  /** Null: this process does not migrate. */
  ownerUrl: string | null
}

/** Serves until a signal; returns the exit code. Throws the error of a failed start, with everything stopped again. */
export function serve(config: Config): Promise<number> {
  const logger = createLogger(config.logLevel)
  return runUntilStopped(logger, (lifecycle) => start(config, lifecycle, logger))
}

async function start(config: Config, lifecycle: Lifecycle, logger: Logger): Promise<void> {
  // Half a second's work for one processor, while PostgreSQL starts on another.
  const loading = Promise.all([import('./api.ts'), import('./runtime.ts')])
  loading.catch(() => {}) // it fails where it is awaited
  const urls = await findDatabase(config, lifecycle, logger)
  const isDemo = config.environment.hasDemo && config.database.runtimeUrl === null
  await bringUpToDate(urls, isDemo, lifecycle, logger)
  await lifecycle.phase('doctor', async () =>
    refuseBrokenWalls(config, urls, logger, { alphabetical: await alphabeticalSorts() }),
  )
  const [{ openApi }, { openRuntime }] = await loading
  const companionUrl = await startCompanion(config, lifecycle)
  const runtime = await lifecycle.phase(
    'runtime',
    () => openRuntime(config, { ...urls, companionUrl }, logger),
    (opened) => opened.close(),
  )
  await lifecycle.phase(
    'access feed',
    () => followAccess(urls, runtime),
    (feed) => feed.close(),
  )
  const api = await lifecycle.phase(
    'api',
    () => openApi(config, runtime),
    (opened) => opened.close(),
  )
  const addresses = await lifecycle.phase('listen', () => api.listen())
  if (config.environment.hasDemo) await lifecycle.phase('demo', () => notifyListening(config, runtime))
  await lifecycle.phase(
    'worker',
    () => work(config, urls, runtime),
    (worker) => worker.stop(),
  )
  const readyMs = Math.round(performance.now())
  logger.info({ readyMs, phasesMs: lifecycle.phasesMs, ...addresses, companionUrl }, 'ready')
  greet({ ...addresses, companionUrl, readyMs, tryOut: isDemo ? await tryOut() : null }, process.stdout)
}

/** Connects in the background: until it hears, callers are looked up more often. */
async function followAccess(
  { runtimeUrl: url }: Urls,
  { services, clock, logger }: Runtime,
): Promise<AccessFeed> {
  const { openAccessFeed } = await import('./db/access-feed.ts')
  const feed = openAccessFeed({ url, clock, logger })
  services.sessions.follow(feed)
  return feed
}

/** The URL of the companion process; null: there is none. */
async function startCompanion(config: Config, lifecycle: Lifecycle): Promise<string | null> {
  const { COMPANION: companion } = await import('./wiring.ts')
  if (companion?.isWanted(config) !== true) return null
  const { url } = await lifecycle.phase(
    'companion',
    () => companion.start(config),
    (started) => started.stop(),
    ({ exited }) => endOf(companion.name, exited),
  )
  return url
}

/**
 * Runs jobs until a signal, without serving requests; returns the exit code. Uses the server's embedded PostgreSQL, if
 * that is running.
 */
export function runWorker(config: Config): Promise<number> {
  const logger = createLogger(config.logLevel)
  return runUntilStopped(logger, async (lifecycle) => {
    if (config.jobsConcurrency === 0) {
      throw new AppError(
        'SERVICE_UNAVAILABLE',
        'JOBS_CONCURRENCY is 0, so there is nothing for a worker to do.',
      )
    }
    const urls = await findWorkersDatabase(config)
    await lifecycle.phase('doctor', () => refuseBrokenWalls(config, urls, logger))
    const { findCompanion, openRuntime } = await import('./runtime.ts')
    const companionUrl = await findCompanion(config)
    const runtime = await lifecycle.phase(
      'runtime',
      () => openRuntime(config, { ...urls, companionUrl }, logger),
      (opened) => opened.close(),
    )
    await lifecycle.phase(
      'worker',
      () => work(config, urls, runtime),
      (worker) => worker.stop(),
    )
    logger.info({ phasesMs: lifecycle.phasesMs }, 'running jobs')
  })
}

async function findWorkersDatabase(config: Config): Promise<Urls> {
  const { runtimeUrl, workerUrl, ownerUrl } = config.database
  if (runtimeUrl !== null && workerUrl !== null) return { runtimeUrl, workerUrl, ownerUrl }
  const { findRunningServer } = await import('./db/embedded/running-server.ts')
  const running = runtimeUrl === null ? await findRunningServer(config.dataDir) : null
  if (running !== null) return running
  const advice =
    runtimeUrl === null
      ? 'The embedded PostgreSQL is not running: start the server, or set DATABASE_URL and DATABASE_WORKER_URL.'
      : 'Jobs run as a separate role: set DATABASE_WORKER_URL.'
  throw new AppError('SERVICE_UNAVAILABLE', advice)
}

/** Which instructions to print: 'demo' if a module makes demo tenants. */
async function tryOut(): Promise<'demo' | 'first tenant'> {
  const { DEVELOPMENT } = await import('./wiring.ts')
  return DEVELOPMENT.some(({ seed }) => seed !== null) ? 'demo' : 'first tenant'
}

async function notifyListening(config: Config, runtime: Runtime): Promise<void> {
  const { DEVELOPMENT } = await import('./wiring.ts')
  for (const { whenListening } of DEVELOPMENT) await whenListening?.(runtime, config)
}

async function work(
  { jobsConcurrency: concurrency }: Config,
  { workerUrl }: Urls,
  runtime: Runtime,
): Promise<{ stop(): Promise<void> }> {
  const { logger } = runtime
  if (workerUrl === null) {
    logger.warn('DATABASE_WORKER_URL is not set: this process runs no jobs')
    return { stop: async () => {} }
  }
  if (concurrency === 0) return watchQueue(workerUrl, runtime)
  const [{ startWorker }, { SCHEDULE, tasksOf }] = await Promise.all([
    import('./jobs/worker.ts'),
    import('./wiring.ts'),
  ])
  return await startWorker({
    ...runtime,
    url: workerUrl,
    tasks: tasksOf(runtime),
    schedule: SCHEDULE,
    concurrency,
  })
}

/** Workers serve no metrics, so the servers report the queue's waiting and dead jobs. */
async function watchQueue(url: string, { metrics, logger }: Runtime): Promise<{ stop(): Promise<void> }> {
  const { openQueueConnection } = await import('./db/queue/queue-connection.ts')
  const queue = openQueueConnection(url, logger)
  metrics.watchQueue(() => queue.state())
  return {
    async stop() {
      metrics.watchQueue(null)
      await queue.close()
    },
  }
}

function findDatabase(config: Config, lifecycle: Lifecycle, logger: Logger): Promise<Urls> | Urls {
  const { runtimeUrl, workerUrl, ownerUrl } = config.database
  if (runtimeUrl !== null) return { runtimeUrl, workerUrl, ownerUrl }
  return lifecycle.phase(
    'postgres',
    async () => {
      const { startEmbeddedServer } = await import('./db/embedded/embedded-server.ts')
      return await startEmbeddedServer({ dataDir: config.dataDir, logger })
    },
    (server) => server.stop(),
    ({ exited }) => endOf('the embedded PostgreSQL', exited),
  )
}

async function endOf(
  part: string,
  exited: Promise<{ code: number | null; signal: string | null }>,
): Promise<Error> {
  const { code, signal } = await exited
  return new Error(`${part} ended unexpectedly (${signal ?? `code ${code}`})`)
}

async function bringUpToDate(
  { ownerUrl, runtimeUrl, workerUrl }: Urls,
  isDemo: boolean,
  lifecycle: Lifecycle,
  logger: Logger,
): Promise<void> {
  if (ownerUrl === null) return
  await lifecycle.phase('migrate', async () => {
    await refuseUnmigrated()
    const { migrate } = await import('./db/migrations/migrate.ts')
    return migrate({ ownerUrl, runtimeUrl, workerUrl, logger })
  })
  if (!isDemo) return
  await lifecycle.phase('seed', async () => {
    const { DEVELOPMENT } = await import('./wiring.ts')
    for (const { seed } of DEVELOPMENT) await seed?.({ ownerUrl, logger })
  })
}

const PRISMA_DIR = fileURLToPath(new URL('../prisma', import.meta.url))

/** In a checkout: a column that no migration makes would be an error of the first query that reads it. */
async function refuseUnmigrated(): Promise<void> {
  const [schemaDir, migrationsDir] = [join(PRISMA_DIR, 'schema'), join(PRISMA_DIR, 'migrations')]
  if (!existsSync(schemaDir)) return
  const { isUnmigrated } = await import('./db/migrations/write-migration.ts')
  if (!(await isUnmigrated({ schemaDir, migrationsDir }))) return
  const message = 'prisma/schema has a change that no migration makes. Write it: npm run db:migration -- NAME'
  throw new AppError('SERVICE_UNAVAILABLE', message)
}

/** Of the API's lists, which declare them; a worker does not load the API. */
async function alphabeticalSorts(): Promise<readonly AlphabeticalColumn[]> {
  const [{ ALPHABETICAL }] = await Promise.all([import('./graphql/sorts.ts'), import('./schema.ts')])
  return ALPHABETICAL
}

async function refuseBrokenWalls(
  config: Config,
  { runtimeUrl, workerUrl }: Urls,
  logger: Logger,
  ofApi: Pick<ExamineOptions, 'alphabetical'> = {},
): Promise<void> {
  const [{ examine }, { SCHEMA: schema }, { QUEUED_BY: tasks }, { writerNames }] = await Promise.all([
    import('./db/doctor/doctor.ts'),
    import('./db/datamodel.ts'),
    import('./wiring.ts'),
    import('./auth/permissions.ts'),
  ])
  const { strictVersion } = config.database
  const writers = { permissions: writerNames(), schema }
  const findings = await examine(runtimeUrl, { strictVersion, workerUrl, tasks, writers, ...ofApi })
  for (const { level, code, object, message } of findings) {
    if (level === 'warning') logger.warn({ code, object }, message)
  }
  const errors = findings.filter(({ level }) => level === 'error')
  if (errors.length === 0) return
  const list = errors.map(({ code, object, message }) => `\n  ${object}: ${message} (${code})`).join('')
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `The walls between tenants are not whole, so this database is not served:${list}`,
  )
}
