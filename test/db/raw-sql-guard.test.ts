import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { guardRawSql } from '../../src/db/raw-sql-guard.ts'
import { asRuntime, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => database?.drop())

const refusalOf = (sql: string): string | null => {
  try {
    guardRawSql(sql)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

const B = TENANT_B.id
const SWITCH = `set_config('app.tenant_id', '${B}', true)`
const QUOTED_SWITCH = SWITCH.replaceAll("'", "''")
const OF_B = `(SELECT count(*)::int FROM exports WHERE tenant_id = '${B}') AS stolen`

/** Each of these leaves its scope where nothing refuses it: run bare, as the runtime role, they read another tenant. */
const ESCAPES = [
  `SELECT ${SWITCH}, ${OF_B}`,
  `SELECT SET_CONFIG('app.tenant_id', '${B}', true), ${OF_B}`,
  `SELECT pg_catalog.${SWITCH}, ${OF_B}`,
  `SELECT "set_config"('app.tenant_id', '${B}', true), ${OF_B}`,
  `SELECT pg_catalog . "set_config" -- (\n ('app.tenant_id', '${B}', true), ${OF_B}`,
  `SELECT set_config/**/('app.tenant_id', '${B}', true), ${OF_B}`,
  `SELECT /* /* -- */ ' */ ${SWITCH}, ${OF_B} -- '`,
  String.raw`SELECT U&"set\005fconfig"('app.tenant_id', '${B}', true), ${OF_B}`,
  `SELECT U&"set!005fconfig" UESCAPE '!' ('app.tenant_id', '${B}', true), ${OF_B}`,
  String.raw`SELECT E'\'', ${SWITCH}, ${OF_B}, ''`,
  `SELECT E'a'\n'\\'', ${SWITCH}, ${OF_B}, ''`,
  `SELECT $$'$$, ${SWITCH}, ${OF_B}, '$$'`,
  `SELECT $a$'$a$, ${SWITCH}, ${OF_B}, ''`,
  `SELECT 1 AS "a""'", ${SWITCH}, ${OF_B}, '' AS "'"`,
  `WITH moved AS MATERIALIZED (SELECT ${SWITCH}) SELECT moved.*, ${OF_B} FROM moved`,
  `SELECT m, ${OF_B} FROM (VALUES (${SWITCH})) AS v (m)`,
  `SELECT query_to_xml('SELECT ${QUOTED_SWITCH}', true, true, ''), ${OF_B}`,
  `SELECT query_to_xmlschema('SELECT 1', true, true, ''), query_to_xml_and_xmlschema('SELECT ${QUOTED_SWITCH}', true, true, ''), ${OF_B}`,
  `SELECT ts_stat('SELECT ${QUOTED_SWITCH}::tsvector'), ${OF_B}`,
  `SELECT ts_rewrite('a', 'SELECT ''a''::tsquery, (''b'' || left(${QUOTED_SWITCH}, 0))::tsquery'), ${OF_B}`,
]

describe('case 7, case 22: a raw statement cannot leave its scope', () => {
  it.each(ESCAPES)('%s', async (sql) => {
    const { rows } = await asRuntime(database, TENANT_A.id, (client) =>
      client.query({ text: sql, queryMode: 'extended' } as { text: string }),
    )
    expect(rows[0].stolen, 'it is an attack: without the guard it works').toBe(2)
    expect(refusalOf(sql)).toContain('a raw statement was refused')
  })
})

const ALL = `set_config('app.permissions', '*', true)`
const QUOTED_ALL = ALL.replaceAll("'", "''")

const RENAME = `UPDATE exports SET requested_by = 'mine'`
const NOTE = `INSERT INTO outbox_events (id, type, subject_type, subject_id, payload)
  SELECT gen_random_uuid(), up.it, 'x', gen_random_uuid(), '{}' FROM up`

/** With each of these a read-only scope writes, if the first statement is not refused. */
const ESCALATIONS: [first: string, ...then: string[]][] = [
  [`WITH up AS MATERIALIZED (SELECT ${ALL} AS it) ${NOTE}`],
  [`SELECT ${ALL}`, RENAME],
  [`SELECT pg_catalog . "set_config"('app.permissions', 'tenant:manage', true)`, RENAME],
  [`SELECT query_to_xml('SELECT ${QUOTED_ALL}', true, true, '')`, RENAME],
  [`SET LOCAL app.permissions = 'tenant:manage'`, RENAME],
  [`DO $$BEGIN PERFORM ${ALL}; END$$`, RENAME],
]

describe('a raw statement cannot give itself a permission to write', () => {
  it.each(ESCALATIONS)('%s', async (...statements) => {
    const written = await asRuntime(
      database,
      TENANT_A.id,
      async (client) => {
        let count = 0
        for (const sql of statements) count = (await client.query(sql)).rowCount ?? 0
        return count
      },
      '',
    )
    expect(written, 'it is an attack: without the guard it works').toBeGreaterThan(0)
    expect(refusalOf(statements[0])).toContain('a raw statement was refused')
  })

  it('and without one it is refused, with any other settings', async () => {
    const bare = asRuntime(database, TENANT_A.id, (client) => client.query(RENAME), '')
    await expect(bare).rejects.toMatchObject({ code: 'BK004' })
  })
})

/** What would stay in the session, reach another session, or has no use in a tenant's work. */
const OTHERS = [
  `SET app.tenant_id = '${B}'`,
  `SET LOCAL app.tenant_id = '${B}'`,
  `SET app.permissions = '*'`,
  `SET LOCAL app.permissions TO 'orders:write'`,
  'RESET app.permissions',
  `DO $$BEGIN PERFORM ${ALL}; END$$`,
  `SET/**/LOCAL app.tenant_id = '${B}'`,
  `--\nSET SESSION app.tenant_id TO '${B}'`,
  `(SET LOCAL app.tenant_id = '${B}')`,
  'SET ROLE bulkhead_owner',
  'SET SESSION AUTHORIZATION bulkhead_owner',
  'SET search_path = pg_temp',
  'SET TRANSACTION READ ONLY',
  'RESET ALL',
  'RESET app.tenant_id',
  'DISCARD ALL',
  'DEALLOCATE ALL',
  `DO 'BEGIN PERFORM set_config(''app.tenant_id'', ''x'', true); END'`,
  `DO $$BEGIN PERFORM 1; END$$`,
  `PREPARE p AS SELECT ${SWITCH}`,
  'EXECUTE p',
  'EXPLAIN ANALYZE EXECUTE p',
  'BEGIN',
  'COMMIT',
  'COMMIT AND CHAIN',
  'ROLLBACK TO SAVEPOINT s',
  'SAVEPOINT s',
  'LISTEN everything',
  'NOTIFY everything',
  'LOCK TABLE exports',
  'COPY exports TO STDOUT',
  `COPY exports TO PROGRAM 'sh'`,
  'CALL something()',
  'TRUNCATE exports',
  'ALTER ROLE bulkhead_runtime SET app.tenant_id = $1',
  `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT 1'`,
  'DECLARE c CURSOR FOR SELECT 1',
  'FETCH c',
  '',
  '-- nothing',
  ';',
  `SELECT 1; SET app.tenant_id = '${B}'`,
  `SELECT 1;;SELECT 2`,
  `SELECT ';' ; SELECT 2`,
  `UPDATE pg_settings SET setting = 'pg_catalog' WHERE name = 'search_path'`,
  `UPDATE "pg_settings" SET setting = 'off' WHERE name = 'row_security'`,
  `UPDATE pg_settings SET setting = '*' WHERE name = 'app.permissions'`,
  'SELECT pg_terminate_backend(1)',
  'SELECT pg_sleep(1)',
  'SELECT pg_advisory_lock(1)',
  `SELECT pg_notify('everything', '')`,
  'SELECT query FROM pg_stat_activity',
  `SELECT pg_read_file('/etc/passwd')`,
  `SELECT lo_from_bytea(0, 'kept for all tenants')`,
  'SELECT loread(1, 1)',
  `SELECT table_to_xml('exports', true, true, '')`,
  `SELECT cursor_to_xml('c', 1, true, true, '')`,
  `SELECT schema_to_xml('public', true, true, '')`,
  `SELECT * FROM dblink('', 'SELECT 1') AS t (a int)`,
  `SELECT * FROM crosstab('SELECT 1') AS t (a int)`,
  `SELECT * FROM app.resolve_member('tenant-b', 'member1@b.example')`,
  'SELECT * FROM app.tenant_directory',
  'SELECT * FROM app.person_directory',
  `SELECT * FROM app.memberships_of('member1@b.example')`,
  `SELECT * FROM app.resolve_support('tenant-b', 'sam@platform.example')`,
  `SELECT * FROM app.resolve_api_key('${B}', '')`,
  `SELECT '`,
  `SELECT "`,
  `SELECT 'a\\'`,
  `SELECT n'x'`,
]

it.each(OTHERS)('refused: %s', (sql) => {
  expect(refusalOf(sql)).toContain('a raw statement was refused')
})

it.each([
  'SELECT 1',
  'select $1::uuid, $2 -- set_config\n, $3',
  '(SELECT 1) UNION ALL (SELECT 2)',
  `SELECT 'set_config(''app.tenant_id'')', 'it''s; a /* text */ with -- signs'`,
  'WITH a AS (UPDATE exports SET requested_by = $1 RETURNING id) SELECT a.id, "a"."id" FROM a;',
  `INSERT INTO tenant_counters (name) VALUES ('reset'), ('do'), ('pg_sleep') ON CONFLICT DO NOTHING`,
  'DELETE FROM exports WHERE settled AND 4 / 2 * 1 = 2 AND NOT (1 & 2) > 0',
  'MERGE INTO exports p USING (VALUES (1)) v (x) ON p.version = v.x WHEN MATCHED THEN DO NOTHING',
  'VALUES (1)',
  'TABLE exports',
  'SELECT pg_try_advisory_xact_lock(1), pg_catalog.now(), "order"."offset" FROM "order"',
  `SELECT document::jsonb #>> '{reset,set}' FROM executed`,
])('accepted: %s', (sql) => {
  expect(refusalOf(sql)).toBeNull()
  expect(refusalOf(sql), 'and again, when it is known').toBeNull()
})

/** Volatile functions of PostgreSQL 15 to 18 that take no SQL, set nothing, and reach no other session. */
const HARMLESS = new Set([
  ...['clock_timestamp', 'timeofday', 'random', 'random_normal', 'setseed', 'array_sample', 'array_shuffle'],
  ...['gen_random_uuid', 'uuidv4', 'uuidv7', 'current_query', 'txid_status', 'currtid2'],
  // There is no sequence that a tenant's work could advance.
  ...['currval', 'lastval', 'nextval', 'setval'],
  // For an index's owner, and for pg_upgrade's own server.
  ...[
    'brin_desummarize_range',
    'brin_summarize_new_values',
    'brin_summarize_range',
    'gin_clean_pending_list',
  ],
  'amvalidate',
  'plpgsql_validator',
  ...['pg_advisory_xact_lock', 'pg_advisory_xact_lock_shared'],
  ...['pg_try_advisory_xact_lock', 'pg_try_advisory_xact_lock_shared'],
  // Ours: a command may set its own result.
  ...[
    'tenant_id',
    'claim_idempotency_key',
    'take_idempotency_key',
    'lock_idempotency_key',
    'undo_command',
    'set_command_result',
    'take_command_result',
  ],
  // Their writes are stamped with the tenant in scope, or restricted by its policy.
  ...['enqueue', 'open_accounts'],
  // It checks the permission itself, and concerns only the tenant in scope.
  'schedule_erasure',
  // Checks the system's permission itself, and answers yes or no.
  'claim_mail',
  // They convert or check a text, or convert a given row to a document, and read no table.
  ...['normalize_email', 'is_email', 'is_time_zone', 'fold', 'words_of', 'buyer_of', 'address_of'],
  // They show what the caller may see anyway, or the catalogue, and write nothing.
  ...['may_write', 'makers_of', 'export_page', 'tenant_tables', 'schema_version', 'indexed_collations'],
  ...['installation_id', 'is_demo', 'queueable_tasks'],
])

it('every function that the runtime role may call is refused in raw statements, or is known to be harmless', async () => {
  const { rows } = await asRuntime(database, null, (client) =>
    client.query<{ name: string }>(`
      SELECT DISTINCT proname AS name FROM pg_proc
      WHERE (provolatile = 'v' OR pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace))
        AND has_function_privilege(oid, 'EXECUTE') AND has_schema_privilege(pronamespace, 'USAGE')
        AND proname NOT LIKE 'binary\\_upgrade\\_%'
        -- What only the server itself can call.
        AND NOT 'internal'::regtype = ANY (proargtypes)
        AND format_type(prorettype, NULL) !~ '(trigger|internal|handler)$'`),
  )
  expect(rows.length).toBeGreaterThan(50)
  const passing = rows.map(({ name }) => name).filter((name) => refusalOf(`SELECT ${name}()`) === null)
  expect(passing.filter((name) => !HARMLESS.has(name))).toEqual([])
})
