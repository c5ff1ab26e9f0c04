// The directory of a test run's temporary files: data directories, files of tests, and Node's compile cache.
import { chmod, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
/** More than a run needs: a server keeps at most a gigabyte of its log. */
const ROOM_BYTES = 4 * 2 ** 30
const PREFIX = 'bulkhead-test-run-'
/** An active run makes directories all the time. */
const ABANDONED_MS = 3_600_000

/**
 * Makes the temporary directory of this process, the workers and their children, and returns a function that removes
 * it. In memory where there is enough: making and dropping databases mostly creates and removes small files, which a
 * disk does fifteen times slower. Durable servers are there too, since no test cuts the power.
 */
export async function openRunDirectory(): Promise<() => Promise<void>> {
  const parent = (await hasRoom()) ? MEMORY : tmpdir()
  await removeAbandoned(parent)
  const directory = join(parent, `${PREFIX}${process.pid}`)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory)
  await chmod(directory, 0o755) // under root, PostgreSQL's own user passes through
  const before = process.env.TMPDIR
  process.env.TMPDIR = directory
  // Every worker loads the same modules.
  process.env.NODE_COMPILE_CACHE = join(directory, 'compiled')
  enableCompileCache(process.env.NODE_COMPILE_CACHE)
  return async () => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

async function hasRoom(): Promise<boolean> {
  if (process.platform !== 'linux' || process.availableMemory() < ROOM_BYTES) return false
  const { bavail, bsize } = await statfs(MEMORY).catch(() => ({ bavail: 0, bsize: 0 }))
  return bavail * bsize >= ROOM_BYTES
}

/** Of killed runs: in memory nothing else would free them. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX) || isAlive(Number(name.slice(PREFIX.length)))) continue
    const { mtimeMs } = await stat(join(parent, name)).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(join(parent, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
