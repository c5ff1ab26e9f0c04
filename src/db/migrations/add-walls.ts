// Puts the migrations of the walls into the folder of a project that has a Prisma schema of its own.
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

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

/** Whether a migration is one of these, which make no table of a schema. */
export function isOfWalls(name: string): boolean {
  return WALLS.some((own) => own === name)
}
