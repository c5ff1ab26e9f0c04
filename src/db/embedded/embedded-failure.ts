// Turns a failed start of the embedded PostgreSQL into an error message with advice.
import { AppError } from '../../core/errors.ts'
import { blockingDirectory, type PostgresAccount } from './postgres-account.ts'
import { type PostgresBinaries, ProgramError } from './postgres-binaries.ts'

interface StartPlace {
  dataDir: string
  binaries: PostgresBinaries
  account: PostgresAccount
}

/** The error and its remedy as SERVICE_UNAVAILABLE; an AppError passes through. */
export async function explainStartFailure(error: unknown, place: StartPlace): Promise<unknown> {
  if (!(error instanceof Error) || error instanceof AppError) return error
  const said = error instanceof ProgramError ? error.output : error.message
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const message = await explanation(said, code, place)
  return new AppError(
    'SERVICE_UNAVAILABLE',
    message ?? `The embedded PostgreSQL did not start: ${error.message}`,
    {},
    { cause: error },
  )
}

async function explanation(said: string, code: string, place: StartPlace): Promise<string | null> {
  const { dataDir } = place
  if (
    code === 'ENOSPC' ||
    code === 'EDQUOT' ||
    /No space left on device|Disk quota exceeded|wrote only \d+ of \d+ bytes/.test(said)
  ) {
    return `The disk of DATA_DIR (${dataDir}) is full. Free some space there and start again; the data is unharmed.`
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') return `DATA_DIR (${dataDir}) is not a directory.`
  if (code === 'EACCES' || /Permission denied/.test(said))
    return (await blockedPath(place)) ?? unwritable(dataDir)
  if (
    code === 'EROFS' ||
    code === 'EPERM' ||
    /Read-only file system|unable to open database file|readonly database/.test(said)
  ) {
    return unwritable(dataDir)
  }
  if (/error while loading shared libraries/.test(said)) {
    return `The embedded PostgreSQL is installed without its libraries (${said.trim()}). Run npm rebuild, or set DATABASE_URL.`
  }
  return null
}

function unwritable(dataDir: string): string {
  return `DATA_DIR (${dataDir}) cannot be written by this user. Set DATA_DIR to a directory of yours.`
}

/** Under root, PostgreSQL runs as an ordinary user, who cannot pass a parent directory without permission. */
async function blockedPath({ dataDir, binaries, account }: StartPlace): Promise<string | null> {
  for (const path of [binaries.postgres, `${dataDir}/postgres`]) {
    const blocking = await blockingDirectory(path, account)
    if (!blocking) continue
    return (
      `PostgreSQL does not run as root but as user id ${account?.uid}, who may not pass through ${blocking} to ${path}. ` +
      `Allow it (chmod o+x ${blocking}), or move Bulkhead or DATA_DIR out of there, or do not run as root.`
    )
  }
  return null
}
