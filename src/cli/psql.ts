// `bulkhead psql`: PostgreSQL's shell on the database, as the owner of its tables.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { environmentWith } from '../config.ts'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import { requireOwner, withUnmigratedDatabase } from './command-database.ts'
import { actionAnywhere, commandLogLevel } from './run.ts'

const PSQL = process.platform === 'win32' ? 'psql.exe' : 'psql'

export function psqlCommand(): Command {
  return new Command('psql')
    .description("open PostgreSQL's shell on the database as the owner of its tables")
    .argument('[arguments...]', "psql's own, after --: bulkhead psql -- -c 'SELECT 1'")
    .action(
      actionAnywhere(async (config, args: string[]) => {
        const logger = createLogger(commandLogLevel(config))
        // Ctrl-C is for psql, which ends a query by it.
        const ignore = () => {}
        process.on('SIGINT', ignore)
        // Not migrated: a migration that was refused is a reason to look.
        process.exitCode = await withUnmigratedDatabase(
          config,
          logger,
          (urls) => runPsql(requireOwner(urls), args),
          { handlesInterrupt: true },
        )
        process.off('SIGINT', ignore)
      }),
    )
}

/** Returns its exit code. Throws SERVICE_UNAVAILABLE where there is no psql. */
async function runPsql(ownerUrl: string, args: readonly string[]): Promise<number> {
  const url = new URL(ownerUrl)
  const password = decodeURIComponent(url.password)
  // Arguments are visible to every user of the machine.
  url.password = ''
  const child = spawn(await findPsql(), [`--dbname=${url.href}`, ...args], {
    stdio: 'inherit',
    env: environmentWith(password === '' ? {} : { PGPASSWORD: password }),
  })
  const [code] = await once(child, 'exit').catch(refuseMissing)
  return typeof code === 'number' ? code : EXIT_KILLED
}

/** A signal ended it. */
const EXIT_KILLED = 1

/** The embedded PostgreSQL's, where its package has one; else the PATH's. */
async function findPsql(): Promise<string> {
  const { postgresBinaries } = await import('../db/embedded/postgres-binaries.ts')
  try {
    const { postgres } = await postgresBinaries()
    const path = join(dirname(postgres), PSQL)
    await access(path)
    return path
  } catch {
    return PSQL
  }
}

function refuseMissing(cause: unknown): never {
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    "There is no psql on the PATH. Install PostgreSQL's client: postgresql-client on Debian and Ubuntu, libpq with Homebrew.",
    {},
    { cause },
  )
}
