// The CPU and memory of the processes behind a database's connections. PostgreSQL runs on this machine, so that the system knows.
import { readFile } from 'node:fs/promises'
import pg from 'pg'

const NANOS_PER_MICRO = 1_000
const BYTES_PER_KILOBYTE = 1_024

/** CPU by process, in microseconds; empty where the system does not say. */
export type BackendsCpu = ReadonlyMap<number, number>

export async function backendsCpu(adminUrl: string): Promise<BackendsCpu> {
  const cpu = new Map<number, number>()
  for (const pid of await backends(adminUrl)) {
    const micros = await cpuMicros(pid)
    if (micros !== null) cpu.set(pid, micros)
  }
  return cpu
}

/** The CPU between two readings, without that of processes that ended meanwhile; null: not known. */
export function cpuBetween(before: BackendsCpu, after: BackendsCpu): number | null {
  if (after.size === 0) return null
  return [...after].reduce((sum, [pid, micros]) => sum + micros - (before.get(pid) ?? 0), 0)
}

/** The mean memory of the processes behind a database's connections, without what they share; null: not known. */
export async function backendsMemory(adminUrl: string): Promise<number | null> {
  const sizes: number[] = []
  for (const pid of await backends(adminUrl)) {
    const bytes = await ownMemory(pid)
    if (bytes !== null) sizes.push(bytes)
  }
  return sizes.length === 0 ? null : sizes.reduce((sum, bytes) => sum + bytes, 0) / sizes.length
}

/** The processes of a database's client connections, without the asking one. */
async function backends(adminUrl: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    )
    return rows.map(({ pid }) => pid)
  } finally {
    await client.end()
  }
}

/** Linux counts nanoseconds here, and clock ticks of 10 ms elsewhere. */
async function cpuMicros(pid: number): Promise<number | null> {
  try {
    const [nanos] = (await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ')
    return Number(nanos) / NANOS_PER_MICRO
  } catch {
    return null
  }
}

async function ownMemory(pid: number): Promise<number | null> {
  try {
    const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * BYTES_PER_KILOBYTE
  } catch {
    return null
  }
}
