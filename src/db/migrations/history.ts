// Compares a database's applied migrations with the folder.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { isFormer } from './former-series.ts'

/** Name → SHA-256 of its script, in hexadecimal. */
type Migrations = ReadonlyMap<string, string>

/**
 * Throws SERVICE_UNAVAILABLE for an applied migration whose file was changed or is missing, and for a new one that
 * sorts before an applied one: each by name, with advice, in one message. Migrations of a later version are only
 * logged: this version may run beside it, or again after it. Changes nothing.
 */
export async function checkHistory(owner: pg.Client, migrationsDir: string, logger: Logger): Promise<void> {
  const applied = await readApplied(owner)
  const files = await readFiles(migrationsDir)
  const newest = [...files.keys()].at(-1) ?? ''
  const missing = [...applied.keys()].filter((name) => !files.has(name) && !isFormer(name))
  const later = missing.filter((name) => name > newest)
  if (later.length > 0) logger.warn({ later }, 'the database has migrations of a later version')
  const problems = [
    ...[...files].flatMap(([name, checksum]) => changed(name, checksum, applied.get(name))),
    ...missing.filter((name) => name < newest).map(lost),
    ...outOfOrder(applied, files),
  ]
  if (problems.length === 0) return
  const list = problems.map((problem) => `\n  ${problem}`).join('')
  const message = `The migrations of ${migrationsDir} are not those that this database has had, so none was applied:${list}`
  throw new AppError('SERVICE_UNAVAILABLE', message)
}

function changed(name: string, checksum: string, appliedChecksum: string | undefined): string[] {
  if (appliedChecksum === undefined || appliedChecksum === checksum) return []
  return [
    `${name} was changed after it was applied. Restore the file from version control, and put the change into a new ` +
      'migration (npm run db:migration -- NAME --empty). If the change makes no difference to the database, record it: ' +
      `bulkhead psql -- -c "UPDATE public._prisma_migrations SET checksum = '${checksum}' WHERE migration_name = '${name}'"`,
  ]
}

function lost(name: string): string {
  return (
    `${name} was applied and is not in the folder. Restore it from version control. If what it made was undone by hand, ` +
    `remove its record: bulkhead psql -- -c "DELETE FROM public._prisma_migrations WHERE migration_name = '${name}'"`
  )
}

function outOfOrder(applied: Migrations, files: Migrations): string[] {
  const last = [...applied.keys()].filter((name) => files.has(name)).at(-1) ?? ''
  return [...files.keys()]
    .filter((name) => !applied.has(name) && name < last)
    .map(
      (name) =>
        `${name} is not applied and sorts before ${last}, which is. A new database would run them in another order than ` +
        `this one: rename its folder to a time after ${last.slice(0, TIMESTAMP_LENGTH)}`,
    )
}

const TIMESTAMP_LENGTH = 'YYYYMMDDHHMMSS'.length

async function readApplied(owner: pg.Client): Promise<Migrations> {
  const { rows: found } = await owner.query(
    `SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS exists`,
  )
  if (found[0]?.exists !== true) return new Map()
  const { rows } = await owner.query<{ name: string; checksum: string }>(
    `SELECT migration_name AS name, checksum FROM public._prisma_migrations
     WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name COLLATE "C"`,
  )
  return new Map(rows.map(({ name, checksum }) => [name, checksum]))
}

async function readFiles(migrationsDir: string): Promise<Migrations> {
  const entries = await readdir(migrationsDir, { withFileTypes: true })
  const names = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted()
  const files = await Promise.all(
    names.map(async (name): Promise<[string, string]> => {
      const sql = await readFile(join(migrationsDir, name, 'migration.sql'))
      return [name, createHash('sha256').update(sql).digest('hex')]
    }),
  )
  return new Map(files)
}
