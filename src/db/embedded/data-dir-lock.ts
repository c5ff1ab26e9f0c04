// Locks the data directory for one process.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../core/errors.ts'

/** How long a start waits for the previous process to stop (a restart may overlap a little). */
const LOCK_WAIT_MS = 2_000
const LOCK_POLL_MS = 100
const SQLITE_BUSY = 5

export interface DataDirLock {
  release(): void
}

/**
 * Takes `dataDir` for this process until `release` or the process ends, however it ends.
 * Throws SERVICE_UNAVAILABLE, naming the holder's pid, when another process keeps it past the wait.
 *
 * The lock is an SQLite transaction on an empty file, which is the only way to the kernel's own file locks
 * that Node brings. A file with a pid in it was rejected: it outlives a SIGKILL, pids are reused (in a
 * container nearly always), and two containers on one volume cannot see each other's processes. The pid
 * beside it is only for the message. Nobody else may open the lock file in this process: closing any
 * descriptor of a file drops a process's locks on it.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const holderFile = join(dataDir, 'lock.pid')
  const database = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 })
  const deadline = Date.now() + LOCK_WAIT_MS
  try {
    while (!tryLock(database)) {
      if (Date.now() > deadline) throw await heldByAnother(dataDir, holderFile)
      await sleep(LOCK_POLL_MS)
    }
    await writeFile(holderFile, `${process.pid}\n`)
  } catch (error) {
    database.close()
    throw error
  }
  return { release: () => void (database.isOpen && database.close()) }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    // Without a journal in memory SQLite would leave a journal file beside the lock.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
    throw error
  }
}

async function heldByAnother(dataDir: string, holderFile: string): Promise<AppError> {
  const pid = Number.parseInt(await readFile(holderFile, 'utf8').catch(() => ''), 10)
  const holder = Number.isNaN(pid) ? 'another Bulkhead' : `another Bulkhead (pid ${pid})`
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${holder} is running on ${dataDir}. Stop it, or set DATA_DIR to another directory.`,
    { dataDir, pid },
  )
}
