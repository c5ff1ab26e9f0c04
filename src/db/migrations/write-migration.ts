// Writes a new migration from the difference between the schema and its snapshot as of the newest one. Needs no
// database. migrate.ts applies migrations.
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { isOfWalls } from './add-walls.ts'
import { migrationNames, refuseOutOfOrder, timestamp } from './migration-names.ts'
import { diffDatamodels, type SchemaFile } from './schema-engine.ts'
import { complaintAboutKey, tenantTables } from './tenant-tables.ts'

/** The schema that all migrations together make; committed with them. */
export const SNAPSHOT_NAME = 'schema.snapshot.prisma'
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const NAME_LENGTH_MAX = 60

/**
 * Writes `<YYYYMMDDHHMMSS>_<name>/migration.sql`: the schema's difference, as the owner can run it, and `app.protect`
 * for every table that becomes a tenant's or gains a column; then updates the snapshot. Null when nothing changed.
 * Throws BAD_USER_INPUT for a bad name, for a schema that Prisma refuses, and for a tenant's table whose key does not
 * start with its tenant.
 */
export async function writeMigration(options: {
  name: string
  schemaDir: string
  migrationsDir: string
  now: Clock
  /** Writes no statement, for SQL by hand; a difference of the schema becomes a comment. */
  isEmpty?: boolean
}): Promise<{ path: string; sql: string } | null> {
  const { name, schemaDir, migrationsDir, now, isEmpty = false } = options
  checkName(name)
  const after = await readSchema(schemaDir)
  const before = await readSnapshot(migrationsDir)
  const difference = await diffDatamodels(before && [before], after).catch(refuseSchema)
  const protects = await protectStatements({ before, after, difference, migrationsDir })
  if (difference === '' && protects.length === 0 && !isEmpty) return null
  const statements = [...checkedAsOwner(difference, before), ...protects].filter(Boolean).join('\n\n')
  const sql = isEmpty ? emptyMigration(statements) : `${statements}\n`
  const directory = join(migrationsDir, `${timestamp(now())}_${name}`)
  await refuseOutOfOrder(directory, migrationsDir)
  await mkdir(directory, { recursive: true })
  const path = join(directory, 'migration.sql')
  await writeFile(path, sql, { flag: 'wx' })
  await writeSnapshot({ schemaDir, migrationsDir })
  return { path, sql }
}

function emptyMigration(statements: string): string {
  const commented = statements.split('\n').map((line) => `-- ${line}`.trimEnd())
  return `${[...EMPTY_COMMENT, ...(statements === '' ? [] : [DIFFERENCE_COMMENT, ...commented])].join('\n')}\n`
}

const EMPTY_COMMENT = [
  '-- SQL written by hand: changes of rows, functions, triggers, app.protect with other options. It runs as one transaction,',
  '-- as the owner, and the policies apply to the owner too: docs/schema-changes.md says how to reach the rows of every tenant.',
]
const DIFFERENCE_COMMENT =
  '-- The schema differs from that of the migration before, and no later migration will contain these statements:'

/** Whether the schema has a change that no migration makes. Costs a comparison of texts where it has none. */
export async function isUnmigrated(options: { schemaDir: string; migrationsDir: string }): Promise<boolean> {
  const before = await readSnapshot(options.migrationsDir)
  const after = await readSchema(options.schemaDir)
  if (before === null || before.content === snapshotText(after)) return false
  // A comment, or the order of files, is no change.
  return (await diffDatamodels([before], after)) !== ''
}

/** Stores the present schema as the snapshot: for a migration whose SQL was written by hand. */
export async function writeSnapshot(options: { schemaDir: string; migrationsDir: string }): Promise<void> {
  const path = join(options.migrationsDir, SNAPSHOT_NAME)
  await writeFile(`${path}.new`, snapshotText(await readSchema(options.schemaDir)))
  await rename(`${path}.new`, path)
}

/** The schema's files sorted by name, so that a snapshot changes only with the schema. */
export async function readSchema(schemaDir: string): Promise<SchemaFile[]> {
  const names = (await readdir(schemaDir, { recursive: true }))
    .filter((name) => name.endsWith('.prisma'))
    .toSorted()
  if (names.length === 0) throw new AppError('BAD_USER_INPUT', `${schemaDir} holds no .prisma file.`)
  return Promise.all(
    names.map(async (name) => ({ path: name, content: await readFile(join(schemaDir, name), 'utf8') })),
  )
}

function snapshotText(files: SchemaFile[]): string {
  const header =
    '// The schema as of the newest migration. Written with it by `npm run db:migration`; do not edit.'
  return `${[header, ...files.map(({ content }) => content.trim())].join('\n\n')}\n`
}

async function readSnapshot(migrationsDir: string): Promise<SchemaFile | null> {
  try {
    return { path: SNAPSHOT_NAME, content: await readFile(join(migrationsDir, SNAPSHOT_NAME), 'utf8') }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
    // With an empty snapshot every table would be written a second time.
    const newest = (await migrationNames(migrationsDir)).findLast((migration) => !isOfWalls(migration))
    if (newest === undefined) return null
    const message = `${join(migrationsDir, SNAPSHOT_NAME)} is missing, although there are migrations. Restore it from version control.`
    throw new AppError('BAD_USER_INPUT', message, { newest }, { cause })
  }
}

function checkName(name: string): void {
  if (NAME.test(name) && name.length <= NAME_LENGTH_MAX) return
  throw new AppError(
    'BAD_USER_INPUT',
    `"${name}" is no name for a migration. Use snake_case of at most ${NAME_LENGTH_MAX} characters: add_suppliers.`,
    { name },
  )
}

/**
 * The difference, as the owner can run it. A new foreign key is validated as the owner, and forced policies apply to the owner:
 * without a tenant the validation fails, and within one it skips the other tenants' rows. So for the length of the
 * script, which is one transaction, the owner's policies are off on tables that have rows; the runtime role's stay.
 */
function checkedAsOwner(difference: string, before: SchemaFile | null): string[] {
  const references = difference.matchAll(/ALTER TABLE "(\w+)" ADD CONSTRAINT [^;]*? REFERENCES "(\w+)"/g)
  const named = new Set([...references].flatMap(([, child = '', parent = '']) => [child, parent]))
  const tables = tenantTables(before?.content ?? '').flatMap(({ table }) => (named.has(table) ? [table] : []))
  if (tables.length === 0) return [difference.trimEnd()]
  const force = (word: string) => tables.map((table) => `ALTER TABLE "${table}" ${word} ROW LEVEL SECURITY;`)
  return [
    [UNFORCED_COMMENT, ...force('NO FORCE')].join('\n'),
    difference.trimEnd(),
    force('FORCE').join('\n'),
  ]
}

const UNFORCED_COMMENT =
  '-- The policies hold the owner, too: without this it could not check the rows that are there. Ends below.'

/** The `app.protect` calls that the difference needs: for a tenant's new table, and again for new columns. */
async function protectStatements(change: {
  before: SchemaFile | null
  after: SchemaFile[]
  difference: string
  migrationsDir: string
}): Promise<string[]> {
  const known = new Set(tenantTables(change.before?.content ?? '').map(({ table }) => table))
  const tables = change.after.flatMap(({ content }) => tenantTables(content))
  // By table, not by model: a renamed model keeps its policies.
  const fresh = tables.filter(({ table }) => !known.has(table))
  for (const table of fresh) {
    const complaint = complaintAboutKey(table)
    if (complaint) throw new AppError('BAD_USER_INPUT', complaint, { model: table.model })
  }
  const widened = tables.filter(({ table }) => known.has(table) && gainsColumn(change.difference, table))
  const calls = widened.length > 0 ? await protectCalls(change.migrationsDir) : new Map<string, string>()
  return [
    ...fresh.map(({ table }) => `${NEW_TABLE_COMMENT}\n${protectCall(table)}`),
    ...widened.map(({ table }) => `${NEW_COLUMN_COMMENT}\n${calls.get(table) ?? protectCall(table)}`),
  ]
}

const NEW_TABLE_COMMENT = [
  `-- The walls: row-level security, and the runtime role's rights. writers: the permissions of which one is needed to write.`,
  '-- A table whose rows never change: append_only => true. Columns that never do: frozen => the list of them.',
].join('\n')
const NEW_COLUMN_COMMENT = '-- The right to update is granted column by column: again, for the new one.'

/** Writable with the permission of the table's own name, until the author changes it. */
function protectCall(table: string): string {
  return `SELECT app.protect('${table}', writers => '{${table}:write}');`
}

function gainsColumn(difference: string, table: string): boolean {
  return new RegExp(`ALTER TABLE "${table}"[^;]*ADD COLUMN`).test(difference)
}

/** Table → its newest `app.protect` call, as written: repeated without its options it would widen a role's rights. */
async function protectCalls(migrationsDir: string): Promise<Map<string, string>> {
  const calls = new Map<string, string>()
  for (const name of await migrationNames(migrationsDir)) {
    const sql = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8')
    for (const [call, table = ''] of sql.matchAll(/^SELECT app\.protect\('(\w+)'[^;]*\);/gm))
      calls.set(table, call)
  }
  return calls
}

function refuseSchema(cause: unknown): never {
  if (!(cause instanceof Error)) throw cause
  throw new AppError('BAD_USER_INPUT', `Prisma refuses the schema.\n${cause.message}`, {}, { cause })
}
