// `bulkhead psql`, with the real psql where the machine has one.
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { startEmbeddedServer } from '../../src/db/embedded/embedded-server.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { bulkhead, startBulkhead } from './command-line.ts'

let directory: string
let database: TestDatabase
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-psql-'))
  await chmod(directory, 0o755) // the embedded PostgreSQL may run as another user
  database = await createTestDatabase()
})
afterAll(async () => {
  await database?.drop()
  await rm(directory, { recursive: true, force: true })
})

const missing = !(process.env.PATH ?? '').split(delimiter).some((path) => existsSync(join(path, 'psql')))

const ask = (sql: string) => ['psql', '--', '--no-psqlrc', '-tA', '-v', 'ON_ERROR_STOP=1', '-c', sql]
const own = () => ({ DATABASE_URL: database.runtimeUrl, DATABASE_OWNER_URL: database.ownerUrl })
const run = (args: string[], env: Record<string, string>) => bulkhead(args, { cwd: directory, env })

describe.skipIf(missing)('on a database of one’s own', () => {
  it('is the owner of its tables', async () => {
    const sql = `SELECT current_user = tableowner, current_database() FROM pg_tables WHERE tablename = 'tenants'`
    const { code, stdout, stderr } = await run(ask(sql), own())
    expect([code, stdout, stderr]).toEqual([0, `t|${database.name}\n`, ''])
  })

  it('is held by the policies, as the owner is', async () => {
    const { code, stderr } = await run(ask('SELECT * FROM members'), own())
    expect(code).toBe(1)
    expect(stderr).toContain('no tenant in scope')
  })

  it('ends with psql’s own code', async () => {
    expect((await run(['psql', '--', '--no-such-option'], own())).code).toBe(1)
    expect((await run(['psql', '--', '-f', 'no-such-file.sql'], own())).code).toBe(1)
    expect((await run(['psql', '--', '--dbname=postgresql://127.0.0.1:1/x'], own())).code).toBe(2)
  })

  it.skipIf(process.platform !== 'linux')('keeps the password out of the list of processes', async () => {
    const { stdout } = await run(['psql', '--', '-c', '\\! tr "\\0" " " < /proc/$PPID/cmdline'], own())
    const { password, username } = new URL(database.ownerUrl)
    expect(password).not.toBe('')
    expect(stdout).toContain(`${username}@`)
    expect(stdout).not.toContain(`:${password}@`)
  })
})

describe.skipIf(missing)('on the embedded database', () => {
  const OWNER = ask('SELECT current_user')

  it('starts it where no server runs, migrates nothing, and stops it', async () => {
    const dataDir = join(directory, 'stopped')
    const env = { DATA_DIR: dataDir }
    // PostgreSQL may log that it ended psql's session, when it stops before that has ended by itself.
    expect(await run(OWNER, env)).toMatchObject({ code: 0, stdout: 'bulkhead_owner\n' })
    const { stdout } = await run(ask(`SELECT to_regclass('_prisma_migrations') IS NULL`), env)
    expect(stdout).toBe('t\n')
    await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT')
  })

  it('leaves Ctrl-C to psql', async () => {
    const env = { DATA_DIR: join(directory, 'stopped') }
    const sql = `\\echo begun\nSELECT 'ended' FROM pg_sleep(1)`
    const running = startBulkhead(['psql', '--', '-tA', '-f', await script(sql)], { cwd: directory, env })
    await eventually(async () => expect(running.said.stdout).toContain('begun'))
    running.process.kill('SIGINT')
    expect(await running.ended).toMatchObject({ code: 0, stdout: 'begun\nended\n' })
  })

  async function script(sql: string): Promise<string> {
    const path = join(directory, 'script.sql')
    await writeFile(path, sql)
    return path
  }

  it('uses the one that runs', async () => {
    const dataDir = join(directory, 'running')
    const server = await startEmbeddedServer({ dataDir, logger: createLogger('fatal'), durable: false })
    try {
      await asAdmin(server.ownerUrl, (owner) => owner.query('CREATE TABLE mark ()'))
      const { code, stdout } = await run(ask(`SELECT current_user, to_regclass('mark')`), {
        DATA_DIR: dataDir,
      })
      expect([code, stdout]).toEqual([0, 'bulkhead_owner|mark\n'])
    } finally {
      await server.stop()
    }
  })
})

it('asks for the owner where only the runtime role is configured', async () => {
  const { code, stderr } = await run(ask('SELECT 1'), { DATABASE_URL: database.runtimeUrl })
  expect([code, stderr.trim().split('\n')]).toEqual([1, [expect.stringContaining('set DATABASE_OWNER_URL')]])
})

it('says where to get psql if it is missing', async () => {
  const { code, stdout, stderr } = await run(ask('SELECT 1'), { ...own(), PATH: directory })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^bulkhead: There is no psql on the PATH\. Install .*\n$/)
})
