// Brings a database up to date, by one process at a time: checks roles, applies migrations, prepares the database.
// schema-engine.ts runs migrations; prepare-database.ts sets up the roles.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Exceptions } from '../doctor/exceptions.ts'
import { prepareQueue } from '../queue/job-queue.ts'
import { prepareSession } from '../session-settings.ts'
import { refuseUnsupportedEngine } from '../unsupported-engine.ts'
import { takeOverFormerSeries } from './former-series.ts'
import { checkHistory } from './history.ts'
import { checkEncoding, checkRoles, prepareDatabase } from './prepare-database.ts'
import { applyMigrations, isTransactional, NO_TIMEOUTS } from './schema-engine.ts'

/** This program's own. */
export const MIGRATIONS_DIR = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url))
const CONNECT_WAIT_MS = 10_000
/** How long a process waits while another one migrates. */
const LOCK_WAIT_MS = 120_000
const LOCK_POLL_MS = 200
/** Any number, the same in every process: "bulk" in ASCII. Advisory locks are per database. */
const MIGRATION_LOCK = 0x62_75_6c_6b
/**
 * The lock that Prisma's engine takes in the session that runs the scripts. When its process is killed, that session
 * continues until its script ends; unfinished migrations must be judged only after that.
 */
const ENGINE_LOCK = 72_707_369

export interface MigrateOptions {
  ownerUrl: string
  runtimeUrl: string
  /** Of the role that will run jobs; null: none yet. */
  workerUrl?: string | null
  logger: Logger
  migrationsDir?: string
  lockWaitMs?: number
  /** Whether to make the queue's tables too. Default: true. */
  withQueue?: boolean
  /** Objects that the doctor accepts in a migration. Default: none. */
  exceptions?: Exceptions
}

/**
 * Applies the project's missing migrations to `ownerUrl`'s database as its owner, and prepares it for the login role of
 * `runtimeUrl`. Returns the names of the applied ones. Safe to run in several processes at once: one works, the others
 * wait, then find nothing to do. `ownerUrl` must reach PostgreSQL itself, not PgBouncer's transaction mode (the lock
 * belongs to the session). Throws SERVICE_UNAVAILABLE with a message for the operator.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const {
    ownerUrl,
    logger,
    migrationsDir = MIGRATIONS_DIR,
    lockWaitMs = LOCK_WAIT_MS,
    exceptions = {},
  } = options
  const runtimeRole = parseUrl('DATABASE_URL', options.runtimeUrl).role
  const workerRole = options.workerUrl ? parseUrl('DATABASE_WORKER_URL', options.workerUrl).role : null
  const owner = await connectAsOwner(ownerUrl, logger)
  try {
    await owner.query(NO_TIMEOUTS)
    await refuseUnsupportedEngine(owner)
    await takeLock(owner, MIGRATION_LOCK, lockWaitMs, logger)
    await checkEncoding(owner)
    await checkRoles(owner, { runtimeRole, workerRole })
    await takeLock(owner, ENGINE_LOCK, lockWaitMs, logger)
    const takenOver = await takeOverFormerSeries(owner, migrationsDir, logger)
    await reopenUnfinished(owner, migrationsDir, logger)
    await checkHistory(owner, migrationsDir, logger)
    await owner.query('SELECT pg_advisory_unlock($1)', [ENGINE_LOCK])
    const missing = await applyMigrations({ url: ownerUrl, migrationsDir, logger, exceptions }).catch(
      explainFailure,
    )
    const applied = [...takenOver, ...missing.applied]
    if (options.withQueue !== false) await prepareQueue(owner, ownerUrl, logger)
    await prepareDatabase(owner, { runtimeRole, workerRole })
    if (applied.length > 0) logger.info({ applied }, 'the database was migrated')
    return { applied }
  } finally {
    await owner.end() // which frees the lock
  }
}

/** The printable parts of a database URL: never the password, so never the URL nor an error that contains it. */
function parseUrl(setting: string, url: string): { role: string; place: string } {
  const parsed = URL.parse(url)
  const role = decodeURIComponent(parsed?.username ?? '')
  if (parsed && role) return { role, place: `${parsed.host}${parsed.pathname}` }
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `${setting} must have the form postgresql://role:password@host:port/database.`,
  )
}

async function connectAsOwner(ownerUrl: string, logger: Logger): Promise<pg.Client> {
  const { role, place } = parseUrl('DATABASE_OWNER_URL', ownerUrl)
  const owner = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'bulkhead migrate',
    connectionTimeoutMillis: CONNECT_WAIT_MS,
  })
  // Without a listener it would end the process; the running query fails with the same error.
  owner.on('error', (error) =>
    logger.warn({ reason: error.message }, 'the connection of the migration was lost'),
  )
  try {
    await owner.connect()
    await prepareSession(owner)
    return owner
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
    const message = `The database at ${place} cannot be reached as "${role}" (DATABASE_OWNER_URL): ${reason}`
    throw new AppError('SERVICE_UNAVAILABLE', message, { role, place }, { cause })
  }
}

/** Polls instead of blocking: a blocked session would delay `CREATE INDEX CONCURRENTLY` of the migrating one. */
async function takeLock(owner: pg.Client, lock: number, lockWaitMs: number, logger: Logger): Promise<void> {
  const deadline = Date.now() + lockWaitMs
  for (let attempt = 0; ; attempt++) {
    const { rows } = await owner.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [lock])
    if (rows[0]?.taken) return
    if (attempt === 0) logger.info('another process is migrating the database; waiting for it')
    if (Date.now() > deadline) break
    await sleep(LOCK_POLL_MS)
  }
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `Another process has been migrating this database for more than ${lockWaitMs / 1000} s. ` +
      'Wait for it; or, if it hangs, end the session "bulkhead migrate" in pg_stat_activity, and start again.',
  )
}

interface UnfinishedMigration {
  id: string
  migration_name: string
  logs: string | null
}

/**
 * A migration that failed, or whose process was killed, stays recorded as begun, and Prisma's engine then refuses to
 * continue. A script that is one transaction has left nothing else, so it is retried. (The record of its completion is
 * in that transaction too, see schema-engine.ts.) Any other may be partly applied, which only a person can judge.
 */
async function reopenUnfinished(owner: pg.Client, migrationsDir: string, logger: Logger): Promise<void> {
  const { rows: found } = await owner.query(
    `SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS exists`,
  )
  if (found[0]?.exists !== true) return
  const { rows } = await owner.query<UnfinishedMigration>(
    `SELECT id, migration_name, logs FROM public._prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL`,
  )
  for (const { id, migration_name: name, logs } of rows) {
    const script = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8').catch(() => null)
    if (script === null || !isTransactional(script)) throw needsAPerson(name, logs)
    logger.warn(
      { migration: name },
      'this migration did not finish on an earlier start, and left nothing: trying again',
    )
    await owner.query('UPDATE public._prisma_migrations SET rolled_back_at = now() WHERE id = $1', [id])
  }
}

function needsAPerson(name: string, logs: string | null): AppError {
  const reason = logs ? reasonOf(logs) : 'its process was killed'
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `Migration ${name} failed on an earlier start (${reason}) and may have done a part of its work, since it is not ` +
      'one transaction. Look at its script, undo or complete that part by hand, then record it as undone: ' +
      `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL; ` +
      '(or as done: SET finished_at = now()), and start again.',
    { migration: name },
  )
}

/** The engine's errors contain a Rust backtrace with the migration's name. */
function explainFailure(error: unknown): never {
  if (!(error instanceof Error) || error instanceof AppError) throw error
  const name = /migration_name="([^"]+)"|Migration name: (\S+)/.exec(error.message)?.slice(1).find(Boolean)
  if (!name) throw error
  const message = `Migration ${name} failed, and none after it was tried: ${reasonOf(error.message)}`
  throw new AppError('SERVICE_UNAVAILABLE', message, { migration: name }, { cause: error })
}

/** The database's message in an engine's error, or the engine's own for errors that it knows by code. One line. */
function reasonOf(message: string): string {
  const [first = '', second] = message.split('\n')
  return (
    /ERROR: ([^\n]*)/.exec(message)?.[1] ?? (first === 'external connector error' ? (second ?? first) : first)
  )
}
