// Measures the cost of naming the tenant in each policy: two copies of one table, one with the former restrictive
// policies (docs/decisions/0013), one with app.protect's, queried alternately on one connection. Prints a ratio per
// statement. Run: node bench/policy-cost.ts. It makes a temporary embedded PostgreSQL.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createLogger } from '../src/core/logger.ts'
import { startEmbeddedServer } from '../src/db/embedded/embedded-server.ts'
import { migrate } from '../src/db/migrations/migrate.ts'
import { median } from './median.ts'

const TENANTS = 50
const ROWS_PER_TENANT = 2_000
const ROUNDS = 40
const CALLS_PER_ROUND = 50

const TENANT = 'tenant_id = (SELECT app.tenant_id())'
const WRITER = `(SELECT app.may_write('{orders:write}'::text[]))`

const statements = {
  'one row by key': (table: string) => `SELECT * FROM ${table} WHERE tenant_id = $1 AND number = 1000`,
  '20 rows by index': (table: string) =>
    `SELECT * FROM ${table} WHERE tenant_id = $1 ORDER BY number DESC LIMIT 20`,
  'a sum over the tenant': (table: string) => `SELECT sum(value) FROM ${table} WHERE tenant_id = $1`,
  'an update by key': (table: string) =>
    `UPDATE ${table} SET value = value WHERE tenant_id = $1 AND number = 1000`,
  'an insert': (table: string) => `INSERT INTO ${table} (number) SELECT -1 WHERE $1 IS NOT NULL`,
}

const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'))
const logger = createLogger('silent')
const server = await startEmbeddedServer({ dataDir, logger, durable: false })
try {
  await migrate({ ownerUrl: server.ownerUrl, runtimeUrl: server.runtimeUrl, logger })
  const admin = new pg.Client({
    connectionString: Object.assign(new URL(server.adminUrl), { pathname: '/bulkhead' }).href,
  })
  admin.on('error', () => {})
  await admin.connect()
  for (const table of ['before', 'after']) {
    await admin.query(`
      CREATE TABLE ${table} (tenant_id uuid, number int, value int DEFAULT 0, note text DEFAULT repeat('x', 100),
        PRIMARY KEY (tenant_id, number));
      ALTER TABLE ${table} OWNER TO bulkhead_owner;
      INSERT INTO ${table} (tenant_id, number, value) SELECT ('00000000-0000-7000-8000-' || lpad(t::text, 12, '0'))::uuid, n, n
        FROM generate_series(1, ${TENANTS}) t, generate_series(1, ${ROWS_PER_TENANT}) n;
      SELECT app.protect('${table}', writers => '{orders:write}')`)
    await admin.query(`VACUUM ANALYZE ${table}`)
  }
  await admin.query(`
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT policyname FROM pg_policies WHERE tablename = 'before' LOOP
        EXECUTE format('DROP POLICY %I ON before', name);
      END LOOP;
    END $$;
    CREATE POLICY tenant_isolation ON before USING (${TENANT}) WITH CHECK (${TENANT});
    CREATE POLICY write_insert ON before AS RESTRICTIVE FOR INSERT TO bulkhead_runtime WITH CHECK (${WRITER});
    CREATE POLICY write_update ON before AS RESTRICTIVE FOR UPDATE TO bulkhead_runtime USING (${WRITER});
    CREATE POLICY write_delete ON before AS RESTRICTIVE FOR DELETE TO bulkhead_runtime USING (${WRITER})`)
  await admin.end()

  const client = new pg.Client({ connectionString: server.runtimeUrl })
  client.on('error', () => {})
  await client.connect()
  const tenant = '00000000-0000-7000-8000-000000000007'
  for (const [what, sql] of Object.entries(statements)) {
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const order = round % 2 === 0 ? ['before', 'after'] : ['after', 'before']
      const taken: Record<string, number> = {}
      for (const table of order) {
        await client.query('BEGIN; SET LOCAL statement_timeout = 0')
        await client.query(
          `SELECT set_config('app.tenant_id', $1, true), set_config('app.permissions', 'orders:write', true)`,
          [tenant],
        )
        const start = process.hrtime.bigint()
        // In a loop on the server, since a network round trip would hide the difference.
        const text = sql(table).replaceAll('$1', `''${tenant}''::uuid`)
        const undo = what === 'an insert' ? `; DELETE FROM ${table} WHERE number = -1` : ''
        await client.query(
          `DO 'BEGIN FOR i IN 1..${CALLS_PER_ROUND} LOOP EXECUTE $x$${text}${undo}$x$; END LOOP; END'`,
        )
        taken[table] = Number(process.hrtime.bigint() - start)
        await client.query('ROLLBACK')
      }
      ratios.push((taken.after ?? 0) / (taken.before ?? 1))
    }
    console.log(`${what}: ${median(ratios).toFixed(3)} of the time before`)
  }
  await client.end()
} finally {
  await server.stop()
  await rm(dataDir, { recursive: true, force: true })
}
