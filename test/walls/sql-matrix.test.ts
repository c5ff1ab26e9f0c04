// The walls as a table: every table × every command × every scope, in SQL, as the runtime role.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GLOBAL_TABLES } from '../../src/db/doctor/check.ts'
import {
  type Attempt,
  answerTo,
  attemptsOn,
  COMMANDS,
  SCOPES,
  violations,
} from '../../src/db/proof/matrix.ts'
import {
  asOwner,
  asRuntime,
  asSuperuser,
  createTestDatabase,
  type TestDatabase,
} from '../support/database.ts'
import { fixtureRow, fixtureTableNames } from '../support/fixture.ts'
import { fixtureId, insertRow, SPARE, TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { tableFacts } from './matrix.ts'

const DENIED = '42501'
const ABSENT_REFERENCE = '23503'
const NOBODY = '00000000-0000-7000-8000-000000000000'

let database: TestDatabase
let runtime: pg.Client
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  runtime = new pg.Client({ connectionString: database.runtimeUrl })
  await runtime.connect()
})
afterAll(async () => {
  await runtime?.end()
  await database?.drop()
})

it('every table of the catalogue is in the fixture, so that the matrix covers it', async () => {
  const { rows } = await asSuperuser(database, (client) =>
    client.query<{ name: string }>(
      `SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
    ),
  )
  const covered = new Set([
    ...Object.keys(GLOBAL_TABLES),
    ...fixtureTableNames().map((table) => `public.${table}`),
  ])
  const missing = rows.map((row) => row.name).filter((name) => !covered.has(name))
  expect(
    missing,
    'tables of nobody: protect them, or name them in GLOBAL_TABLES, src/db/doctor/check.ts, with the reason',
  ).toEqual([])
})

describe.each(fixtureTableNames())('cross-tenant: %s', (table) => {
  let attempts: Attempt[]
  beforeAll(async () => {
    attempts = attemptsOn(await tableFacts(database, table))
  })

  for (const scope of SCOPES) {
    for (const command of COMMANDS) {
      it(`${command} in the scope of ${scope} gives exactly what that scope may see and do`, async () => {
        const chosen = attempts.filter((attempt) => attempt.scope === scope && attempt.command === command)
        expect(chosen).not.toEqual([])
        expect(await violations(runtime, table, chosen)).toEqual([])
      })
    }
  }

  it('case 15: TRUNCATE is denied, within a scope and without', async () => {
    for (const setting of [null, TENANT_A.id]) {
      expect(await answerTo(runtime, setting, [{ text: `TRUNCATE "${table}" CASCADE` }])).toBe(DENIED)
    }
  })

  it('case 15: a trigger, a reference, a policy or a column cannot be added', async () => {
    for (const text of [
      `CREATE TRIGGER t BEFORE INSERT ON "${table}" FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
      `CREATE POLICY everything ON "${table}" USING (true)`,
      `ALTER TABLE "${table}" DISABLE ROW LEVEL SECURITY`,
      `ALTER TABLE "${table}" ADD COLUMN note text`,
    ]) {
      expect(await answerTo(runtime, TENANT_A.id, [{ text }]), text).toBe(DENIED)
    }
  })
})

describe('cross-tenant: tables without a tenant', () => {
  it.each(Object.keys(GLOBAL_TABLES))('%s answers nothing to the runtime role', async (table) => {
    for (const text of [
      `SELECT * FROM ${table}`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
      `COPY ${table} TO STDOUT`,
    ]) {
      expect(await answerTo(runtime, TENANT_A.id, [{ text }]), text).toBe(DENIED)
    }
  })
})

describe('cross-tenant: scopes', () => {
  it('case 5: a setting that was never set, and one that has ended, are both refused loudly', async () => {
    const count = [{ text: 'SELECT count(*) FROM exports' }]
    expect(await answerTo(runtime, null, count)).toBe('BK001')
    await answerTo(runtime, TENANT_A.id, count)
    const { rows } = await runtime.query(`SELECT current_setting('app.tenant_id', true) AS setting`)
    expect(rows).toEqual([{ setting: '' }])
    expect(await answerTo(runtime, null, count)).toBe('BK001')
  })

  it('case 10: one prepared statement across tenants gives each its own rows', async () => {
    const prepared = { name: 'exports_of_whom', text: 'SELECT DISTINCT tenant_id FROM exports' }
    // After the fifth execution PostgreSQL may keep a generic plan.
    for (let round = 0; round < 8; round += 1) {
      for (const tenant of [TENANT_A, TENANT_B]) {
        await runtime.query('BEGIN')
        await runtime.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenant.id])
        expect((await runtime.query(prepared)).rows).toEqual([{ tenant_id: tenant.id }])
        await runtime.query('COMMIT')
      }
    }
  })

  it('case 11: an id of another tenant answers as an id that does not exist', async () => {
    for (const table of fixtureTableNames().filter((name) => 'id' in fixtureRow(name, TENANT_A, 1))) {
      const commands = [
        `SELECT * FROM ${table} WHERE id = $1`,
        `SELECT * FROM ${table} WHERE id = $1 FOR SHARE`,
      ]
      for (const text of commands) {
        const foreign = await answerTo(runtime, TENANT_B.id, [
          { text, values: [fixtureId(TENANT_A, table, 1)] },
        ])
        expect(foreign, text).toBe(await answerTo(runtime, TENANT_B.id, [{ text, values: [NOBODY] }]))
      }
    }
  })
})

describe('cross-tenant: references', () => {
  /** Every column that refers to another table, from the catalogue. */
  async function references(): Promise<{ child: string; column: string; parent: string }[]> {
    const { rows } = await asSuperuser(database, (client) =>
      client.query<{ child: string; column: string; parent: string }>(
        `SELECT k.conrelid::regclass::text AS child, a.attname AS column, k.confrelid::regclass::text AS parent
         FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
         WHERE k.contype = 'f' AND a.attname <> 'tenant_id' AND a.atttypid = 'uuid'::regtype`,
      ),
    )
    return rows
  }

  it('case 12: a reference to another tenant’s row is refused in the words for a row that does not exist', async () => {
    const all = await references()
    expect(all.length).toBeGreaterThan(0)
    for (const { child, column, parent } of all) {
      const refusal = (id: string) =>
        asRuntime(database, TENANT_B.id, (client) =>
          insertRow(client, child, { ...fixtureRow(child, TENANT_B, SPARE), [column]: id }),
        ).then(
          () => 'accepted',
          (error: pg.DatabaseError) =>
            [error.code, error.message, error.detail, error.constraint].join('|').replaceAll(id, 'ID'),
        )
      const foreign = await refusal(fixtureId(TENANT_A, parent, 1))
      expect(foreign, `${child}.${column}`).toContain(ABSENT_REFERENCE)
      expect(foreign, `${child}.${column}`).toBe(await refusal(NOBODY))
    }
  })

  it('case 12: naming the other tenant beside its id is refused by the policy, before any reference is checked', async () => {
    const row = { ...fixtureRow('export_chunks', TENANT_A, SPARE), tenant_id: TENANT_A.id }
    const insert = asRuntime(database, TENANT_B.id, (client) => insertRow(client, 'export_chunks', row))
    await expect(insert).rejects.toMatchObject({ code: DENIED })
  })

  it('case 13: a delete under ON DELETE CASCADE stays within its tenant, even where both tenants have the same ids', async () => {
    const id = fixtureId(TENANT_A, 'cascade', 1)
    await asOwner(database, null, async (client) => {
      await client.query(`CREATE TABLE parents (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id))`)
      await client.query(`CREATE TABLE children (tenant_id uuid, id uuid, parent_id uuid, PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, parent_id) REFERENCES parents (tenant_id, id) ON DELETE CASCADE)`)
      await client.query(`SELECT app.protect('parents'), app.protect('children')`)
    })
    for (const tenant of [TENANT_A, TENANT_B]) {
      await asRuntime(database, tenant.id, async (client) => {
        await client.query('INSERT INTO parents (id) VALUES ($1)', [id])
        await client.query('INSERT INTO children (id, parent_id) VALUES ($1, $1)', [id])
      })
    }
    await asRuntime(database, TENANT_B.id, (client) => client.query('DELETE FROM parents'))
    const { rows } = await asSuperuser(database, (client) => client.query('SELECT tenant_id FROM children'))
    await asOwner(database, null, (client) => client.query('DROP TABLE children, parents'))
    expect(rows).toEqual([{ tenant_id: TENANT_A.id }])
  })

  it('case 13: app.protect refuses a table whose keys or references could reach across tenants', async () => {
    for (const [columns, complaint] of [
      ['tenant_id uuid, id uuid PRIMARY KEY', /primary key/],
      [
        'tenant_id uuid, id uuid, email text UNIQUE, PRIMARY KEY (tenant_id, id)',
        /must start with tenant_id/,
      ],
      ['id uuid PRIMARY KEY', /no column tenant_id/],
      [
        'tenant_id uuid, id uuid, slug_id uuid REFERENCES app.tenant_directory (id), PRIMARY KEY (tenant_id, id)',
        /must include tenant_id/,
      ],
    ] as const) {
      const attempt = asOwner(database, null, async (client) => {
        await client.query(`CREATE TABLE refused (${columns})`)
        await client.query(`SELECT app.protect('refused')`)
      })
      await expect(attempt).rejects.toThrow(complaint)
    }
  })

  it('case 13: a unique value of one tenant is free for the other', async () => {
    // Both tenants' fixture rows are equal except for ids and members; that they could be inserted is the proof.
    const { rows } = await asSuperuser(database, (client) =>
      client.query(
        `SELECT count(DISTINCT key)::int AS values, count(*)::int AS rows FROM idempotency_keys
         UNION ALL SELECT count(DISTINCT sequence)::int, count(*)::int FROM audit_seals`,
      ),
    )
    expect(rows).toEqual([
      { values: 2, rows: 4 },
      { values: 2, rows: 4 },
    ])
  })
})

describe('cross-tenant: rights', () => {
  it('case 15: nothing can be made: no schema, table, temporary table, function or role', async () => {
    for (const text of [
      'CREATE SCHEMA mine',
      'CREATE TABLE public.mine (id int)',
      'CREATE TABLE app.mine (id int)',
      'CREATE TEMPORARY TABLE mine (id int)',
      'CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      `CREATE VIEW public.mine AS SELECT 1`,
      'CREATE ROLE mine',
      'CREATE DATABASE mine',
      'SET ROLE bulkhead_owner',
      'SET SESSION AUTHORIZATION bulkhead_owner',
      `SET session_replication_role = 'replica'`,
      `COPY exports TO '/tmp/exports'`,
      `COPY exports TO PROGRAM 'cat'`,
      `SELECT app.protect('exports')`,
      `SELECT app.create_tenant(gen_random_uuid(), 'mine', 'Mine', 'USD')`,
    ]) {
      // CREATE DATABASE checks the right before it is refused inside a transaction, like the others.
      expect([DENIED, '25001'], text).toContain(await answerTo(runtime, TENANT_A.id, [{ text }]))
    }
  })

  it('case 15: turning row-level security off for a session makes queries fail, not pass', async () => {
    expect(
      await answerTo(runtime, TENANT_A.id, [
        { text: 'SET LOCAL row_security = off' },
        { text: 'SELECT * FROM exports' },
      ]),
    ).toBe(DENIED)
  })

  it('case 16: no sequence can be reached whose gaps could tell of another tenant', async () => {
    const { rows } = await asSuperuser(database, (client) =>
      client.query(`SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'S'
        AND has_schema_privilege('bulkhead_runtime', c.relnamespace, 'USAGE')`),
    )
    expect(rows).toEqual([])
  })

  it('case 17: a MERGE out of another tenant’s rows finds no source, and a COPY of a query exports only own rows', async () => {
    const merged = await answerTo(runtime, TENANT_B.id, [
      {
        text: `MERGE INTO exports t USING (SELECT * FROM exports WHERE tenant_id = '${TENANT_A.id}') s ON t.requested_by = s.requested_by
               WHEN MATCHED THEN UPDATE SET failure = s.failure
               WHEN NOT MATCHED THEN INSERT (id, requested_by) VALUES (s.id, s.requested_by)`,
      },
    ])
    expect(merged).toBe('0 rows')
    expect(await answerTo(runtime, TENANT_B.id, [{ text: 'COPY (SELECT * FROM exports) TO STDOUT' }])).toBe(
      '2 rows',
    )
  })
})
