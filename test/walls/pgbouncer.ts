// A PgBouncer in transaction mode in front of the test's database, where the machine has the program.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** In PATH, or where Debian installs it. */
const PROGRAMS = ['pgbouncer', '/usr/sbin/pgbouncer']
const START_ATTEMPTS_MAX = 100
const START_WAIT_MS = 50

export interface PgBouncer {
  url: string
  stop(): Promise<void>
}

/** The program and its first line of `--version`, or null without one. */
export function findPgBouncer(): { program: string; version: string } | null {
  for (const program of PROGRAMS) {
    const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
    if (status === 0) return { program, version: stdout.split('\n')[0] ?? '' }
  }
  return null
}

/** The first version that follows prepared statements from one server connection to another. */
const PREPARES_SINCE = [1, 21] as const

/** Whether the installed program, if any, supports named statements. */
export function preparesStatements(): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(findPgBouncer()?.version ?? '') ?? []
  if (major === undefined) return false
  const [sinceMajor, sinceMinor] = PREPARES_SINCE
  return Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor)
}

/** Forwards every database as the role of `url`, with `serverConnections` of its own. */
export async function startPgBouncer(url: string, serverConnections: number): Promise<PgBouncer> {
  const target = new URL(url)
  const port = await freePort()
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-pgbouncer-'))
  await chmod(directory, 0o755)
  const config = join(directory, 'pgbouncer.ini')
  await writeFile(
    config,
    `[databases]
* = host=${target.hostname} port=${target.port} user=${target.username} password=${decodeURIComponent(target.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${serverConnections}
max_client_conn = 100
server_login_retry = 1
${preparesStatements() ? 'max_prepared_statements = 50\n' : ''}`,
  )
  // It refuses to run as root, and only needs to read its configuration.
  const asOther = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn(findPgBouncer()?.program ?? '', ['-q', ...asOther, config], { stdio: 'ignore' })
  const stop = async () => {
    await stopped(child)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await listening(port, child)
  } catch (error) {
    await stop()
    throw error
  }
  target.host = `127.0.0.1:${port}`
  return { url: target.href, stop }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < START_ATTEMPTS_MAX; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`)
    const socket = connect(port, '127.0.0.1')
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isUp) return
    await sleep(START_WAIT_MS)
  }
  throw new Error('pgbouncer does not listen')
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  // At once: remaining connections belong to tests that have ended.
  child.kill('SIGTERM')
  await once(child, 'exit')
}
