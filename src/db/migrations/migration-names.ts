// The names of migrations in their folder, which begin with the time of writing.
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../core/errors.ts'

export async function migrationNames(migrationsDir: string): Promise<string[]> {
  await mkdir(migrationsDir, { recursive: true })
  const entries = await readdir(migrationsDir, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted()
}

/**
 * Throws BAD_USER_INPUT for a new migration that would sort before an older one: migrations run in the order of their names, and
 * it would break every new database.
 */
export async function refuseOutOfOrder(directory: string, migrationsDir: string): Promise<void> {
  const newest = (await migrationNames(migrationsDir)).at(-1)
  if (newest === undefined || directory > join(migrationsDir, newest)) return
  throw new AppError(
    'BAD_USER_INPUT',
    `The new migration would sort before the newest one, ${newest}. Is this machine's clock behind? Otherwise wait a second.`,
    { newest },
  )
}

/** YYYYMMDDHHMMSS, UTC. */
export function timestamp(now: Date): string {
  return now.toISOString().replaceAll(/\D/g, '').slice(0, 14)
}
