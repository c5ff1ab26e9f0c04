// Finds and stops a PostgreSQL that an earlier, killed process left running on a cluster.
import { execFile } from 'node:child_process'
import { readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'

/** A fast shutdown rolls back and disconnects; only a long checkpoint delays it. */
export const FAST_STOP_WAIT_MS = 30_000
/** An immediate shutdown skips the checkpoint; the next start replays the log. */
export const IMMEDIATE_STOP_WAIT_MS = 10_000
const STOP_POLL_MS = 50
const run = promisify(execFile)

/**
 * Leaves `clusterDir` without a postmaster: stops an orphan, and neutralises the pid file of a dead one. Stopping
 * instead of adopting it keeps one way of running: our child, our log, our exit code. Throws SERVICE_UNAVAILABLE when
 * the orphan does not stop.
 */
export async function clearOrphan(clusterDir: string, logger: Logger): Promise<void> {
  const pidFile = join(clusterDir, 'postmaster.pid')
  const { pid } = await readPidFile(pidFile)
  if (await isPostmasterOf(pid, clusterDir)) {
    logger.warn({ pid }, 'a PostgreSQL is still running from an earlier process that was killed; stopping it')
    await stopPostmaster(pid, clusterDir)
  }
  await disarm(pidFile)
}

async function disarm(pidFile: string): Promise<void> {
  // Read again: a clean shutdown has removed the file, a kill has not.
  const { lines, pid } = await readPidFile(pidFile)
  // A crash or a full disk leaves an empty file, over which PostgreSQL refuses to start.
  if (Number.isNaN(pid)) return rm(pidFile, { force: true })
  // The pid may belong to another program by now (in containers it nearly always does), and PostgreSQL refuses to start
  // while a process with that pid lives, except its own parent, which is us. Removing the file would also work, but
  // would lose PostgreSQL's check for backends that still hold the old shared memory.
  lines[0] = String(process.pid)
  await writeFile(pidFile, lines.join('\n'))
}

async function readPidFile(pidFile: string): Promise<{ lines: string[]; pid: number }> {
  const lines = (await readFile(pidFile, 'utf8').catch(ifMissing(''))).split('\n')
  return { lines, pid: Number.parseInt(lines[0] ?? '', 10) }
}

async function stopPostmaster(pid: number, clusterDir: string): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', FAST_STOP_WAIT_MS],
    ['SIGQUIT', IMMEDIATE_STOP_WAIT_MS],
  ] as const) {
    const deadline = Date.now() + waitMs
    if (!signalled(pid, signal)) return
    while (Date.now() < deadline) {
      if (!(await isPostmasterOf(pid, clusterDir))) return
      await sleep(STOP_POLL_MS)
    }
  }
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `An earlier PostgreSQL (pid ${pid}) still runs on ${clusterDir} and does not stop. Stop it by hand.`,
    { pid },
  )
}

/** False when the process has ended meanwhile. */
function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

/**
 * Whether process `pid`, which may be NaN, is a PostgreSQL on `clusterDir`: a postmaster's working directory is its
 * cluster.
 */
async function isPostmasterOf(pid: number, clusterDir: string): Promise<boolean> {
  if (process.platform === 'linux') {
    try {
      const [cwd, comm] = await Promise.all([
        readlink(`/proc/${pid}/cwd`),
        readFile(`/proc/${pid}/comm`, 'utf8'),
      ])
      return comm.trim() === 'postgres' && cwd === (await realpath(clusterDir))
    } catch {
      return false // gone, a zombie, or another user's: in no case a postmaster on our cluster
    }
  }
  if (process.platform === 'win32') return false // PostgreSQL's own check has to do there
  const { stdout } = await run('ps', ['-p', String(pid), '-o', 'command=']).catch(() => ({ stdout: '' }))
  return basename(stdout.split(' -D ')[0] ?? '') === 'postgres' && stdout.includes(clusterDir)
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value
    throw error
  }
}
