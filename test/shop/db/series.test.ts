// The series of migrations: each module makes its own tables and changes no other's; the desk needs no shop; and the
// modules' rows in the general tables are valid.
import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { examine } from '../../../src/db/doctor/doctor.ts'
import { migrate } from '../../../src/db/migrations/migrate.ts'
import { asAdmin } from '../../support/cluster.ts'
import {
  asOwner,
  createEmptyDatabase,
  createTestDatabase,
  type TestDatabase,
} from '../../support/database.ts'

/** Later migrations may change anything, under any name. */
const LAST_SQUASHED = '20261201040240_shop_tenants'
const MIGRATIONS = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url))
/** Tables to which modules add rows. */
const REGISTRIES = ['app.tasks', 'app.tenant_hooks', 'app.retained']
const isShop = (name: string) => /^\d{14}_shop_/.test(name)
const moduleOf = (name: string) => /^\d{14}_(desk|shop)_/.exec(name)?.[1] ?? 'walls'

const TABLE_MADE = /^CREATE TABLE "?([\w.]+)"?/gm
const TABLE_TOUCHED =
  /^(?:ALTER TABLE|INSERT INTO|UPDATE|DELETE FROM|SELECT app\.protect\(|CREATE (?:UNIQUE )?INDEX \S+ ON|CREATE TRIGGER [^;]*? ON|CREATE CONSTRAINT TRIGGER [^;]*? ON) ?["']?([\w.]+)/gm

/** Of the series, and the text of these and of all later ones. */
let names: string[]
let scripts: Map<string, string>
beforeAll(async () => {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true })
  const all = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted()
  names = all.filter((name) => name <= LAST_SQUASHED)
  const read = all.map(
    async (name) => [name, await readFile(join(MIGRATIONS, name, 'migration.sql'), 'utf8')] as const,
  )
  scripts = new Map(await Promise.all(read))
})

const namesIn = (name: string, pattern: RegExp) =>
  [...(scripts.get(name) ?? '').matchAll(pattern)].map(([, found = '']) => found)

describe('the series', () => {
  it('is walls, then desk, then shop, and no module touches another’s tables', () => {
    const order = names.map(moduleOf)
    expect([...new Set(order)]).toEqual(['walls', 'desk', 'shop'])
    const madeBy = new Map(
      names.flatMap((name) => namesIn(name, TABLE_MADE).map((table) => [table, moduleOf(name)])),
    )
    expect(madeBy.size).toBeGreaterThan(30)
    const strays = names.flatMap((name) =>
      namesIn(name, TABLE_TOUCHED)
        .filter((table) => madeBy.get(table) !== moduleOf(name) && !REGISTRIES.includes(table))
        .map((table) => `${name} touches ${table}`),
    )
    expect(strays).toEqual([])
  })

  it('defines every function once', () => {
    const defined = names.flatMap((name) => namesIn(name, /^CREATE (?:OR REPLACE )?FUNCTION (app\.\w+)/gm))
    expect(defined.length).toBeGreaterThan(40)
    expect(defined.filter((name, at) => defined.indexOf(name) !== at)).toEqual([])
  })
})

describe('the desk without the shop', () => {
  let database: TestDatabase
  let migrationsDir: string
  beforeAll(async () => {
    migrationsDir = await mkdtemp(join(tmpdir(), 'bulkhead-desk-'))
    for (const name of names.filter((name) => !isShop(name)))
      await cp(join(MIGRATIONS, name), join(migrationsDir, name), { recursive: true })
    database = await createEmptyDatabase()
    const { ownerUrl, runtimeUrl, workerUrl } = database
    await migrate({ ownerUrl, runtimeUrl, workerUrl, migrationsDir, logger: createLogger('fatal') })
  }, 60_000)
  afterAll(async () => {
    await database?.drop()
    await rm(migrationsDir, { recursive: true, force: true })
  })

  it('passes the doctor', async () => {
    const errors = (await examine(database.runtimeUrl)).filter(({ level }) => level === 'error')
    expect(errors).toEqual([])
  })

  it('makes a tenant, and erases it', async () => {
    const id = randomUUID()
    await asAdmin(database.ownerUrl, async (owner) => {
      await owner.query(`SELECT app.create_tenant($1, 'acme', 'Acme', 'USD')`, [id])
      await owner.query(
        `BEGIN; SELECT set_config('app.tenant_id', '${id}', true);
         INSERT INTO members (id, email, name, role) VALUES (gen_random_uuid(), 'owner@acme.example', 'Owner', 'OWNER'); COMMIT`,
      )
      // The column keeps milliseconds: now() itself may be rounded up, and not be due yet.
      await owner.query(
        `UPDATE app.tenant_directory
         SET status = 'SUSPENDED', erase_at = now() - interval '1 second', erase_requested_by = 'PLATFORM'`,
      )
      const step = async () =>
        (await owner.query<{ state: string }>('SELECT app.erase_step($1, 100) AS state', [id])).rows[0]?.state
      expect(await step()).toBe('WAITING')
      await owner.query(`UPDATE app.tenant_directory SET erasure_started_at = now() - interval '1 minute'`)
      expect([await step(), await step()]).toEqual(['ERASING', 'ERASED'])
      const { rows } = await owner.query('SELECT row_counts FROM app.erased_tenants')
      expect(rows).toEqual([{ row_counts: { members: 1, tenants: 1 } }])
    })
  })

  it('has no function that names a table of the shop', async () => {
    const shop = names.filter(isShop).flatMap((name) => namesIn(name, TABLE_MADE))
    expect(shop).toContain('orders')
    const named = await asAdmin(database.adminUrl, (admin) =>
      admin.query(
        `SELECT p.proname, t.name FROM pg_proc p, unnest($1::text[]) AS t (name)
         WHERE p.pronamespace = 'app'::regnamespace AND pg_get_functiondef(p.oid) ~ ('\\m' || t.name || '\\M')`,
        [shop],
      ),
    )
    expect(named.rows).toEqual([])
  })
})

describe('in a database of the whole series,', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database?.drop())

  it('the rules of retained records name existing columns', async () => {
    const { rows } = await asAdmin(database.adminUrl, (admin) =>
      admin.query<{ table_name: string; name: string; is_there: boolean }>(
        `SELECT r.table_name, name, EXISTS (SELECT FROM pg_attribute a
           WHERE a.attrelid = to_regclass('public.' || r.table_name) AND a.attname = name AND NOT attisdropped) AS is_there
         FROM app.retained r, unnest(r.columns) name`,
      ),
    )
    expect(rows.length).toBeGreaterThan(30)
    expect(rows.filter(({ is_there }) => !is_there)).toEqual([])
  })

  it('the hooks for a new tenant are existing functions that no other role may call', async () => {
    const { rows } = await asAdmin(database.adminUrl, (admin) =>
      admin.query(
        `SELECT function_name, to_regprocedure(format('app.%I()', function_name)) IS NOT NULL AS is_there,
           has_function_privilege('bulkhead_runtime', format('app.%I()', function_name), 'EXECUTE') AS is_granted
         FROM app.tenant_hooks`,
      ),
    )
    expect(rows).toEqual([{ function_name: 'open_shop', is_there: true, is_granted: false }])
  })

  describe('app.protect called again', () => {
    /** The runtime role's rights on each table and column. */
    const rights = async (client: pg.Client) => {
      const { rows } = await client.query<{ line: string }>(
        `SELECT format('%s %s %s', a.attrelid::regclass, a.attname, privilege) AS line
         FROM pg_policy p JOIN pg_attribute a ON a.attrelid = p.polrelid AND a.attnum > 0 AND NOT a.attisdropped,
           unnest('{SELECT,INSERT,UPDATE}'::text[]) privilege
         WHERE p.polname = 'tenant_insert' AND has_column_privilege('bulkhead_runtime', a.attrelid, a.attnum, privilege)
         UNION ALL
         SELECT format('%s DELETE', polrelid::regclass) FROM pg_policy
         WHERE polname = 'tenant_insert' AND has_table_privilege('bulkhead_runtime', polrelid, 'DELETE') ORDER BY 1`,
      )
      return rows.map(({ line }) => line)
    }
    const mayUpdate = async (client: pg.Client, table: string) =>
      (await rights(client)).flatMap((line) => new RegExp(`^${table} (\\w+) UPDATE$`).exec(line)?.[1] ?? [])

    const undone = async (work: (client: pg.Client) => Promise<void>) => {
      const undo = new Error('undo')
      await expect(
        asOwner(database, null, async (client) => {
          await work(client)
          throw undo
        }),
      ).rejects.toBe(undo)
    }

    it.each([
      ['as the migrations call it', (call: string) => call],
      ['without its frozen columns', (call: string) => call.replace(/,\s*frozen => '[^']*'/, '')],
      [
        'with nothing but the table',
        (call: string) => call.replace(/\('(\w+)'(, append_only => true)?.*\)/s, "('$1'$2)"),
      ],
    ])('%s gives and takes no right', async (_, form) => {
      /** Table → its newest call. */
      const calls = new Map(
        [...scripts.values()].flatMap((sql) =>
          [...sql.matchAll(/^SELECT app\.protect\('(\w+)'[^;]*\);/gm)].map(([call, table]) => [table, call]),
        ),
      )
      expect(calls.size).toBeGreaterThan(25)
      await undone(async (client) => {
        const before = await rights(client)
        for (const call of calls.values()) await client.query(form(call))
        expect(await rights(client)).toEqual(before)
      })
    })

    it('gives the right to update a new column, and to no frozen one', async () => {
      await undone(async (client) => {
        const before = await mayUpdate(client, 'orders')
        expect(before).not.toContain('total_minor')
        await client.query(`ALTER TABLE orders ADD COLUMN note text; SELECT app.protect('orders')`)
        expect((await mayUpdate(client, 'orders')).toSorted()).toEqual([...before, 'note'].toSorted())
      })
    })

    it('freezes the given columns, and thaws the rest', async () => {
      await undone(async (client) => {
        await client.query(`SELECT app.protect('customers', frozen => '{email}')`)
        expect(await mayUpdate(client, 'customers')).not.toContain('email')
        await client.query(`SELECT app.protect('customers', frozen => '{}')`)
        expect(await mayUpdate(client, 'customers')).toContain('email')
      })
    })

    it.each([
      [
        'renamed, so that it does not thaw',
        `ALTER TABLE orders RENAME COLUMN buyer TO bought_by; SELECT app.protect('orders')`,
      ],
      ['not there', `SELECT app.protect('orders', frozen => '{buyer,byuer}')`],
    ])('refuses a frozen column that is %s', async (_, sql) => {
      await expect(asOwner(database, null, (client) => client.query(sql))).rejects.toThrow(
        /orders has no column \w+, which is frozen/,
      )
    })
  })
})
