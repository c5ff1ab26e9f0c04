// Upgrades an installation from before the migrations were squashed. The fixture is a plain dump of one with the whole
// former series: two demo tenants with 72 orders, and a third with rows in every table. On the embedded PostgreSQL and,
// where installed, on version 15.
import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { openDatabase } from '../../../src/db/database.ts'
import { examine } from '../../../src/db/doctor/doctor.ts'
import { presentName } from '../../../src/db/migrations/former-series.ts'
import { migrate } from '../../../src/db/migrations/migrate.ts'
import { verifyTenant } from '../../../src/integrity/verify.ts'
import { HAS_POSTGRES_15, startPostgres15 } from '../../db/debian-postgres.ts'
import { asAdmin } from '../../support/cluster.ts'
import { rowChecks } from '../../support/integrity.ts'
import { withDatabase, withRole } from '../../support/urls.ts'

const DUMP = new URL('fixtures/former-series.sql.gz', import.meta.url)
const MIGRATIONS = new URL('../../../prisma/migrations', import.meta.url)
const LAST_FORMER = '20261201034800_disputes'
const RUN = [
  '20261201040010_protect',
  '20261201040030_command_results',
  '20261201040110_desk_tenant_hooks',
  '20261201040170_desk_retained',
  '20261201040240_shop_tenants',
]
/** The later migrations, which every installation applies. */
const SINCE = readdirSync(MIGRATIONS)
  .filter((name) => /^\d/.test(name) && name > (RUN.at(-1) ?? ''))
  .toSorted()
const ROLES = ['bulkhead_owner', 'bulkhead_runtime', 'bulkhead_worker'] as const
const logger = createLogger('fatal')

/** The definitions of the schemas app and public as lines of text; columns in order. */
const CATALOGUE = `
  WITH ours AS (SELECT c.* FROM pg_class c WHERE c.relnamespace IN ('app'::regnamespace, 'public'::regnamespace))
  SELECT format('%s %s rls %s %s %s owner %s %s', relkind, c.oid::regclass, relrowsecurity, relforcerowsecurity, reloptions,
    relowner::regrole, (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(coalesce(relacl, acldefault('r', relowner))) x)) AS line FROM ours c
  UNION ALL SELECT format('%s column %s %s %s %s %s %s', a.attrelid::regclass, row_number() OVER (PARTITION BY attrelid ORDER BY attnum),
    attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid),
    (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(attacl) x))
    FROM ours c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND relkind = 'r'
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  UNION ALL SELECT format('%s constraint %s %s %s', conrelid::regclass, conname, convalidated, pg_get_constraintdef(k.oid))
    FROM ours c JOIN pg_constraint k ON conrelid = c.oid
  UNION ALL SELECT format('index %s %s', pg_get_indexdef(c.oid), indisvalid) FROM ours c JOIN pg_index ON indexrelid = c.oid
  UNION ALL SELECT format('policy %s %s %s %s %s %s', polrelid::regclass, polname, polcmd, polroles::regrole[],
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
  UNION ALL SELECT format('function %s %s %s', p.oid::regprocedure, pg_get_functiondef(p.oid),
    (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(proacl) x)) FROM pg_proc p WHERE pronamespace = 'app'::regnamespace
  UNION ALL SELECT format('trigger %s %s', pg_get_triggerdef(t.oid), tgenabled)
    FROM ours c JOIN pg_trigger t ON tgrelid = c.oid AND NOT tgisinternal
  UNION ALL SELECT format('enum %s %s', enumtypid::regtype, array_agg(enumlabel ORDER BY enumsortorder)) FROM pg_enum
    GROUP BY enumtypid
  UNION ALL SELECT format('schema %s %s %s', nspname, nspowner::regrole, nspacl) FROM pg_namespace WHERE nspname = 'app'
  UNION ALL SELECT format('row of tasks %s', t) FROM app.tasks t
  UNION ALL SELECT format('row of hooks %s', h) FROM app.tenant_hooks h
  UNION ALL SELECT format('row of retained %s', r) FROM app.retained r
  UNION ALL SELECT format('row of frozen columns %s', f) FROM app.frozen_columns f`

type Installation = { ownerUrl: string; runtimeUrl: string; workerUrl: string; adminUrl: string }

describe.each([
  { version: 'the embedded PostgreSQL', missing: false },
  { version: 'PostgreSQL 15', missing: !HAS_POSTGRES_15 },
])('an installation of the former series, on $version,', ({ version, missing }) => {
  let adminUrl: string
  let stop: () => Promise<void> = async () => {}
  let urlOf: (role: (typeof ROLES)[number]) => string
  let template: Installation
  const made: string[] = []

  beforeAll(async () => {
    if (missing) return
    await startServer()
    template = await install()
    const dump = gunzipSync(await readFile(DUMP)).toString()
    await asAdmin(template.adminUrl, (admin) => admin.query(dump))
  }, 60_000)

  async function startServer(): Promise<void> {
    if (version === 'PostgreSQL 15') {
      ;({ adminUrl, stop } = await startPostgres15())
      urlOf = (role) => withRole(adminUrl, role, 'secret')
      await asAdmin(adminUrl, async (admin) => {
        for (const role of ROLES) await admin.query(`CREATE ROLE ${role} LOGIN`)
      })
      return
    }
    const cluster = inject('cluster')
    adminUrl = cluster.adminUrl
    urlOf = (role) =>
      ({
        bulkhead_owner: cluster.ownerUrl,
        bulkhead_runtime: cluster.runtimeUrl,
        bulkhead_worker: cluster.workerUrl,
      })[role]
  }
  afterAll(async () => {
    for (const name of made)
      await asAdmin(adminUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`))
    await stop()
  })

  /** An empty database; or a copy of another. */
  async function install(source = 'template0'): Promise<Installation> {
    const name = `former_series_${randomUUID().replaceAll('-', '')}`
    await asAdmin(adminUrl, (admin) =>
      admin.query(`CREATE DATABASE ${name} TEMPLATE ${source} OWNER bulkhead_owner`),
    )
    made.push(name)
    const at = (role: (typeof ROLES)[number]) => withDatabase(urlOf(role), name)
    return {
      ownerUrl: at('bulkhead_owner'),
      runtimeUrl: at('bulkhead_runtime'),
      workerUrl: at('bulkhead_worker'),
      adminUrl: withDatabase(adminUrl, name),
    }
  }
  const former = () => install(new URL(template.adminUrl).pathname.slice(1))
  const ask = <Row extends pg.QueryResultRow>({ adminUrl }: Installation, sql: string) =>
    asAdmin(adminUrl, async (admin) => (await admin.query<Row>(sql)).rows)

  const catalogueOf = async (installation: Installation) =>
    asAdmin(installation.adminUrl, async (admin) => {
      await admin.query('SET search_path = pg_catalog')
      // A dump writes a AND (b AND c) as it is parsed again: a AND b AND c.
      return (await admin.query<{ line: string }>(CATALOGUE)).rows
        .map(({ line }) => (line.includes(' constraint ') ? line.replaceAll(/[()]/g, '') : line))
        .toSorted()
    })

  /** Columns that a later migration has renamed. */
  const RENAMED: Readonly<Record<string, string>> = { 'refunds.reason': 'note' }

  /** Table → its columns, in their order. */
  async function columnsOf({ adminUrl }: Installation): Promise<Record<string, string[]>> {
    const { rows } = await asAdmin(adminUrl, (admin) =>
      admin.query<{ name: string; columns: string[] }>(
        `SELECT attrelid::regclass::text AS name, array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute
         WHERE attnum > 0 AND NOT attisdropped GROUP BY attrelid`,
      ),
    )
    return Object.fromEntries(rows.map(({ name, columns }) => [name, columns]))
  }

  /**
   * Table → row count, and a hash of all rows: as text in a form that does not depend on the database's settings.
   * `columns`: which of them count, by table; default: all.
   */
  async function rowsOf(
    { adminUrl }: Installation,
    columns: Record<string, string[]> = {},
  ): Promise<Record<string, string>> {
    return asAdmin(adminUrl, async (admin) => {
      await admin.query(
        `SET timezone = 'UTC'; SET datestyle = 'ISO'; SET bytea_output = 'hex'; SET extra_float_digits = 1`,
      )
      const { rows: tables } = await admin.query<{ name: string }>(
        `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND oid::regclass::text <> '_prisma_migrations'
           AND relnamespace IN ('app'::regnamespace, 'public'::regnamespace, 'graphile_worker'::regnamespace)`,
      )
      const sums: Record<string, string> = {}
      for (const { name } of tables) {
        const row = columns[name]?.map((column) => `t."${RENAMED[`${name}.${column}`] ?? column}"`)
        const text = row === undefined ? 't' : `ROW(${row.join(', ')})`
        const { rows } = await admin.query<{ sum: string }>(
          `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(${text}::text, 0)), 0) AS sum FROM ${name} t`,
        )
        sums[name] = rows[0]?.sum ?? ''
      }
      return sums
    })
  }

  const run = ({ ownerUrl, runtimeUrl, workerUrl }: Installation, migrationsDir?: string) =>
    migrate({ ownerUrl, runtimeUrl, workerUrl, logger, ...(migrationsDir && { migrationsDir }) })

  describe('when all of it was applied,', () => {
    let upgraded: Installation
    let fresh: Installation
    let before: Record<string, string>
    let columns: Record<string, string[]>
    let applied: string[]
    beforeAll(async () => {
      if (missing) return
      upgraded = await former()
      columns = await columnsOf(upgraded)
      before = await rowsOf(upgraded)
      ;({ applied } = await run(upgraded))
      fresh = await install()
      await run(fresh)
    }, 60_000)

    it.skipIf(missing)('runs what is new and nothing else, once', async () => {
      expect(applied).toEqual([...RUN, ...SINCE])
      expect((await run(upgraded)).applied).toEqual([])
    })

    it.skipIf(missing)('keeps every row as it is', async () => {
      const after = await rowsOf(upgraded, columns)
      expect(Object.keys(before).length).toBeGreaterThan(35)
      expect(before.orders).toMatch(/^7\d /)
      expect(Object.values(before).filter((sum) => sum.startsWith('0 ')).length).toBeLessThan(10)
      expect(after).toMatchObject(before)
      expect(Object.keys(after).toSorted()).toEqual(Object.keys(await rowsOf(fresh)).toSorted())
    })

    it.skipIf(missing)('has the same catalogue as a new installation', async () => {
      const catalogue = await catalogueOf(upgraded)
      expect(catalogue.length).toBeGreaterThan(800)
      expect(catalogue).toEqual(await catalogueOf(fresh))
    })

    it.skipIf(missing)('records the present series as Prisma’s own command line would', async () => {
      const records = `SELECT migration_name, checksum, applied_steps_count, finished_at IS NOT NULL AS is_done
        FROM _prisma_migrations WHERE migration_name > '${LAST_FORMER}' ORDER BY migration_name`
      expect(await ask(upgraded, records)).toEqual(await ask(fresh, records))
    })

    it.skipIf(missing)('passes the doctor, and every check of verify', async () => {
      expect((await examine(upgraded.runtimeUrl)).filter(({ level }) => level === 'error')).toEqual([])
      const database = openDatabase({
        url: upgraded.runtimeUrl,
        poolMax: 2,
        namedStatements: true,
        logger,
      })
      const tenants = await ask<{ id: string; slug: string }>(
        upgraded,
        'SELECT id, slug FROM app.tenant_directory WHERE is_demo',
      )
      expect(tenants).toHaveLength(2)
      try {
        for (const { id, slug } of tenants) {
          const tenant = { database, scope: { tenantId: id }, clock: systemClock, tenantSlug: slug }
          const report = await verifyTenant(tenant, rowChecks())
          expect(report.checks.filter(({ ok }) => !ok)).toEqual([])
          expect(report.checks.length).toBeGreaterThan(5)
        }
      } finally {
        await database.close()
      }
    })

    it.skipIf(missing)('makes tenants whose shop is open', async () => {
      const id = randomUUID()
      await asAdmin(upgraded.ownerUrl, (owner) =>
        owner.query(`SELECT app.create_tenant($1, 'newcomer', 'Newcomer', 'USD')`, [id]),
      )
      const counted = await ask(
        upgraded,
        `SELECT (SELECT count(*)::int FROM ledger_accounts WHERE tenant_id = '${id}') AS accounts,
           (SELECT count(*)::int FROM tenant_counters WHERE tenant_id = '${id}') AS counters`,
      )
      expect(counted).toEqual([{ accounts: 8, counters: 1 }])
    })
  })

  it.skipIf(missing)('is taken over by one of two processes that start at once', async () => {
    const installation = await former()
    const results = await Promise.all([run(installation), run(installation)])
    expect(results.flatMap(({ applied }) => applied)).toEqual([...RUN, ...SINCE])
  })

  it.skipIf(missing)('is left as it was when that fails, and taken over at the next start', async () => {
    const installation = await former()
    const migrationsDir = await mkdtemp(join(tmpdir(), 'bulkhead-former-series-'))
    try {
      await cp(MIGRATIONS, migrationsDir, { recursive: true })
      await writeFile(join(migrationsDir, RUN.at(-1) ?? '', 'migration.sql'), 'SELECT 1 / 0')
      await expect(run(installation, migrationsDir)).rejects.toThrow('division by zero')
    } finally {
      await rm(migrationsDir, { recursive: true })
    }
    const [left] = await ask(
      installation,
      `SELECT to_regprocedure('app.leave_result(jsonb)') IS NOT NULL AS has_former, to_regclass('app.retained') AS has_present,
         (SELECT max(migration_name) FROM _prisma_migrations) AS newest`,
    )
    expect(left).toEqual({ has_former: true, has_present: null, newest: LAST_FORMER })
    expect((await run(installation)).applied).toEqual([...RUN, ...SINCE])
  })

  it.skipIf(missing).each([
    ['lacks the last migration', `DELETE FROM _prisma_migrations WHERE migration_name = '${LAST_FORMER}'`],
    [
      'did not finish one',
      `UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '${LAST_FORMER}'`,
    ],
  ])('that %s is refused in one line, and nothing is changed', async (_, sql) => {
    const installation = await former()
    await ask(installation, sql)
    const before = await rowsOf(installation)
    await expect(run(installation)).rejects.toThrow(
      /^This database lacks 1 of the 23 migrations .*20261201034800_disputes.* start that release on it once, then this one\. Nothing was changed\.$/,
    )
    expect(await rowsOf(installation)).toEqual(before)
  })
})

it('a file exported by the former series’ last release can be restored', () => {
  expect(presentName(LAST_FORMER)).toBe('20261201040240_shop_tenants')
  expect(presentName('20261201011000_kept_keys')).toBe('20261201011000_kept_keys')
  expect(presentName('20300101000000_later')).toBe('20300101000000_later')
})
