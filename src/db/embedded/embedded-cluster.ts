// The files of the embedded PostgreSQL: creates the cluster with its roles and database, recognises a complete one, and
// resets its passwords. embedded-server.ts starts and stops it.
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { PostgresAccount } from './postgres-account.ts'
import { type PostgresBinaries, runProgram } from './postgres-binaries.ts'
import { clearOrphan } from './postmaster.ts'

export const DATABASE_NAME = 'bulkhead'
const PASSWORD_BYTES = 24
const UNFINISHED_PREFIX = 'postgres.new-'

const credentialsSchema = z.strictObject({
  postgres: z.string().min(1),
  bulkhead_owner: z.string().min(1),
  bulkhead_runtime: z.string().min(1),
  bulkhead_worker: z.string().min(1),
})
/** Role name → password. Base64url, so that it needs no escaping in a URL or in SQL. */
export type Credentials = z.infer<typeof credentialsSchema>

interface ClusterPlace {
  dataDir: string
  clusterDir: string
  binaries: PostgresBinaries
  account: PostgresAccount
  durable: boolean
  logger: Logger
}

/**
 * Makes sure that `clusterDir` has a complete cluster of our major version with nothing running on it, and returns its
 * passwords. Call it under the data directory's lock. Never removes a complete cluster, nor changes one of another
 * version or unknown files. Throws SERVICE_UNAVAILABLE for another major version and for unknown contents; otherwise
 * ProgramError, or the file system's errors.
 */
export async function openCluster(place: ClusterPlace): Promise<Credentials> {
  const ourMajor = await majorVersion(place)
  await removeUnfinished(place)
  const theirMajor = await clusterVersion(place.clusterDir)
  if (theirMajor === null) return createCluster(place)
  if (theirMajor !== ourMajor) {
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `${place.clusterDir} was made by PostgreSQL ${theirMajor}, but the embedded one is ${ourMajor}. Nothing was ` +
        `touched. Start the Bulkhead release that made it, or move the data over with pg_dump and pg_restore.`,
      { clusterDir: place.clusterDir, theirMajor, ourMajor },
    )
  }
  await clearOrphan(place.clusterDir, place.logger)
  return (await readCredentials(place.dataDir)) ?? resetPasswords(place)
}

async function majorVersion({ binaries, account }: ClusterPlace): Promise<string> {
  const version = await runProgram(binaries.postgres, ['--version'], { account })
  return /\d+/.exec(version)?.[0] ?? version
}

/** The major version of the cluster in `clusterDir`, or null when the directory is empty. */
async function clusterVersion(clusterDir: string): Promise<string | null> {
  const entries = await readdir(clusterDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (entries.length === 0) return null
  try {
    await stat(join(clusterDir, 'global', 'pg_control'))
    return (await readFile(join(clusterDir, 'PG_VERSION'), 'utf8')).trim()
  } catch (cause) {
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `${clusterDir} holds files that are not a whole PostgreSQL cluster. Nothing was touched. ` +
        'Restore it from a backup, or move it away to start with an empty database.',
      { clusterDir },
      { cause },
    )
  }
}

/**
 * The cluster is built in a temporary directory and renamed when complete, so that an aborted start leaves only an
 * unused directory, which the next start removes.
 */
async function createCluster(place: ClusterPlace): Promise<Credentials> {
  const { dataDir, clusterDir, account, logger } = place
  logger.info({ dataDir }, 'first start: making the embedded database')
  const building = await mkdtemp(join(dataDir, UNFINISHED_PREFIX))
  try {
    if (account) await chown(building, account.uid, account.gid)
    const credentials = newCredentials()
    await buildCluster({ ...place, clusterDir: building }, credentials)
    await writeCredentials(dataDir, credentials)
    await rename(building, clusterDir)
    return credentials
  } catch (error) {
    await rm(building, { recursive: true, force: true }) // when the disk is full, at least not with our remains
    throw error
  }
}

async function buildCluster(place: ClusterPlace, credentials: Credentials): Promise<void> {
  const flags = [
    ['--username=postgres', '--encoding=UTF8', '--locale=C', '--data-checksums', '--no-instructions'],
    // PostgreSQL's builtin locale sorts alike on every machine, unlike libc's and ICU's.
    ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    // No login is possible until pg_hba.conf is written below.
    ['--auth=reject'],
    place.durable ? [] : ['--no-sync'],
  ].flat()
  await runProgram(place.binaries.initdb, [`--pgdata=${place.clusterDir}`, ...flags], {
    account: place.account,
  })
  await writeFile(join(place.clusterDir, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n')
  await runSingleUser(place, 'postgres', rolesAndDatabase(credentials))
  await runSingleUser(place, DATABASE_NAME, ['REVOKE CREATE ON SCHEMA public FROM PUBLIC'])
}

async function removeUnfinished({ dataDir, logger }: ClusterPlace): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith(UNFINISHED_PREFIX)) continue
    logger.warn({ path: join(dataDir, name) }, 'removing a database that an earlier start left half-made')
    // With retries: the initdb of a killed parent may still be writing.
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

function rolesAndDatabase(credentials: Credentials): string[] {
  return [
    `ALTER ROLE postgres PASSWORD '${credentials.postgres}'`,
    `CREATE ROLE bulkhead_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD '${credentials.bulkhead_owner}'`,
    `CREATE ROLE bulkhead_runtime LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD '${credentials.bulkhead_runtime}'`,
    createWorker(credentials),
    `CREATE DATABASE ${DATABASE_NAME} OWNER bulkhead_owner`,
    `REVOKE TEMPORARY ON DATABASE ${DATABASE_NAME} FROM PUBLIC`,
    'REVOKE ALL ON DATABASE postgres FROM PUBLIC',
  ]
}

/** Does nothing when the role exists: a cluster of an earlier version lacks it. */
function createWorker({ bulkhead_worker: password }: Credentials): string {
  const create = `CREATE ROLE bulkhead_worker LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD '${password}'`
  return `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bulkhead_worker') THEN ${create}; END IF; END $$`
}

/**
 * credentials.json is lost, damaged, or of a version with fewer roles: gives the roles new passwords, and creates the
 * missing role.
 */
async function resetPasswords(place: ClusterPlace): Promise<Credentials> {
  place.logger.warn(
    'credentials.json is missing, damaged, or of an earlier version; giving the embedded database new passwords',
  )
  const credentials = newCredentials()
  const statements = [
    createWorker(credentials),
    ...Object.entries(credentials).map(([role, word]) => `ALTER ROLE ${role} PASSWORD '${word}'`),
  ]
  await runSingleUser(place, 'postgres', statements)
  await writeCredentials(place.dataDir, credentials)
  return credentials
}

/**
 * Runs statements, one per line, in PostgreSQL's single-user mode: no port is open meanwhile, and passwords are passed
 * on standard input, so they are never in a file, an argument or a log.
 */
async function runSingleUser(place: ClusterPlace, database: string, statements: string[]): Promise<void> {
  const args = [
    '--single',
    '-D',
    place.clusterDir,
    '-c',
    'exit_on_error=on',
    '-c',
    'log_min_error_statement=panic',
  ]
  if (!place.durable) args.push('-c', 'fsync=off')
  const input = statements.map((statement) => `${statement}\n`).join('')
  await runProgram(place.binaries.postgres, [...args, database], { account: place.account, input })
}

function newCredentials(): Credentials {
  const password = () => randomBytes(PASSWORD_BYTES).toString('base64url')
  return {
    postgres: password(),
    bulkhead_owner: password(),
    bulkhead_runtime: password(),
    bulkhead_worker: password(),
  }
}

/** The passwords stored in `dataDir`; null when they are lost or damaged. */
export async function readCredentials(dataDir: string): Promise<Credentials | null> {
  try {
    return credentialsSchema.parse(JSON.parse(await readFile(join(dataDir, 'credentials.json'), 'utf8')))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

async function writeCredentials(dataDir: string, credentials: Credentials): Promise<void> {
  const path = join(dataDir, 'credentials.json')
  await writeFile(`${path}.new`, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
