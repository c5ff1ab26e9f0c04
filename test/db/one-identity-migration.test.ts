// Addresses that were stored before there was one form for them: put into it where that can be, and refused in words that
// say what to do where two rows would have one.
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { examine } from '../../src/db/doctor/doctor.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { asAdmin } from '../support/cluster.ts'
import { asOwner, asSuperuser, createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { withDatabase } from '../support/urls.ts'

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))
const ONE_IDENTITY = /_one_identity$/
/** ö, in two spellings. */
const APART = 'jo\u0308rg@people.example'
const TOGETHER = 'jörg@people.example'

let at: TestDatabase
let before: string
beforeEach(async () => {
  at = await createEmptyDatabase()
  before = await mkdtemp(join(tmpdir(), 'bulkhead-one-identity-'))
  const names = (await readdir(MIGRATIONS)).sort()
  const first = names.findIndex((name) => ONE_IDENTITY.test(name))
  for (const name of [...names.slice(0, first), 'migration_lock.toml'])
    await cp(join(MIGRATIONS, name), join(before, name), { recursive: true })
  await run(before)
  for (const { id, slug } of [TENANT_A, TENANT_B])
    await asOwner(at, id, (owner) =>
      owner.query(`SELECT app.create_tenant($1, $2, 'Tenant', 'USD')`, [id, slug]),
    )
})
afterEach(async () => {
  await rm(before, { recursive: true })
  await at.drop()
})

const logger = createLogger('silent')
const run = (migrationsDir = MIGRATIONS) => migrate({ ...at, logger, migrationsDir })

const ROWS = {
  members: `INSERT INTO members (id, email, name, role) VALUES (gen_random_uuid(), $1, 'N', 'OWNER')`,
  customers: `INSERT INTO customers (id, email, name) VALUES (gen_random_uuid(), $1, 'N')`,
  invitations: `INSERT INTO invitations (id, email, role, invited_by, expires_at) VALUES (gen_random_uuid(), $1, 'STAFF', '', now())`,
}
type Table = keyof typeof ROWS

const add = (table: Table, email: string, tenant = TENANT_A.id) =>
  asOwner(at, tenant, (owner) => owner.query(ROWS[table], [email]))

const emails = async (table: string) =>
  (
    await asSuperuser(at, (admin) => admin.query(`SELECT email FROM ${table} ORDER BY email COLLATE "C"`))
  ).rows.map(({ email }) => email)

it('puts every tenant’s addresses into the one form, and the directory with them', async () => {
  for (const table of Object.keys(ROWS) as Table[]) {
    await add(table, APART)
    await add(table, APART, TENANT_B.id)
    await add(table, 'plain@people.example')
  }
  await run()
  for (const table of [...Object.keys(ROWS), 'app.person_directory'])
    expect(await emails(table)).toEqual([TOGETHER, TOGETHER, 'plain@people.example'])
  expect((await examine(at.runtimeUrl)).filter(({ level }) => level === 'error')).toEqual([])
})

it.each(Object.keys(ROWS) as Table[])(
  'stops at two of %s with one address in two spellings, changes nothing, and says what to do',
  async (table) => {
    await add(table, APART)
    await add(table, TOGETHER)
    const error = await run().then(
      () => 'it ran',
      (reason: Error) => reason.message,
    )
    expect(error).toMatch(
      new RegExp(`two rows of ${table} have one address in two spellings: [0-9a-f-]{36} and `),
    )
    expect(error).not.toContain('people.example')
    expect(await emails(table)).toHaveLength(2)
    expect(await emails(table)).toContain(APART)
    const statements = /BEGIN;.*COMMIT;/.exec(error)?.[0] ?? ''
    await asAdmin(at.ownerUrl, (owner) =>
      owner.query(statements.replace("'another'", "'another@people.example'")),
    )
    await run()
    expect(await emails(table)).toHaveLength(2)
    expect(await emails(table)).toContain('another@people.example')
  },
)

it('a revoked invitation beside an open one is no such pair', async () => {
  await add('invitations', APART)
  await asSuperuser(at, (admin) => admin.query(`UPDATE invitations SET status = 'REVOKED'`))
  await add('invitations', TOGETHER)
  await run()
  expect(await emails('invitations')).toEqual([TOGETHER, TOGETHER])
})

it.each(['members', 'invitations'] as const)(
  'stops at an address of %s with what cannot be seen',
  async (table) => {
    await add(table, 'ad\u200Bmin@people.example')
    await expect(run()).rejects.toThrow(
      new RegExp(`the address in the row [0-9a-f-]{36} of ${table} holds what cannot be seen, or is none`),
    )
  },
)

it('a database that is not in UTF-8 is refused before anything is done', async () => {
  const { adminUrl, ownerUrl } = inject('cluster')
  const name = `bulkhead_latin_${process.pid}`
  await asAdmin(adminUrl, (admin) =>
    admin.query(
      `CREATE DATABASE ${name} OWNER bulkhead_owner TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'`,
    ),
  )
  try {
    const urls = { ownerUrl: withDatabase(ownerUrl, name), runtimeUrl: withDatabase(at.runtimeUrl, name) }
    await expect(migrate({ ...urls, logger })).rejects.toThrow(/has the encoding LATIN1, and must have UTF8/)
    const findings = await examine(urls.runtimeUrl)
    expect(findings).toContainEqual(expect.objectContaining({ level: 'error', code: 'encoding' }))
  } finally {
    await asAdmin(adminUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`))
  }
})
