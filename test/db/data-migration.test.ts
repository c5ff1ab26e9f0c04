// Migrations of tables with rows: the policies apply to the owner too, and a script must neither fail because of them
// nor skip a tenant. On the embedded PostgreSQL and, where installed, on version 15.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { examine } from '../../src/db/doctor/doctor.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { SNAPSHOT_NAME, writeMigration } from '../../src/db/migrations/write-migration.ts'
import { asAdmin } from '../support/cluster.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { withDatabase, withRole } from '../support/urls.ts'
import { HAS_POSTGRES_15, startPostgres15 } from './debian-postgres.ts'

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url)
const DATASOURCE = 'datasource db {\n  provider = "postgresql"\n}\n'
const model = (name: string, table: string, more = '') => `model ${name} {
  tenantId String @default(dbgenerated("app.tenant_id()")) @map("tenant_id") @db.Uuid
  id       String @db.Uuid
  ${more}
  @@id([tenantId, id])
  @@map("${table}")
}
`
const BOOK = model('Book', 'books', 'authorId String? @map("author_id") @db.Uuid')
const AUTHOR = model('Author', 'authors')
const REFERRING = [
  model(
    'Book',
    'books',
    `authorId String? @map("author_id") @db.Uuid
  author Author? @relation(fields: [tenantId, authorId], references: [tenantId, id], onDelete: Restrict, onUpdate: Restrict)`,
  ),
  model('Author', 'authors', 'books Book[]'),
]
const REFERENCE = `ALTER TABLE books ADD FOREIGN KEY (tenant_id, author_id) REFERENCES authors (tenant_id, id)`
const NO_TENANT = 'no tenant in scope'

const logger = createLogger('fatal')
let root: string
let migrationsDir: string
let schemaDir: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bulkhead-data-migration-'))
  migrationsDir = join(root, 'migrations')
  schemaDir = join(root, 'schema')
  await mkdir(schemaDir)
  await cp(MIGRATIONS, migrationsDir, { recursive: true })
  await writeFile(join(migrationsDir, SNAPSHOT_NAME), DATASOURCE)
})
afterEach(() => rm(root, { recursive: true }))

async function byHand(name: string, sql: string): Promise<void> {
  await mkdir(join(migrationsDir, name), { recursive: true })
  await writeFile(join(migrationsDir, name, 'migration.sql'), sql)
}

async function written(name: string, day: number, ...models: string[]): Promise<string> {
  await writeFile(join(schemaDir, 'shop.prisma'), [DATASOURCE, ...models].join('\n'))
  const now = () => new Date(`2030-02-0${day}T00:00:00Z`)
  return (await writeMigration({ name, schemaDir, migrationsDir, now }))?.sql ?? ''
}

describe.each([
  { version: 'the embedded PostgreSQL', missing: false },
  { version: 'PostgreSQL 15', missing: !HAS_POSTGRES_15 },
])('on $version, with rows of two tenants,', ({ version, missing }) => {
  let adminUrl: string
  let stop: () => Promise<void> = async () => {}
  let count = 0
  let database: string
  let urls: { ownerUrl: string; runtimeUrl: string }

  beforeAll(async () => {
    if (missing) return
    if (version === 'PostgreSQL 15') ({ adminUrl, stop } = await startPostgres15())
    else adminUrl = inject('cluster').adminUrl
    await asAdmin(adminUrl, (admin) =>
      admin.query(`DO $$ BEGIN
        CREATE ROLE data_owner LOGIN CREATEROLE PASSWORD 'secret';
        CREATE ROLE data_app LOGIN PASSWORD 'secret';
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bulkhead_runtime') THEN CREATE ROLE bulkhead_runtime; END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bulkhead_worker') THEN CREATE ROLE bulkhead_worker; END IF;
        GRANT bulkhead_runtime TO data_app;
      END $$`),
    )
  })
  afterAll(async () => {
    if (!missing) await asAdmin(adminUrl, (admin) => admin.query('DROP ROLE data_owner, data_app'))
    await stop()
  })

  beforeEach(async () => {
    if (missing) return
    count += 1
    database = `data_migration_${process.pid}_${count}`
    await asAdmin(adminUrl, (admin) => admin.query(`CREATE DATABASE ${database} OWNER data_owner`))
    const as = (role: string) => withDatabase(withRole(adminUrl, role, 'secret'), database)
    urls = { ownerUrl: as('data_owner'), runtimeUrl: as('data_app') }
    await written('books', 1, BOOK, AUTHOR)
    await run()
    // One book per tenant, each by its own author.
    for (const { id } of [TENANT_A, TENANT_B])
      await asAdmin(urls.ownerUrl, (owner) =>
        owner.query(`BEGIN; SELECT set_config('app.tenant_id', '${id}', true);
          INSERT INTO authors (id) VALUES ('${id}'); INSERT INTO books (id, author_id) VALUES ('${id}', '${id}'); COMMIT`),
      )
  })
  afterEach(async () => {
    if (!missing) await asAdmin(adminUrl, (admin) => admin.query(`DROP DATABASE ${database} WITH (FORCE)`))
  })

  const run = () => migrate({ ...urls, logger, migrationsDir })
  const authorsOfBooks = async () =>
    (await asAdmin(withDatabase(adminUrl, database), (admin) => admin.query('SELECT author_id FROM books')))
      .rows
  const loseAuthorOf = (tenant: string) =>
    asAdmin(withDatabase(adminUrl, database), (admin) =>
      admin.query(`UPDATE books SET author_id = gen_random_uuid() WHERE tenant_id = '${tenant}'`),
    )
  const wallsAreWhole = async () =>
    expect((await examine(urls.runtimeUrl)).filter(({ level }) => level === 'error')).toEqual([])

  it.skipIf(missing)('a reference between two tables is added by what the writer wrote', async () => {
    const sql = await written('refer', 2, ...REFERRING)
    expect(sql).toMatch(/NO FORCE ROW LEVEL SECURITY;[\s\S]*ADD CONSTRAINT[\s\S]*" FORCE ROW LEVEL SECURITY;/)
    expect((await run()).applied).toHaveLength(1)
    await wallsAreWhole()
  })

  it.skipIf(missing)(
    'and refused when any tenant’s row breaks it, leaving the walls as they were',
    async () => {
      await loseAuthorOf(TENANT_B.id)
      await written('refer', 2, ...REFERRING)
      await expect(run()).rejects.toThrow(/violates foreign key|Foreign key constraint/i)
      await wallsAreWhole()
    },
  )

  it.skipIf(missing)(
    'a new table that refers to one with rows is made by what the writer wrote',
    async () => {
      const author = model('Author', 'authors', 'prizes Prize[]')
      const prize = model(
        'Prize',
        'prizes',
        `authorId String @map("author_id") @db.Uuid
  author Author @relation(fields: [tenantId, authorId], references: [tenantId, id], onDelete: Restrict, onUpdate: Restrict)`,
      )
      await written('prizes', 2, BOOK, author, prize)
      expect((await run()).applied).toHaveLength(1)
      await wallsAreWhole()
    },
  )

  it.skipIf(missing)('a reference written by hand without the FORCE steps fails', async () => {
    await byHand('20300202000000_careless', `${REFERENCE};`)
    await expect(run()).rejects.toThrow(NO_TENANT)
  })

  it.skipIf(missing)('or, within a tenant, overlooks the others’ rows', async () => {
    await loseAuthorOf(TENANT_B.id)
    await byHand(
      '20300202000000_careless',
      `SELECT set_config('app.tenant_id', '${TENANT_A.id}', true); ${REFERENCE};`,
    )
    expect((await run()).applied).toHaveLength(1)
  })

  it.skipIf(missing)('a backfill without the FORCE steps fails', async () => {
    await byHand('20300202000000_careless', 'UPDATE books SET author_id = NULL;')
    await expect(run()).rejects.toThrow(NO_TENANT)
  })

  it.skipIf(missing)('a backfill between NO FORCE and FORCE reaches every tenant’s rows', async () => {
    await byHand(
      '20300202000000_fill',
      `ALTER TABLE books NO FORCE ROW LEVEL SECURITY;
       UPDATE books SET author_id = NULL;
       ALTER TABLE books FORCE ROW LEVEL SECURITY;`,
    )
    await run()
    expect(await authorsOfBooks()).toEqual([{ author_id: null }, { author_id: null }])
    await wallsAreWhole()
  })

  it.skipIf(missing)('a script that forgets FORCE is refused, and leaves nothing', async () => {
    await byHand('20300202000000_forgot', 'ALTER TABLE books NO FORCE ROW LEVEL SECURITY;')
    await expect(run()).rejects.toThrow(
      /20300202000000_forgot failed, .*public\.books: row-level security is not forced/,
    )
    await wallsAreWhole()
  })
})
