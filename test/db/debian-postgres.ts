// Debian's PostgreSQL 15, where it is installed: the oldest version that we promise to migrate.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { postgresAccount } from '../../src/db/embedded/postgres-account.ts'

const BIN = '/usr/lib/postgresql/15/bin'
export const HAS_POSTGRES_15 = existsSync(join(BIN, 'initdb'))
const run = promisify(execFile)

/** Starts an empty one without passwords. `adminUrl` is the superuser's, on the database postgres. */
export async function startPostgres15(): Promise<{ adminUrl: string; stop(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'bulkhead-postgres15-'))
  await chmod(root, 0o777)
  const account = (await postgresAccount(root)) ?? {}
  const cluster = join(root, 'cluster')
  await run(
    join(BIN, 'initdb'),
    ['-D', cluster, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    account,
  )
  const port = await freePort()
  const settings = `-c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`
  await run(
    join(BIN, 'pg_ctl'),
    ['-D', cluster, '-w', '-l', join(root, 'log'), '-o', settings, 'start'],
    account,
  )
  return {
    adminUrl: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await run(join(BIN, 'pg_ctl'), ['-D', cluster, '-w', '-m', 'immediate', 'stop'], account)
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
