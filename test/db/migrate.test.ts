// Migrating, with small migrations of its own: on the embedded PostgreSQL and, where installed, on version 15.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { startEmbeddedServer } from '../../src/db/embedded/embedded-server.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { writeMigration } from '../../src/db/migrations/write-migration.ts'
import { HAS_POSTGRES_15, startPostgres15 } from './debian-postgres.ts'

const MIGRATIONS = new URL('../../prisma/migrations/', import.meta.url)
const sqlOf = (name: string) => readFileSync(new URL(`${name}/migration.sql`, MIGRATIONS), 'utf8')

/** A tenant table with policies. */
const table = (name: string) =>
  `CREATE TABLE ${name} (tenant_id uuid, id int, PRIMARY KEY (tenant_id, id)); SELECT app.protect('${name}');`

const WALLS = [sqlOf('20261201040000_walls'), sqlOf('20261201040010_protect'), table('things')].join('\n')
const IN_SCOPE = `SET app.tenant_id = '${randomUUID()}'`

let root: string
let migrationsDir: string
let logLines: string[]
const logger = createLogger('debug', { write: (line) => void logLines.push(line) })

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bulkhead-migrate-'))
  migrationsDir = join(root, 'migrations')
  logLines = []
  await migration('20260101000000_walls', WALLS)
})
afterEach(() => rm(root, { recursive: true }))

async function migration(name: string, sql: string): Promise<void> {
  await mkdir(join(migrationsDir, name), { recursive: true })
  await writeFile(join(migrationsDir, name, 'migration.sql'), sql)
}

async function query(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const sql of statements) rows = (await client.query(sql)).rows
    return rows
  } finally {
    await client.end()
  }
}

interface Address {
  adminUrl: string
  ownerUrl: string
  runtimeUrl: string
}

const servers = [
  { version: 'the embedded PostgreSQL', start: startEmbedded, missing: false },
  { version: 'PostgreSQL 15', start: startPostgres15, missing: !HAS_POSTGRES_15 },
]

async function startEmbedded() {
  const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-migrate-server-'))
  const server = await startEmbeddedServer({ dataDir, logger: createLogger('fatal'), durable: false })
  const stop = async () => {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  return { adminUrl: server.adminUrl, stop }
}

describe.each(servers)('migrating $version', ({ start, missing }) => {
  let server: { adminUrl: string; stop(): Promise<void> }
  let at: Address
  let count = 0

  beforeAll(async () => {
    if (missing) return
    server = await start()
    const roles = [
      'the_owner LOGIN CREATEROLE',
      'the_app LOGIN',
      'the_worker LOGIN',
      'the_root LOGIN SUPERUSER',
      'the_bypasser LOGIN BYPASSRLS',
    ]
    await query(server.adminUrl, ...roles.map((role) => `CREATE ROLE ${role} PASSWORD 'pw-secret'`))
    // The embedded server brings the groups; here the owner's first migration makes them, as elsewhere.
    await query(server.adminUrl, 'DROP ROLE IF EXISTS bulkhead_runtime, bulkhead_worker')
  })
  afterAll(() => server?.stop())

  function as(role: string, database: string): string {
    const url = new URL(server.adminUrl)
    url.username = role
    url.password = 'pw-secret'
    url.pathname = `/${database}`
    return url.href
  }

  beforeEach(async () => {
    if (missing) return
    const database = `shop_${++count}`
    await query(server.adminUrl, `CREATE DATABASE ${database} OWNER the_owner`)
    const adminUrl = new URL(server.adminUrl)
    adminUrl.pathname = `/${database}`
    at = { adminUrl: adminUrl.href, ownerUrl: as('the_owner', database), runtimeUrl: as('the_app', database) }
  })

  function run(
    options: { runtimeUrl?: string; workerUrl?: string; ownerUrl?: string; lockWaitMs?: number } = {},
  ) {
    return migrate({ ownerUrl: at.ownerUrl, runtimeUrl: at.runtimeUrl, logger, migrationsDir, ...options })
  }

  function runtimeUrlOf(role: string): string {
    return as(role, new URL(at.ownerUrl).pathname.slice(1))
  }

  it.skipIf(missing)('applies what is missing, once, and lets the runtime role in', async () => {
    expect(await run()).toEqual({ applied: ['20260101000000_walls'] })
    expect(await run()).toEqual({ applied: [] })
    expect(await query(at.runtimeUrl, IN_SCOPE, 'SELECT count(*)::int AS things FROM things')).toEqual([
      { things: 0 },
    ])
    await migration('20260102000000_more', table('more'))
    expect(await run()).toEqual({ applied: ['20260102000000_more'] })
  })

  it.skipIf(missing)('keeps a record that Prisma’s own command line can read', async () => {
    await run()
    const [record] = await query(at.ownerUrl, 'SELECT * FROM _prisma_migrations')
    expect(record).toMatchObject({
      migration_name: '20260101000000_walls',
      applied_steps_count: 1,
      logs: null,
      rolled_back_at: null,
    })
    expect(record?.checksum).toMatch(/^[0-9a-f]{64}$/)
    expect(record?.finished_at).toBeInstanceOf(Date)
  })

  it.skipIf(missing)(
    'limits every session’s time, keeps an operator’s own limit, and is not limited itself',
    async () => {
      await query(
        at.ownerUrl,
        `ALTER DATABASE ${new URL(at.ownerUrl).pathname.slice(1)} SET statement_timeout = '1s'`,
      )
      await migration('20260102000000_slow', `SELECT pg_sleep(1.2); ${table('slow')}`)
      expect((await run()).applied).toContain('20260102000000_slow')
      expect(
        await query(
          at.runtimeUrl,
          `SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
         current_setting('idle_in_transaction_session_timeout') AS idle`,
        ),
      ).toEqual([{ statement: '1s', lock: '5s', idle: '15s' }])
      await expect(query(at.runtimeUrl, 'CREATE TEMPORARY TABLE mine (id int)')).rejects.toThrow(
        /permission denied/,
      )
    },
  )

  it.skipIf(missing)('is done by one of several processes that start at once', async () => {
    const results = await Promise.all([run(), run(), run()])
    expect(results.flatMap(({ applied }) => applied)).toEqual(['20260101000000_walls'])
  })

  it.skipIf(missing)('gives up waiting for another process in bounded time, and says so', async () => {
    const other = new pg.Client({ connectionString: at.ownerUrl })
    await other.connect()
    await other.query('SELECT pg_advisory_lock($1)', [0x62_75_6c_6b])
    await expect(run({ lockWaitMs: 100 })).rejects.toThrow(
      /Another process has been migrating this database for more than 0.1 s/,
    )
    await other.end()
    expect((await run()).applied).toHaveLength(1)
  })

  it.skipIf(missing)(
    'names a migration that fails, leaves nothing of it, and retries it when it is fixed',
    async () => {
      await migration('20260102000000_bad', `${table('half')} SELECT 1 / 0;`)
      await expect(run()).rejects.toThrow(/Migration 20260102000000_bad failed, .*: division by zero/)
      expect(await query(at.ownerUrl, `SELECT to_regclass('half') AS half`)).toEqual([{ half: null }])
      await expect(run()).rejects.toThrow(/Migration 20260102000000_bad failed, .*: division by zero/)
      await migration('20260102000000_bad', table('half'))
      expect(await run()).toEqual({ applied: ['20260102000000_bad'] })
    },
  )

  it.skipIf(missing).each([
    [
      'a table without its tenant',
      'CREATE TABLE open (id int PRIMARY KEY);',
      'public.open: has no column tenant_id of type uuid, and is not on the list of global tables (tenant-id-missing)',
    ],
    [
      'a table that nobody protected',
      'CREATE TABLE open (tenant_id uuid, id int, PRIMARY KEY (tenant_id, id));',
      '(rls-disabled)',
    ],
    [
      'a policy beside the walls',
      `${table('open')} CREATE POLICY mine ON open USING (true);`,
      "public.open: policy mine is not one of app.protect's",
    ],
    [
      'a right beyond the walls',
      `${table('open')} GRANT TRUNCATE ON open TO bulkhead_runtime;`,
      'public.open: the runtime role holds TRUNCATE',
    ],
    [
      'a function with the owner’s rights',
      'CREATE FUNCTION app.open() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 $$;',
      'app.open(): is SECURITY DEFINER and not on the list',
    ],
    [
      'what app.protect refuses',
      "CREATE TABLE open (tenant_id uuid, id int PRIMARY KEY); SELECT app.protect('open');",
      'the primary key of open must start with tenant_id',
    ],
  ])('refuses %s before it commits, and applies the mended migration', async (_, sql, said) => {
    const name = '20260102000000_open'
    await migration(name, sql)
    const error = await run().catch((cause: unknown) => cause)
    expect(String(error)).toContain(`Migration ${name} failed, and none after it was tried: `)
    expect(String(error)).toContain(said)
    expect(
      await query(at.ownerUrl, `SELECT to_regclass('open') AS open, to_regproc('app.open') AS function`),
    ).toEqual([{ open: null, function: null }])
    await migration(name, table('open'))
    expect(await run()).toEqual({ applied: [name] })
  })

  describe.skipIf(missing)('refuses a history that is not the database’s, before it applies anything', () => {
    const MORE = '20260103000000_more'

    it('an applied migration whose file was changed, by name, until it is restored or recorded', async () => {
      await run()
      await migration('20260101000000_walls', `${WALLS}\n-- changed`)
      await migration(MORE, table('more'))
      const message = String(await run().catch((cause: unknown) => cause))
      expect(message).toContain('20260101000000_walls was changed after it was applied. Restore the file')
      expect(await query(at.ownerUrl, `SELECT to_regclass('more') AS more`)).toEqual([{ more: null }])
      const record = /-c "(UPDATE [^"]+)"/.exec(message)?.[1]
      await query(at.ownerUrl, record ?? '')
      expect(await run()).toEqual({ applied: [MORE] })
    })

    it('an applied migration that is not in the folder, by name, until it is restored or forgotten', async () => {
      await migration('20260102000000_gone', table('gone'))
      await migration(MORE, table('more'))
      await run()
      await rm(join(migrationsDir, '20260102000000_gone'), { recursive: true })
      const message = String(await run().catch((cause: unknown) => cause))
      expect(message).toContain('20260102000000_gone was applied and is not in the folder. Restore it')
      await query(at.ownerUrl, /-c "(DELETE [^"]+)"/.exec(message)?.[1] ?? '')
      expect(await run()).toEqual({ applied: [] })
    })

    it('one that sorts before an applied one, by both names, until it is renamed', async () => {
      await migration(MORE, table('more'))
      await run()
      await migration('20260102000000_late', table('late'))
      await expect(run()).rejects.toThrow(
        /20260102000000_late is not applied and sorts before 20260103000000_more, which is\..*a time after 20260103000000$/,
      )
      await rm(join(migrationsDir, '20260102000000_late'), { recursive: true })
      await migration('20260104000000_late', table('late'))
      expect(await run()).toEqual({ applied: ['20260104000000_late'] })
    })

    it('all of them in one message', async () => {
      await migration('20260102000000_gone', table('gone'))
      await migration(MORE, table('more'))
      await run()
      await rm(join(migrationsDir, '20260102000000_gone'), { recursive: true })
      await migration(MORE, `${table('more')} -- changed`)
      await migration('20260101000001_late', table('late'))
      await expect(run()).rejects.toThrow(/more was changed[\s\S]*gone was applied[\s\S]*late is not applied/)
    })

    it('but not those of a later version, which it only logs', async () => {
      await migration(MORE, table('more'))
      await run()
      await rm(join(migrationsDir, MORE), { recursive: true })
      expect(await run()).toEqual({ applied: [] })
      expect(logLines.join('')).toContain('the database has migrations of a later version')
    })
  })

  describe.skipIf(missing)('whose process is killed in the middle', () => {
    it('is applied again, whole, when its session ended too', async () => {
      await killInTheMiddle(30)
      await query(
        at.adminUrl,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'bulkhead migrate' AND datname = current_database()`,
      )
      expect(await run()).toEqual({ applied: ['20260102000000_long'] })
    }, 60_000)

    it('is waited for while its session lives on, which commits nothing, and applied again', async () => {
      await killInTheMiddle(1)
      expect(await run()).toEqual({ applied: ['20260102000000_long'] })
      expect(await query(at.ownerUrl, 'SELECT count(*)::int AS n FROM _prisma_migrations')).toEqual([
        { n: 3 },
      ])
      expect(await query(at.ownerUrl, IN_SCOPE, 'SELECT * FROM half')).toEqual([])
    })

    async function killInTheMiddle(sleepS: number): Promise<void> {
      await run()
      await migration('20260102000000_long', `${table('half')} SELECT pg_sleep(${sleepS});`)
      const args = ['--input-type=module-typescript', '-e', RUNNER, at.ownerUrl, at.runtimeUrl, migrationsDir]
      const child = spawn(process.execPath, args)
      const exit = once(child, 'exit')
      await until(async () => {
        const rows = await query(
          at.adminUrl,
          `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
        )
        return rows.length === 1
      })
      child.kill('SIGKILL')
      await exit
      await migration('20260102000000_long', table('half'))
    }
  })

  it.skipIf(missing)('leaves a failure outside a transaction to a person', async () => {
    await run()
    await query(at.ownerUrl, 'CREATE TABLE twice AS SELECT 1 AS id UNION ALL SELECT 1')
    await migration('20260102000000_index', `CREATE UNIQUE INDEX CONCURRENTLY twice_id ON twice (id);`)
    await expect(run()).rejects.toThrow(/20260102000000_index failed, .*Unique constraint failed/)
    await expect(run()).rejects.toThrow(
      /failed on an earlier start \(Unique constraint failed.*\) and may have done a part/,
    )
  })

  it.skipIf(missing)(
    'refuses a runtime role that bypasses the policies, before it changes anything',
    async () => {
      await expect(run({ runtimeUrl: at.ownerUrl })).rejects.toThrow(/name the same role "the_owner"/)
      await expect(run({ runtimeUrl: runtimeUrlOf('the_root') })).rejects.toThrow(
        /"the_root" of DATABASE_URL is a superuser/,
      )
      await expect(run({ runtimeUrl: runtimeUrlOf('the_bypasser') })).rejects.toThrow(/has BYPASSRLS/)
      await expect(run({ runtimeUrl: runtimeUrlOf('nobody') })).rejects.toThrow(
        /does not exist. As a superuser: CREATE ROLE/,
      )
      expect(await query(at.ownerUrl, `SELECT to_regclass('things') AS things`)).toEqual([{ things: null }])
    },
  )

  it.skipIf(missing)(
    'refuses a role for jobs that bypasses the policies, or that serves, before it changes anything',
    async () => {
      await expect(run({ workerUrl: at.runtimeUrl })).rejects.toThrow(
        /DATABASE_URL and DATABASE_WORKER_URL name the same role "the_app"/,
      )
      await expect(run({ workerUrl: at.ownerUrl })).rejects.toThrow(
        /DATABASE_WORKER_URL and DATABASE_OWNER_URL name the same role "the_owner"/,
      )
      await expect(run({ workerUrl: runtimeUrlOf('the_root') })).rejects.toThrow(
        /"the_root" of DATABASE_WORKER_URL is a superuser/,
      )
      await expect(run({ workerUrl: runtimeUrlOf('nobody') })).rejects.toThrow(
        /"nobody" of DATABASE_WORKER_URL does not exist. As a superuser: CREATE ROLE/,
      )
      expect(await query(at.ownerUrl, `SELECT to_regclass('things') AS things`)).toEqual([{ things: null }])
    },
  )

  it.skipIf(missing)(
    'lets the role for jobs use the queue, whose tables it makes, and nothing else',
    async () => {
      const workerUrl = runtimeUrlOf('the_worker')
      await run({ workerUrl })
      await run({ workerUrl })
      await query(workerUrl, `SELECT graphile_worker.add_job('x')`)
      expect(await query(workerUrl, 'SELECT attempts FROM graphile_worker._private_jobs')).toEqual([
        { attempts: 0 },
      ])
      await expect(query(workerUrl, 'SELECT * FROM things')).rejects.toThrow(/permission denied/)
      for (const sql of [
        `SELECT graphile_worker.add_job('x')`,
        'SELECT * FROM graphile_worker._private_jobs',
      ])
        await expect(query(at.runtimeUrl, sql)).rejects.toThrow(
          /permission denied for schema graphile_worker/,
        )
    },
  )

  it.skipIf(missing)('says what is wrong with an address without repeating its password', async () => {
    const wrong = at.ownerUrl.replace('the_owner', 'the_stranger')
    const error = await run({ ownerUrl: wrong }).catch((error: unknown) => error)
    expect(String(error)).toMatch(/cannot be reached as "the_stranger" \(DATABASE_OWNER_URL\)/)
    const malformed = await run({ ownerUrl: 'postgresql://the_owner:pw-secret@host:port:5/x' }).catch(
      (error: unknown) => error,
    )
    expect(String(malformed)).toMatch(/must have the form/)
    const { stack, details, cause } = malformed as { stack: string; details: object; cause: unknown }
    expect([String(stack), JSON.stringify(details), String(cause), logLines.join('')].join('')).not.toContain(
      'pw-secret',
    )
  })

  it.skipIf(missing)('runs what the migration writer wrote', async () => {
    const schemaDir = join(root, 'schema')
    await mkdir(schemaDir)
    const model = `model Supplier {
      tenantId String @default(dbgenerated("app.tenant_id()")) @map("tenant_id") @db.Uuid
      id       String @db.Uuid
      @@id([tenantId, id])
      @@map("suppliers")
    }`
    await writeFile(
      join(schemaDir, 'shop.prisma'),
      `datasource db {\n  provider = "postgresql"\n}\n${model}\n`,
    )
    await writeFile(
      join(migrationsDir, 'schema.snapshot.prisma'),
      `datasource db {\n  provider = "postgresql"\n}\n`,
    )
    await rm(join(migrationsDir, '20260101000000_walls'), { recursive: true })
    await cp(new URL('../../prisma/migrations', import.meta.url), migrationsDir, {
      recursive: true,
      force: false,
    })
    await writeMigration({
      name: 'add_suppliers',
      schemaDir,
      migrationsDir,
      now: () => new Date('2030-02-01T00:00:00Z'),
    })
    expect((await run()).applied.at(-1)).toBe('20300201000000_add_suppliers')
    await expect(query(at.runtimeUrl, 'SELECT * FROM suppliers')).rejects.toThrow('no tenant in scope')
    expect(await query(at.runtimeUrl, IN_SCOPE, 'SELECT * FROM suppliers')).toEqual([])
  })
})

const RUNNER = `
import { migrate } from ${JSON.stringify(import.meta.resolve('../../src/db/migrations/migrate.ts'))}
import { createLogger } from ${JSON.stringify(import.meta.resolve('../../src/core/logger.ts'))}
const [ownerUrl, runtimeUrl, migrationsDir] = process.argv.slice(1)
await migrate({ ownerUrl, runtimeUrl, migrationsDir, logger: createLogger('fatal') })
`

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('this never came true')
    await sleep(50)
  }
}
