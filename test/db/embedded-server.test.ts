// The embedded server with real processes, ports and directories.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type EmbeddedServer, startEmbeddedServer } from '../../src/db/embedded/embedded-server.ts'

const IS_ROOT = process.getuid?.() === 0
const RUNNER = join(import.meta.dirname, 'run-embedded-server.ts')

/** The data directory of a server that was made and stopped. */
let made: string
let dataDir: string
let logLines: string[]
let running: EmbeddedServer[]
let children: ChildProcess[]

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'bulkhead-embedded-made-'))
  await (await startEmbeddedServer({ dataDir: made, logger: createLogger('silent'), durable: false })).stop()
  await rm(join(made, 'port')) // or every copy would use the same one
})
afterAll(() => rm(made, { recursive: true, force: true }))

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-embedded-'))
  logLines = []
  running = []
  children = []
})

afterEach(async () => {
  await Promise.all(children.map((child) => ended(child, 'SIGTERM')))
  await Promise.all(running.map((server) => server.stop()))
  // The PostgreSQL of a process that just exited ends a moment later, and writes until then.
  await rm(dataDir, { recursive: true, force: true, maxRetries: 50, retryDelay: 20 })
})

async function start(
  options: { port?: number; dataDir?: string; durable?: boolean } = {},
): Promise<EmbeddedServer> {
  const logger = createLogger('debug', { write: (line) => void logLines.push(line) })
  const server = await startEmbeddedServer({ dataDir, logger, durable: false, ...options })
  running.push(server)
  return server
}

/**
 * Makes the data directory one of an earlier start: a copy, with every file's owner. It takes a tenth of the time of
 * another first start.
 */
async function beforehand(): Promise<void> {
  await promisify(execFile)('cp', ['-a', `${made}/.`, dataDir])
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

function spawnRunner(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [RUNNER, dataDir, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  return child
}

/** Starts a server in another process and waits until it prints its address. */
async function startElsewhere(
  ...args: string[]
): Promise<{ child: ChildProcess; pid: number; ownerUrl: string }> {
  const child = spawnRunner(...args)
  if (!child.stdout) throw new Error('the runner has no output')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, ...JSON.parse(line) }
}

const killed = (child: ChildProcess) => ended(child, 'SIGKILL')

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('this never came true')
    await sleep(10)
  }
}

it('the sessions that a stop ends are no errors; one that somebody else ends is', async () => {
  await beforehand()
  const server = await start()
  const open = async () => {
    const client = new pg.Client({ connectionString: server.adminUrl })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const errors = () => logLines.filter((line) => JSON.parse(line).level >= 50)
  const [ended] = [await open(), await open()]
  const { rows } = await ended.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  await query(server.adminUrl, `SELECT pg_terminate_backend(${rows[0]?.pid})`)
  await expect.poll(errors).toEqual([expect.stringContaining('terminating connection')])
  await server.stop()
  expect(logLines.filter((line) => line.includes('terminating connection')).length).toBeGreaterThan(1)
  expect(errors()).toHaveLength(1)
})

describe('a new server', () => {
  let server: EmbeddedServer
  let ownDir: string
  let ownLog: string[]
  beforeAll(async () => {
    ownDir = await mkdtemp(join(tmpdir(), 'bulkhead-embedded-'))
    ownLog = []
    const logger = createLogger('debug', { write: (line) => void ownLog.push(line) })
    server = await startEmbeddedServer({ dataDir: ownDir, logger, durable: false })
  })
  afterAll(async () => {
    await server?.stop()
    await rm(ownDir, { recursive: true, force: true })
  })

  it('has a role for serving and one for jobs that own nothing and may create nothing', async () => {
    const { runtimeUrl, workerUrl, ownerUrl } = server
    await expect(query(workerUrl, 'CREATE TABLE mine (id int)')).rejects.toThrow(/permission denied/)
    expect(
      await query(
        runtimeUrl,
        'SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user',
      ),
    ).toEqual([{ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false }])
    await expect(query(runtimeUrl, 'CREATE TABLE mine (id int)')).rejects.toThrow(
      /permission denied for schema public/,
    )
    await expect(query(runtimeUrl, 'CREATE TEMPORARY TABLE mine (id int)')).rejects.toThrow(
      /permission denied/,
    )
    await expect(query(runtimeUrl.replace(/bulkhead$/, 'postgres'), 'SELECT 1')).rejects.toThrow(
      /permission denied/,
    )
    await query(ownerUrl, 'CREATE TABLE ours (id int)')
    await expect(query(runtimeUrl, 'SELECT * FROM ours')).rejects.toThrow(/permission denied/)
  })

  it('sorts and checks its pages alike on every machine, and listens on the loopback only', async () => {
    const { adminUrl, ownerUrl } = server
    expect(
      await query(
        ownerUrl,
        `SELECT pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider, datlocale AS locale, current_setting('TimeZone') AS zone,
         current_setting('data_checksums') AS checksums FROM pg_database WHERE datname = current_database()`,
      ),
    ).toEqual([{ encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', zone: 'UTC', checksums: 'on' }])
    expect(
      await query(
        adminUrl,
        `SELECT name, setting FROM pg_settings WHERE name IN ('listen_addresses', 'unix_socket_directories')`,
      ),
    ).toEqual([
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'unix_socket_directories', setting: '' },
    ])
    expect(await query(adminUrl, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')).toEqual([
      { auth_method: 'scram-sha-256' },
    ])
  })

  it('keeps its passwords from other users and out of the log, and so the data of a failed statement', async () => {
    const { ownerUrl } = server
    expect((await stat(join(ownDir, 'credentials.json'))).mode & 0o777).toBe(0o600)
    await query(
      ownerUrl,
      `CREATE TABLE people (email text PRIMARY KEY); INSERT INTO people VALUES ('ann@example.com')`,
    )
    await expect(query(ownerUrl, `INSERT INTO people VALUES ('ann@example.com')`)).rejects.toThrow(
      /duplicate key/,
    )
    await until(() => ownLog.some((line) => line.includes('duplicate key')))
    expect(ownLog.join('')).not.toMatch(/ann@example|INSERT/)
    for (const password of Object.values(
      JSON.parse(await readFile(join(ownDir, 'credentials.json'), 'utf8')),
    )) {
      expect(ownLog.join('')).not.toContain(password)
    }
  })

  if (process.platform !== 'win32')
    it('is in a separate process group, so that Ctrl-C reaches only us', async () => {
      const { pid } = server
      const ps = spawn('ps', ['-o', 'pgid=', '-p', String(pid)])
      const [output] = await once(ps.stdout, 'data')
      expect(Number(String(output))).toBe(pid)
    })
})

describe('stopping and starting', () => {
  beforeEach(beforehand)

  it('keeps the data and the port; a second stop is the same stop', async () => {
    const first = await start()
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await Promise.all([first.stop(), first.stop()])
    await first.stop()
    expect(await first.exited).toEqual({ code: 0, signal: null })
    const second = await start()
    expect(second.ownerUrl).toBe(first.ownerUrl)
    expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })

  it('stops although a client is in a transaction', async () => {
    const server = await start()
    const client = new pg.Client({ connectionString: server.ownerUrl })
    client.on('error', () => {})
    await client.connect()
    await client.query('BEGIN; CREATE TABLE unfinished (id int)')
    await server.stop()
    expect((await server.exited).code).toBe(0)
  })

  it('takes another port when the last or the requested one is in use', async () => {
    const first = await start()
    await first.stop()
    const other = createServer().listen(first.port, '127.0.0.1')
    await once(other, 'listening')
    try {
      const second = await start({ port: first.port })
      expect(second.port).not.toBe(first.port)
      expect(await query(second.runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    } finally {
      other.close()
    }
  })

  it('reports that PostgreSQL ended unexpectedly, and starts again afterwards', async () => {
    const first = await start({ durable: true })
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
    process.kill(first.pid, 'SIGKILL')
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' })
    await first.stop()
    expect(await query((await start()).ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })
})

describe('after a process that was killed', () => {
  beforeEach(beforehand)

  it('stops the PostgreSQL it left running, and keeps what was committed', async () => {
    const { child, pid, ownerUrl } = await startElsewhere()
    await query(ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await killed(child)
    expect(isAlive(pid)).toBe(true)
    const server = await start()
    expect(server.pid).not.toBe(pid)
    expect(await query(server.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })

  it('starts over the pid file of a PostgreSQL that was killed with it', async () => {
    const { child, pid, ownerUrl } = await startElsewhere()
    await query(ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await killed(child)
    process.kill(pid, 'SIGKILL')
    const server = await start()
    expect(await query(server.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })

  it('starts over a pid file whose pid belongs to another program, and leaves that one alone', async () => {
    await (await start()).stop()
    const { uid, gid } = await stat(join(dataDir, 'postgres'))
    // The same user as the cluster's: PostgreSQL itself cannot distinguish it from a postmaster.
    const stranger = spawn('sleep', ['60'], IS_ROOT ? { uid, gid } : {})
    children.push(stranger)
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
    await writeFile(pidFile, `${stranger.pid}\n${join(dataDir, 'postgres')}\n1\n5432\n\n127.0.0.1\n`)
    await start()
    expect(isAlive(stranger.pid ?? 0)).toBe(true)
  })

  it('starts over an empty pid file, as left by a full disk', async () => {
    await (await start()).stop()
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), '')
    await start()
  })

  it('ends PostgreSQL when the process ends by an uncaught error', async () => {
    const { child, pid } = await startElsewhere('crash')
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).not.toBe(0)
    await until(() => !isAlive(pid))
  })
})

describe('a first start', () => {
  it('that died while making the cluster is repeated, and leaves nothing', async () => {
    const child = spawnRunner()
    await until(async () => (await readdir(dataDir)).some((name) => name.startsWith('postgres.new-')))
    await killed(child)
    expect(await readdir(dataDir)).not.toContain('postgres')
    const server = await start()
    expect(await query(server.runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect((await readdir(dataDir)).toSorted()).toEqual([
      'credentials.json',
      'lock',
      'lock.pid',
      'port',
      'postgres',
    ])
  })
})

describe('a data directory that cannot serve', () => {
  it('is refused while another process has it, naming that process', async () => {
    await beforehand()
    const { child } = await startElsewhere()
    await expect(start()).rejects.toThrow(`(pid ${child.pid}) is running on ${dataDir}`)
  })

  it('goes to exactly one of two that start at once', async () => {
    const results = await Promise.allSettled([start(), start()])
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const refusal = results.find((result) => result.status === 'rejected')
    expect(String(refusal?.reason)).toContain(`another Bulkhead (pid ${process.pid}) is running`)
  })

  it('is left alone when another version of PostgreSQL made it', async () => {
    await beforehand()
    const first = await start()
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    const versionFile = join(dataDir, 'postgres', 'PG_VERSION')
    const version = await readFile(versionFile, 'utf8')
    await writeFile(versionFile, '15\n')
    await expect(start()).rejects.toThrow(
      /was made by PostgreSQL 15, but the embedded one is \d+\. Nothing was touched/,
    )
    await writeFile(versionFile, version)
    expect(await query((await start()).ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })

  it('is left alone when it holds something that is no whole cluster', async () => {
    await mkdir(join(dataDir, 'postgres', 'base'), { recursive: true })
    await writeFile(join(dataDir, 'postgres', 'base', 'precious'), 'data')
    await expect(start()).rejects.toThrow(/not a whole PostgreSQL cluster. Nothing was touched/)
    expect(await readFile(join(dataDir, 'postgres', 'base', 'precious'), 'utf8')).toBe('data')
  })

  it('gets new passwords when they are lost, and keeps its data', async () => {
    await beforehand()
    const first = await start()
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    await writeFile(join(dataDir, 'credentials.json'), '{ "postgres": ')
    const second = await start()
    expect(second.ownerUrl).not.toBe(first.ownerUrl)
    expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })

  it('of a version before jobs is given their role, and keeps its data', async () => {
    await beforehand()
    const first = await start()
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await query(first.adminUrl, 'DROP ROLE bulkhead_worker')
    await first.stop()
    const path = join(dataDir, 'credentials.json')
    const { bulkhead_worker, ...before } = JSON.parse(await readFile(path, 'utf8'))
    expect(bulkhead_worker).toBeTypeOf('string')
    await writeFile(path, JSON.stringify(before))
    const second = await start()
    expect(await query(second.workerUrl, 'SELECT current_user AS role')).toEqual([
      { role: 'bulkhead_worker' },
    ])
    await expect(query(second.workerUrl, 'SELECT * FROM kept')).rejects.toThrow(/permission denied/)
    expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
    await second.stop()
    const third = await start()
    expect(third.workerUrl.split('@')[0]).toBe(second.workerUrl.split('@')[0])
  })

  it('is named when it is a file', async () => {
    await writeFile(join(dataDir, 'file'), '')
    await expect(start({ dataDir: join(dataDir, 'file') })).rejects.toThrow(/is not a directory/)
  })

  // Absent instead of skipped: a skipped test means a missing program, and CI allows none.
  if (!IS_ROOT)
    it('is named when it cannot be written (root may write everywhere)', async () => {
      await chmod(dataDir, 0o500)
      await expect(start()).rejects.toThrow(`DATA_DIR (${dataDir}) cannot be written by this user`)
      await chmod(dataDir, 0o700)
    })

  if (IS_ROOT)
    it('is named with the directory on the way that stops PostgreSQL’s own user (root only)', async () => {
      const closed = join(dataDir, 'closed')
      await mkdir(closed, { mode: 0o700 })
      await chmod(dataDir, 0o755)
      await expect(start({ dataDir: join(closed, 'data') })).rejects.toThrow(
        `may not pass through ${closed} `,
      )
    })
})
