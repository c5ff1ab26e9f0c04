// Puts the migrations of the walls, and of the write pipeline, into the folder of a project that has a Prisma schema of its own.
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../../core/clock.ts'
import { migrationNames, refuseOutOfOrder, timestamp } from './migration-names.ts'

const OWN_MIGRATIONS = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url))

/** In the order in which they are applied: app.tenant_id, the roles and their like, then app.protect. */
const WALLS = ['20261201040000_walls', '20261201040010_protect'] as const

/**
 * Copies those that `migrationsDir` lacks, with the lock file of Prisma's migrations, and returns their names. Run it again
 * after an update of the package.
 */
export async function addWalls(migrationsDir: string): Promise<string[]> {
  await mkdir(migrationsDir, { recursive: true })
  const there = new Set(await readdir(migrationsDir))
  const missing = WALLS.filter((name) => !there.has(name))
  for (const name of missing)
    await cp(join(OWN_MIGRATIONS, name), join(migrationsDir, name), { recursive: true })
  if (!there.has(LOCK)) await cp(join(OWN_MIGRATIONS, LOCK), join(migrationsDir, LOCK))
  return missing
}

const LOCK = 'migration_lock.toml'

/** The tables and functions of the write pipeline (idempotency keys, the audit, events), and the words of text search. */
const COMMANDS = [
  '20261201040020_commands',
  '20261201040030_command_results',
  '20261201120010_search',
  '20261201140000_commands_in_one_statement',
] as const
const COMMANDS_SUFFIX = '_bulkhead_commands'

/**
 * Writes the migration of the write pipeline, which commands of `bulkhead/graphql` need, and returns its name; null where
 * there is one. It comes after those that are there, which may be applied already. Needs those of addWalls.
 */
export async function addCommands(migrationsDir: string, now: Clock = systemClock): Promise<string | null> {
  const there = await migrationNames(migrationsDir)
  if (there.some(isOfCommands)) return null
  const name = `${timestamp(now())}${COMMANDS_SUFFIX}`
  const directory = join(migrationsDir, name)
  await refuseOutOfOrder(directory, migrationsDir)
  const texts = COMMANDS.map((own) => readFile(join(OWN_MIGRATIONS, own, 'migration.sql'), 'utf8'))
  const sql = (await Promise.all(texts)).join('\n')
  await mkdir(directory)
  await writeFile(join(directory, 'migration.sql'), sql, { flag: 'wx' })
  return name
}

function isOfCommands(name: string): boolean {
  return name.endsWith(COMMANDS_SUFFIX)
}

/** Whether a migration is one of these, which make no table of a schema. */
export function isOfWalls(name: string): boolean {
  return isOfCommands(name) || WALLS.some((own) => own === name)
}
