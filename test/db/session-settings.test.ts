// Sessions have our settings, whatever the defaults of server, database and role. The test server has other defaults
// (test/support/cluster.ts), so every other test checks it too; here the roles have others, which take precedence over
// the database's.
import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, EVERYTHING, openDatabase } from '../../src/db/database.ts'
import { examine } from '../../src/db/doctor/doctor.ts'
import { connectOwner } from '../../src/db/owner.ts'
import { openQueuePool } from '../../src/db/queue/queue-pool.ts'
import { SESSION_SETTINGS } from '../../src/db/session-settings.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A } from '../support/two-tenants.ts'
import { findPgBouncer, startPgBouncer } from '../walls/pgbouncer.ts'

const logger = createLogger('silent')
const SCOPE = { tenantId: TENANT_A.id, writes: EVERYTHING }
const ROLES = ['bulkhead_runtime', 'bulkhead_worker', 'bulkhead_owner']
const FOREIGN: Record<string, string> = {
  TimeZone: `'Asia/Kolkata'`,
  DateStyle: 'German, DMY',
  IntervalStyle: `'sql_standard'`,
  bytea_output: `'escape'`,
  extra_float_digits: '0',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  default_transaction_isolation: `'serializable'`,
  row_security: 'off',
}
const NAMES = Object.keys(SESSION_SETTINGS)
const SHOW = `SELECT ${NAMES.map((name) => `current_setting('${name}') AS "${name}"`).join(', ')}`

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  await asAdmin(test.adminUrl, async (admin) => {
    for (const role of ROLES)
      for (const [name, value] of Object.entries(FOREIGN))
        await admin.query(`ALTER ROLE ${role} IN DATABASE ${test.name} SET ${name} = ${value}`)
  })
})
afterAll(() => test?.drop())

const open = (url: string): Database => openDatabase({ url, poolMax: 2, namedStatements: true, logger })

it('these roles start with other settings', async () => {
  const [row] = await asAdmin(test.runtimeUrl, async (client) => (await client.query(SHOW)).rows)
  for (const name of NAMES) expect(row[name], name).not.toBe(SESSION_SETTINGS[name as 'TimeZone'])
})

describe('our settings hold in a session', () => {
  it('that serves, in a statement and in a transaction', async () => {
    const database = open(test.runtimeUrl)
    try {
      // A template without parameters is the statement itself.
      const parts = Object.assign([SHOW], { raw: [SHOW] }) as unknown as TemplateStringsArray
      expect(await database.forTenant(SCOPE).$queryRaw(parts)).toEqual([SESSION_SETTINGS])
      expect(await database.withTenant(SCOPE, (tx) => tx.$queryRaw(parts))).toEqual([SESSION_SETTINGS])
    } finally {
      await database.close()
    }
  })

  it('that runs jobs', async () => {
    const pool: pg.Pool = openQueuePool(test.workerUrl, 1, logger)
    try {
      expect((await pool.query(SHOW)).rows).toEqual([SESSION_SETTINGS])
    } finally {
      await pool.end()
    }
  })

  it('of the owner', async () => {
    const owner = await connectOwner(test.ownerUrl)
    try {
      expect(await owner.query(SHOW)).toEqual([SESSION_SETTINGS])
    } finally {
      await owner.end()
    }
  })
})

async function keysAreDatedRightly(database: Database): Promise<void> {
  const made = async (expiresInMs: number) => {
    const hash = randomBytes(32)
    const expiresAt = new Date(Date.now() + expiresInMs)
    const data = {
      id: newId(),
      name: 'k',
      hint: 'k',
      hash,
      permissions: ['orders:read'],
      createdBy: 'x',
      expiresAt,
    }
    await database.forTenant(SCOPE).apiKey.create({ data })
    return { hash, expiresAt }
  }
  const good = await made(1_800_000)
  const expired = await made(-60_000)
  expect((await database.resolveApiKey(TENANT_A.id, good.hash))?.expiresAt).toEqual(good.expiresAt)
  expect(await database.resolveApiKey(TENANT_A.id, expired.hash)).toBeNull()
}

describe('a key for half an hour is valid for that long', () => {
  it('and not at once expired, nor for hours more', async () => {
    const database = open(test.runtimeUrl)
    try {
      await keysAreDatedRightly(database)
    } finally {
      await database.close()
    }
  })

  const pgBouncer = findPgBouncer()
  it.skipIf(pgBouncer === null)(
    `through PgBouncer in transaction mode too (${pgBouncer?.version ?? 'skipped: there is no program pgbouncer'})`,
    async () => {
      const plain = await createTestDatabase({ seed: 'two-tenants' })
      const bouncer = await startPgBouncer(plain.runtimeUrl, 2)
      const database = open(bouncer.url)
      try {
        await Promise.all([keysAreDatedRightly(database), keysAreDatedRightly(database)])
      } finally {
        await database.close()
        await bouncer.stop()
        await plain.drop()
      }
    },
  )
})

describe('the doctor', () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createTestDatabase()
  })
  afterEach(() => database?.drop())
  const errors = async (role?: string) =>
    (await examine(database.runtimeUrl, role === undefined ? {} : { role }))
      .filter(({ level }) => level === 'error')
      .map(({ code, object }) => `${code} ${object}`)

  it('names a preset of each of our roles, and of no other', async () => {
    await asAdmin(database.adminUrl, async (admin) => {
      for (const role of [...ROLES, 'postgres'])
        await admin.query(`ALTER ROLE ${role} IN DATABASE ${database.name} SET TimeZone = 'Asia/Kolkata'`)
    })
    expect(await errors()).toEqual(expect.arrayContaining(ROLES.map((role) => `session-preset role ${role}`)))
    expect(await errors()).toHaveLength(ROLES.length)
  })

  it('names each setting that the database’s sessions start with otherwise', async () => {
    await asAdmin(database.adminUrl, async (admin) => {
      for (const name of NAMES)
        await admin.query(`ALTER DATABASE ${database.name} SET ${name} = ${FOREIGN[name]}`)
    })
    const found = (await examine(database.runtimeUrl)).filter(({ code }) => code === 'session-setting')
    expect(
      found.map(({ object, message }) => `${object}: ${/with (\S+) =/.exec(message)?.[1]}`).toSorted(),
    ).toEqual(NAMES.map((name) => `database ${database.name}: ${name}`).toSorted())
  })
})
