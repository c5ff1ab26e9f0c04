// Upgrades databases from before the migrations were squashed: a database with the whole former series gets the
// difference to the present one, recorded as applied; any other is refused. Remove when no such database is left.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'

/** Every migration of the former series, in order. */
const FORMER_SERIES: readonly string[] = [
  '20261124000001_walls',
  '20261124000002_shop',
  '20261124000003_jobs',
  '20261124000004_money',
  '20261124000005_security',
  '20261124000006_erasure',
  '20261130230500_policies_name_the_tenant',
  '20261130231000_authority',
  '20261130234200_order_sums',
  '20261130234900_one_identity',
  '20261130234901_mail_bound',
  '20261130235000_tenant_file',
  '20261130235100_demo_tenants_and_slugs',
  '20261130235200_exports_kept',
  '20261130235900_events_as_signed',
  '20261201000700_writing_is_not_reading',
  '20261201003400_frozen_orders',
  '20261201003500_manual_money',
  '20261201004300_provider_secrets_end',
  '20261201010500_addresses_as_mailed',
  '20261201010600_asked_before_a_tenant',
  '20261201011000_kept_keys',
  '20261201034800_disputes',
]
const LAST_FORMER = FORMER_SERIES.at(-1) ?? ''

/** The first and the last migration into which the former series was squashed. */
const FIRST_SQUASHED = '20261201040000_walls'
const LAST_SQUASHED = '20261201040240_shop_tenants'

/**
 * The squashed migrations that differ from the former series: they are run. The objects of the others exist already.
 */
const RUN: readonly string[] = [
  '20261201040010_protect',
  '20261201040030_command_results',
  '20261201040110_desk_tenant_hooks',
  '20261201040170_desk_retained',
  LAST_SQUASHED,
]

/** What those recreate. Nothing depends on it, since function bodies are resolved when they are called. */
const DROP_REPLACED = `
  DROP FUNCTION app.protect(regclass, boolean, text[]), app.set_policies(regclass, text[]),
    app.leave_result(jsonb), app.command_result(), app.create_tenant(uuid, text, text, text),
    app.erase_rows(text, bigint), app.retained_columns(text)`

/**
 * Data that app.protect did not record then: the frozen columns of tables where the runtime role may update only some.
 */
const NOTE_FROZEN_COLUMNS = `
  INSERT INTO app.frozen_columns (relation, column_names)
  SELECT a.attrelid, array_agg(a.attname ORDER BY a.attnum)
  FROM pg_policy p JOIN pg_attribute a ON a.attrelid = p.polrelid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE p.polname = 'tenant_insert' AND a.attname <> 'tenant_id'
    AND has_any_column_privilege('bulkhead_runtime', a.attrelid, 'UPDATE')
    AND NOT has_column_privilege('bulkhead_runtime', a.attrelid, a.attnum, 'UPDATE')
  GROUP BY a.attrelid`

const RECORD_AS_APPLIED = `
  INSERT INTO public._prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
  VALUES (gen_random_uuid()::text, $1, $2, now(), now(), 1)`

/**
 * Upgrades a database of the former series in one transaction; returns the names of the migrations that were run. Does
 * nothing to any other database. `owner` holds the migration locks. Throws SERVICE_UNAVAILABLE for one with only a part
 * of the former series.
 */
export async function takeOverFormerSeries(
  owner: pg.Client,
  migrationsDir: string,
  logger: Logger,
): Promise<string[]> {
  const { rows: found } = await owner.query(
    `SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS exists`,
  )
  if (found[0]?.exists !== true) return []
  const { rows } = await owner.query<{ name: string; is_done: boolean }>(
    `SELECT migration_name AS name, finished_at IS NOT NULL AS is_done
     FROM public._prisma_migrations WHERE rolled_back_at IS NULL`,
  )
  const done = new Set(rows.filter(({ is_done }) => is_done).map(({ name }) => name))
  const begun = rows.filter(({ name }) => FORMER_SERIES.includes(name))
  if (begun.length === 0 || done.has(FIRST_SQUASHED)) return []
  const missing = FORMER_SERIES.filter((name) => !done.has(name))
  if (missing.length > 0) throw tooOld(missing)
  await owner.query('BEGIN')
  try {
    await owner.query(DROP_REPLACED)
    for (const { name, sql, checksum } of await readSquashed(migrationsDir)) {
      if (RUN.includes(name)) await owner.query(sql)
      await owner.query(RECORD_AS_APPLIED, [checksum, name])
    }
    await owner.query(NOTE_FROZEN_COLUMNS)
    await owner.query('COMMIT')
  } catch (error) {
    await owner.query('ROLLBACK')
    throw error
  }
  logger.info({ applied: RUN }, 'the database was taken over from the series of migrations before the squash')
  return [...RUN]
}

/** Whether a recorded migration belongs to the squashed ones. */
export function isFormer(name: string): boolean {
  return FORMER_SERIES.includes(name)
}

/** The migration of the present series with the same schema: the squash changed no tenant's table. */
export function presentName(name: string): string {
  return name === LAST_FORMER ? LAST_SQUASHED : name
}

function tooOld(missing: readonly string[]): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `This database lacks ${missing.length} of the ${FORMER_SERIES.length} migrations that were squashed into one series ` +
      `(the first: ${missing[0]}), which only the release before this one can apply: start that release on it once, ` +
      'then this one. Nothing was changed.',
    { missing },
  )
}

async function readSquashed(
  migrationsDir: string,
): Promise<{ name: string; sql: string; checksum: string }[]> {
  const names = (await readdir(migrationsDir)).filter(
    (name) => name >= FIRST_SQUASHED && name <= LAST_SQUASHED,
  )
  return Promise.all(
    names.toSorted().map(async (name) => {
      const sql = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}
