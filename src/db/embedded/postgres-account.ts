// Chooses the operating-system user for the embedded PostgreSQL, and explains paths that this user cannot pass.
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../core/errors.ts'

/** A uid and gid for the child process; null: our own. */
export type PostgresAccount = { uid: number; gid: number } | null

const ACCOUNT_NAME = 'postgres'
const run = promisify(execFile)

/**
 * The account for the cluster at `clusterDir` (which need not exist yet). PostgreSQL refuses to run as root, so root
 * runs it as the owner of the cluster, or as the user `postgres`, created if missing. Throws SERVICE_UNAVAILABLE when
 * the cluster belongs to another user and we are not root.
 */
export async function postgresAccount(clusterDir: string): Promise<PostgresAccount> {
  const ourUid = process.getuid?.()
  if (ourUid === undefined) return null
  const cluster = await stat(clusterDir).catch(() => null)
  if (ourUid !== 0) {
    if (cluster && cluster.uid !== ourUid) {
      throw new AppError(
        'SERVICE_UNAVAILABLE',
        `${clusterDir} belongs to user id ${cluster.uid}, but this process runs as user id ${ourUid}. ` +
          'Start Bulkhead as that user (or as root), or set DATA_DIR to another directory.',
      )
    }
    return null
  }
  if (cluster && cluster.uid !== 0) return { uid: cluster.uid, gid: cluster.gid }
  return (await findAccount()) ?? (await createAccount())
}

async function findAccount(): Promise<PostgresAccount> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', ACCOUNT_NAME]), run('id', ['-g', ACCOUNT_NAME])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return null // `id` fails when there is no such user
  }
}

async function createAccount(): Promise<PostgresAccount> {
  try {
    await run('useradd', [
      '--system',
      '--no-create-home',
      '--user-group',
      '--shell',
      '/bin/false',
      ACCOUNT_NAME,
    ])
  } catch (cause) {
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `PostgreSQL refuses to run as root, and the user "${ACCOUNT_NAME}" is missing and could not be created. ` +
        'Create it (useradd --system postgres), run Bulkhead as an ordinary user, or set DATABASE_URL.',
      {},
      { cause },
    )
  }
  return findAccount()
}

/**
 * The first directory on the way to `path` that `account` may not pass, or null. Reads mode bits only (no ACLs), so it
 * can explain a failure, but must not be used to prevent a start.
 */
export async function blockingDirectory(path: string, account: PostgresAccount): Promise<string | null> {
  if (!account) return null
  const ancestors: string[] = []
  for (let dir = dirname(path); ; dir = dirname(dir)) {
    ancestors.unshift(dir)
    if (dir === dirname(dir)) break
  }
  for (const dir of ancestors) {
    const { mode, uid, gid } = await stat(dir)
    const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0
    if (((mode >> shift) & 1) === 0) return dir
  }
  return null
}
