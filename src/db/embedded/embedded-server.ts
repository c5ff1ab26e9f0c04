// Runs the embedded PostgreSQL: its port, process, log and stop. embedded-cluster.ts has its files; postmaster.ts
// handles one left over from a killed process.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../core/logger.ts'
import { type DataDirLock, lockDataDir } from './data-dir-lock.ts'
import { type Credentials, DATABASE_NAME, openCluster } from './embedded-cluster.ts'
import { explainStartFailure } from './embedded-failure.ts'
import { type PostgresAccount, postgresAccount } from './postgres-account.ts'
import { POSTGRES_ENVIRONMENT, ProgramError, postgresBinaries } from './postgres-binaries.ts'
import { FAST_STOP_WAIT_MS, IMMEDIATE_STOP_WAIT_MS } from './postmaster.ts'

/** Only replaying the log after a crash takes long. */
const START_WAIT_MS = 120_000
const START_ATTEMPTS_MAX = 5
const START_RETRY_MS = 300
const LOG_TAIL_LINES = 20
const HOST = '127.0.0.1'

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_line_prefix: '%m [%p] ',
  // Statements and error details contain tenants' data, so they are not logged.
  log_statement: 'none',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}
/** For disposable databases: a crash of the machine may lose everything. */
const UNSAFE_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
}

export interface ExitStatus {
  code: number | null
  signal: string | null
}

export interface EmbeddedUrls {
  /** Role `bulkhead_owner`, database `bulkhead`: for migrations. */
  ownerUrl: string
  /** Role `bulkhead_runtime`, database `bulkhead`: for serving. */
  runtimeUrl: string
  /** Role `bulkhead_worker`, database `bulkhead`: for the queue. */
  workerUrl: string
  /** Superuser `postgres`, database `postgres`: for tests and tools. */
  adminUrl: string
}

export interface EmbeddedServer extends EmbeddedUrls {
  port: number
  pid: number
  /** Resolves when PostgreSQL ends, for whatever reason. */
  exited: Promise<ExitStatus>
  /** Stops PostgreSQL (open transactions are rolled back) and releases the data directory. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts the PostgreSQL in `dataDir`, creating it at the first start. One process at a time; first cleans up what a
 * killed process left (a running PostgreSQL, an incomplete cluster, a pid file). `port` is preferred, then the port of
 * the last start; if both are in use, any free one. `durable: false` trades the data's safety for speed. PostgreSQL
 * runs in its own process group, so that a Ctrl-C reaches only us. Throws SERVICE_UNAVAILABLE with a message for the
 * operator.
 */
export async function startEmbeddedServer(options: {
  dataDir: string
  port?: number
  logger: Logger
  durable?: boolean
}): Promise<EmbeddedServer> {
  const { durable = true } = options
  const logger = options.logger.child({ part: 'postgres' })
  let account: PostgresAccount = null
  let lock: DataDirLock | undefined
  const binaries = await postgresBinaries()
  try {
    const dataDir = await openDataDir(options.dataDir)
    const clusterDir = join(dataDir, 'postgres')
    lock = await lockDataDir(dataDir)
    account = await postgresAccount(clusterDir)
    const credentials = await openCluster({ dataDir, clusterDir, binaries, account, durable, logger })
    const wishes = [options.port, await rememberedPort(dataDir)]
    const postmaster = await startOnFreePort(
      { path: binaries.postgres, clusterDir, account, durable, logger },
      wishes,
    )
    const server = embeddedServer({ ...postmaster, credentials, lock, logger })
    await rememberPort(dataDir, server)
    return server
  } catch (error) {
    lock?.release()
    throw await explainStartFailure(error, { dataDir: options.dataDir, binaries, account })
  }
}

/**
 * Creates the directory if it is missing. Only our user may read it, except that a PostgreSQL under another user must
 * be able to pass through it (secret files in it have their own modes).
 */
export async function openDataDir(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (process.getuid?.() === 0) await chmod(path, (await stat(path)).mode | 0o001)
  return realpath(path)
}

/** The port of the last start in `dataDir`. */
export async function rememberedPort(dataDir: string): Promise<number | undefined> {
  const port = Number(await readFile(join(dataDir, 'port'), 'utf8').catch(() => ''))
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined
}

async function rememberPort(dataDir: string, server: EmbeddedServer): Promise<void> {
  try {
    await writeFile(join(dataDir, 'port'), `${server.port}\n`)
  } catch (error) {
    await server.stop()
    throw error
  }
}

interface PostmasterProgram {
  path: string
  clusterDir: string
  account: PostgresAccount
  durable: boolean
  logger: Logger
}

interface Postmaster {
  child: ChildProcess
  port: number
  exited: Promise<ExitStatus>
}

/** Tries the preferred ports that are free, then any free one; retries transient failures. */
async function startOnFreePort(
  program: PostmasterProgram,
  wishes: readonly (number | undefined)[],
): Promise<Postmaster> {
  const ports = wishes.filter((port) => port !== undefined)
  for (let attempt = 1; ; attempt++) {
    const port =
      (await freePort(ports.shift() ?? 0)) ?? (await freePort(ports.shift() ?? 0)) ?? (await freePort(0)) ?? 0
    try {
      return await startPostmaster(program, port)
    } catch (error) {
      if (attempt === START_ATTEMPTS_MAX || !passesByItself(error)) throw error
      program.logger.warn({ port, attempt }, 'PostgreSQL did not start, trying again')
      await sleep(START_RETRY_MS)
    }
  }
}

/** Another process took the port meanwhile, or backends of a killed postmaster are still ending. */
function passesByItself(error: unknown): boolean {
  if (!(error instanceof ProgramError)) return false
  return /Address already in use|shared memory block .* is still in use/.test(error.output)
}

/** `port` when it is free on the loopback (0: any free one), otherwise null. */
async function freePort(port: number): Promise<number | null> {
  const probe = createServer()
  try {
    probe.listen({ port, host: HOST, exclusive: true })
    await once(probe, 'listening')
    const address = probe.address()
    return address !== null && typeof address === 'object' ? address.port : null
  } catch {
    return null
  } finally {
    await new Promise((resolve) => probe.close(resolve))
  }
}

/** Starts PostgreSQL and waits until it accepts connections. Throws ProgramError with the end of its log. */
async function startPostmaster(program: PostmasterProgram, port: number): Promise<Postmaster> {
  const settings = { ...SETTINGS, ...(program.durable ? {} : UNSAFE_SETTINGS), port: String(port) }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(program.path, ['-D', program.clusterDir, ...args], {
    ...program.account,
    env: { ...POSTGRES_ENVIRONMENT },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const exited = new Promise<ExitStatus>((resolve) =>
    child.on('exit', (code, signal) => resolve({ code, signal })),
  )
  const tail: string[] = []
  const ready = new Promise<'ready'>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      logLine(program.logger, line, child.killed)
      tail.push(line)
      if (tail.length > LOG_TAIL_LINES) tail.shift()
      if (line.includes('database system is ready to accept connections')) resolve('ready')
    })
  })
  const failed = new Promise<never>((_, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) =>
      reject(new ProgramError('postgres', signal ?? `code ${code}`, tail.join('\n'))),
    )
  })
  const timer = setTimeout(() => child.kill('SIGQUIT'), START_WAIT_MS)
  try {
    await Promise.race([ready, failed])
  } finally {
    clearTimeout(timer)
  }
  failed.catch(() => {}) // from here on `exited` tells of the end
  return { child, port, exited }
}

/** What a fast stop says of each session that is still there: of one that is about to close, too. */
const ENDED_BY_STOP = /terminating .* due to administrator command$/

/** `isStopping`: this process has sent the signal to stop. */
function logLine(logger: Logger, line: string, isStopping: boolean): void {
  const isFatal = / (FATAL|PANIC): {2}/.test(line) && !(isStopping && ENDED_BY_STOP.test(line))
  if (isFatal) logger.error(line)
  else logger.debug(line)
}

function embeddedServer(
  parts: Postmaster & { credentials: Credentials; lock: DataDirLock; logger: Logger },
): EmbeddedServer {
  const { child, port, exited, credentials, logger } = parts
  // A process that ends without `stop` (an uncaught error) still stops PostgreSQL. Only a SIGKILL leaves it running;
  // the next start handles that.
  const onExit = () => void child.kill('SIGINT')
  process.on('exit', onExit)
  const stop = async () => {
    await stopPostmaster(child, exited, logger)
    process.off('exit', onExit)
    parts.lock.release()
  }
  let stopping: Promise<void> | undefined
  return {
    ...embeddedUrls(credentials, port),
    port,
    pid: child.pid ?? 0,
    exited,
    stop: () => (stopping ??= stop()),
  }
}

export function embeddedUrls(credentials: Credentials, port: number): EmbeddedUrls {
  const url = (role: keyof Credentials, database: string) =>
    `postgresql://${role}:${credentials[role]}@${HOST}:${port}/${database}`
  return {
    ownerUrl: url('bulkhead_owner', DATABASE_NAME),
    runtimeUrl: url('bulkhead_runtime', DATABASE_NAME),
    workerUrl: url('bulkhead_worker', DATABASE_NAME),
    adminUrl: url('postgres', 'postgres'),
  }
}

async function stopPostmaster(
  child: ChildProcess,
  exited: Promise<ExitStatus>,
  logger: Logger,
): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', FAST_STOP_WAIT_MS],
    ['SIGQUIT', IMMEDIATE_STOP_WAIT_MS],
  ] as const) {
    child.kill(signal)
    const timeout = new AbortController()
    const late = sleep(waitMs, 'late', { signal: timeout.signal }).catch(() => 'late')
    if ((await Promise.race([exited, late])) !== 'late') return timeout.abort()
    logger.error({ signal, waitMs }, 'PostgreSQL does not stop')
  }
  child.kill('SIGKILL')
  await exited
}
