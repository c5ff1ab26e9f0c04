// The migration writer, on small schemas. migrate.test.ts runs what it writes.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addCommands, addWalls } from '../../src/db/migrations/add-walls.ts'
import {
  isUnmigrated,
  SNAPSHOT_NAME,
  writeMigration,
  writeSnapshot,
} from '../../src/db/migrations/write-migration.ts'

const BASE = `datasource db {
  provider = "postgresql"
}
`
const SUPPLIER = `model Supplier {
  tenantId String @default(dbgenerated("app.tenant_id()")) @map("tenant_id") @db.Uuid
  id       String @db.Uuid
  name     String @default("https://example.com") // of the firm

  @@id([tenantId, id])
  @@map("suppliers")
}
`
const CURRENCY = `model Currency {
  code String @id

  @@map("currencies")
}
`

let root: string
let schemaDir: string
let migrationsDir: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bulkhead-write-migration-'))
  schemaDir = join(root, 'schema')
  migrationsDir = join(root, 'migrations')
  await mkdir(schemaDir)
})
afterEach(() => rm(root, { recursive: true }))

async function schema(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files))
    await writeFile(join(schemaDir, `${name}.prisma`), content)
}

function write(name: string, at = '2026-01-02T03:04:05Z', isEmpty = false) {
  return writeMigration({ name, schemaDir, migrationsDir, now: () => new Date(at), isEmpty })
}

describe('writing a migration', () => {
  it('puts a new tenant-owned table behind both walls, under the name it has in the database', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER })
    const migration = await write('add_suppliers')
    expect(migration?.path).toBe(join(migrationsDir, '20260102030405_add_suppliers', 'migration.sql'))
    expect(migration?.sql).toContain('CREATE TABLE "suppliers"')
    expect(migration?.sql).toMatch(/SELECT app\.protect\('suppliers', writers => '{suppliers:write}'\);\n$/)
    expect(await readFile(migration?.path ?? '', 'utf8')).toBe(migration?.sql)
  })

  it('is known to be missing, until it is written; a comment needs none', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER })
    await write('first')
    expect(await isUnmigrated({ schemaDir, migrationsDir })).toBe(false)
    await schema({ suppliers: `// Whom a merchant buys from.\n${SUPPLIER}` })
    expect(await isUnmigrated({ schemaDir, migrationsDir })).toBe(false)
    await schema({ currencies: CURRENCY })
    expect(await isUnmigrated({ schemaDir, migrationsDir })).toBe(true)
    await write('second', '2026-01-03T00:00:00Z')
    expect(await isUnmigrated({ schemaDir, migrationsDir })).toBe(false)
  })

  it('writes only the difference the next time, and nothing when nothing changed', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER })
    await write('first')
    expect(await write('nothing', '2026-01-03T00:00:00Z')).toBeNull()
    await schema({ currencies: CURRENCY })
    const migration = await write('add_currencies', '2026-01-03T00:00:00Z')
    expect(migration?.sql).toContain('CREATE TABLE "currencies"')
    expect(migration?.sql).not.toContain('suppliers')
    expect(migration?.sql).not.toContain('app.protect')
    expect(await write('nothing', '2026-01-04T00:00:00Z')).toBeNull()
    expect(await readdir(migrationsDir)).toEqual([
      '20260102030405_first',
      '20260103000000_add_currencies',
      SNAPSHOT_NAME,
    ])
  })

  it('grants a new column as the table was granted: append-only, and to those who wrote it', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER })
    const first = await write('first')
    const call = "('suppliers', append_only => true, writers => '{orders:write,stock:write}')"
    const edited = first?.sql.replace("('suppliers', writers => '{suppliers:write}')", call) ?? ''
    expect(edited).toContain(call)
    await writeFile(first?.path ?? '', edited)
    await schema({ suppliers: SUPPLIER.replace('  @@id', '  note String?\n  @@id') })
    const migration = await write('add_note', '2026-01-03T00:00:00Z')
    expect(migration?.sql).toContain('ADD COLUMN     "note" TEXT')
    expect(migration?.sql.endsWith(`SELECT app.protect${call};\n`)).toBe(true)
  })

  it('protects a table that becomes a tenant’s later on', async () => {
    await schema({
      base: BASE,
      suppliers: 'model Supplier {\n  id String @id @db.Uuid\n  @@map("suppliers")\n}\n',
    })
    await write('first')
    await schema({ suppliers: SUPPLIER })
    expect((await write('own_suppliers', '2026-01-03T00:00:00Z'))?.sql).toContain(
      "SELECT app.protect('suppliers', writers => '{suppliers:write}');",
    )
  })
})

describe('an empty migration', () => {
  const isComment = (line: string) => line === '' || line.startsWith('--')

  it('has a comment and no statement, where nothing changed too', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER })
    await write('first')
    const { path = '', sql = '' } = (await write('by_hand', '2026-01-03T00:00:00Z', true)) ?? {}
    expect(path).toBe(join(migrationsDir, '20260103000000_by_hand', 'migration.sql'))
    expect(await readFile(path, 'utf8')).toBe(sql)
    expect(sql).toContain('SQL written by hand')
    expect(sql.split('\n').filter((line) => !isComment(line))).toEqual([])
  })

  it('has what the schema’s change needs as a comment, and takes the snapshot along', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER })
    const { sql = '' } = (await write('by_hand', undefined, true)) ?? {}
    expect(sql).toContain('-- CREATE TABLE "suppliers" (')
    expect(sql).toContain("-- SELECT app.protect('suppliers'")
    expect(sql.split('\n').filter((line) => !isComment(line))).toEqual([])
    expect(await write('nothing', '2026-01-03T00:00:00Z')).toBeNull()
  })

  it('is refused with a bad name, like any other', async () => {
    await schema({ base: BASE })
    await expect(write('By Hand', undefined, true)).rejects.toThrow('is no name for a migration')
  })
})

describe('a migration is refused, and nothing written', () => {
  afterEach(async () => expect(await readdir(migrationsDir).catch(() => [])).not.toContain(SNAPSHOT_NAME))

  it.each(['', 'AddSuppliers', 'add suppliers', '../evil', '1st', 'add__two', 'a'.repeat(61)])(
    'when its name is %j',
    async (name) => {
      await schema({ base: BASE, suppliers: SUPPLIER })
      await expect(write(name)).rejects.toThrow(/snake_case/)
    },
  )

  it('when a tenant-owned table has a key without its tenant, saying what to write', async () => {
    await schema({
      base: BASE,
      suppliers: SUPPLIER.replace('  @@id([tenantId, id])\n', '').replace('id       String', 'id String @id'),
    })
    await expect(write('add_suppliers')).rejects.toThrow(/Model Supplier .*Write @@id\(\[tenantId, id\]\)/s)
  })

  it('when the tenant is not first in the key', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER.replace('[tenantId, id]', '[id, tenantId]') })
    await expect(write('add_suppliers')).rejects.toThrow(/must start with it/)
  })

  it('when a tenant-owned table would need quotes in SQL', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER.replace('  @@map("suppliers")\n', '') })
    await expect(write('add_suppliers')).rejects.toThrow('@@map("supplier")')
  })

  it('when Prisma refuses the schema, in its words', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER.replace('name     String', 'name Boom') })
    await expect(write('add_suppliers')).rejects.toThrow(/Type "Boom" is neither/)
  })

  it('when the snapshot is lost, since every table would be made again', async () => {
    await schema({ base: BASE, suppliers: SUPPLIER })
    await write('first')
    await rm(join(migrationsDir, SNAPSHOT_NAME))
    await expect(write('second', '2026-01-03T00:00:00Z')).rejects.toThrow(
      /is missing, although there are migrations/,
    )
  })
})

it('a migration is refused when it would sort before an older one', async () => {
  await schema({ base: BASE, suppliers: SUPPLIER })
  await write('first')
  await schema({ currencies: CURRENCY })
  await expect(write('second', '2025-12-31T00:00:00Z')).rejects.toThrow(/clock behind/)
  expect(await readdir(migrationsDir)).toEqual(['20260102030405_first', SNAPSHOT_NAME])
})

it('a snapshot can be taken for a migration written by hand', async () => {
  await schema({ base: BASE, suppliers: SUPPLIER })
  await mkdir(join(migrationsDir, '20260101000000_by_hand'), { recursive: true })
  await writeSnapshot({ schemaDir, migrationsDir })
  expect(await write('nothing')).toBeNull()
})

describe('the migration of the write pipeline', () => {
  const at = (time: string) => () => new Date(time)

  it('is written once, after the walls and before the first migration of a schema', async () => {
    await addWalls(migrationsDir)
    const name = await addCommands(migrationsDir, at('2030-01-01T00:00:00Z'))
    expect(name).toBe('20300101000000_bulkhead_commands')
    expect(await addCommands(migrationsDir, at('2030-01-01T00:00:01Z'))).toBeNull()
    const sql = await readFile(join(migrationsDir, name ?? '', 'migration.sql'), 'utf8')
    expect(sql).toMatch(/CREATE TABLE "audit_entries"[\s\S]*CREATE FUNCTION app\.take_command_result/)
    await schema({ base: BASE, supplier: SUPPLIER })
    expect((await write('suppliers', '2030-01-01T00:00:02Z'))?.sql).toMatch(/CREATE TABLE "suppliers"/)
  })

  it('comes after migrations that are there, which may be applied', async () => {
    await addWalls(migrationsDir)
    await schema({ base: BASE, supplier: SUPPLIER })
    await write('suppliers', '2030-01-01T00:00:00Z')
    await expect(addCommands(migrationsDir, at('2029-12-31T23:59:59Z'))).rejects.toThrow(
      /would sort before the newest one/,
    )
    expect(await addCommands(migrationsDir, at('2030-01-01T00:00:01Z'))).toBe(
      '20300101000001_bulkhead_commands',
    )
  })
})
