// Measures the cost of chaining the audit: in each write, where every write of a tenant waits for the previous one, and
// by a job that seals later (decision 10). A separate process: starts a durable PostgreSQL, prints one JSON line.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { systemContext } from '../src/auth/system-context.ts'
import { systemClock } from '../src/core/clock.ts'
import { createSealer } from '../src/core/seal.ts'
import { openDatabase } from '../src/db/database.ts'
import { startEmbeddedServer } from '../src/db/embedded/embedded-server.ts'
import { migrate } from '../src/db/migrations/migrate.ts'
import { connectOwner } from '../src/db/owner.ts'
import { auditChain } from '../src/desk/audit/chain-check.ts'
import { sealEntries } from '../src/desk/audit/seal-entries.ts'
import { createTenant } from '../src/desk/tenants/tenant-directory.ts'
import { median } from './median.ts'

const CONNECTIONS = 16
const TENANTS = 16
const ROUNDS = 7
const WINDOW_MS = 2_000
const SEALED = 100_000

/** One write as one message: a row of work and its entry; chained, also the hash over the previous entry. */
const SETUP = `
  CREATE TABLE chain_heads (tenant_id uuid PRIMARY KEY, sequence bigint NOT NULL, hash bytea NOT NULL);
  CREATE TABLE chain_links (tenant_id uuid, id uuid, sequence bigint NOT NULL, hash bytea NOT NULL, PRIMARY KEY (tenant_id, id));
  CREATE FUNCTION bench_write(tenant uuid, chained boolean) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    entry uuid := gen_random_uuid();
    head chain_heads;
  BEGIN
    PERFORM set_config('app.tenant_id', tenant::text, true);
    INSERT INTO customers (id, email, name) VALUES (entry, entry || '@bench.example', 'Bench');
    INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, after, request_id)
      VALUES (entry, 'SYSTEM', 'benchWrite', 'Customer', entry, '{"name": "Bench"}', 'bench');
    IF chained THEN
      SELECT * INTO head FROM chain_heads h WHERE h.tenant_id = tenant FOR UPDATE;
      head.hash := sha256(head.hash || (SELECT convert_to(to_jsonb(a)::text, 'UTF8') FROM audit_entries a
        WHERE a.tenant_id = tenant AND a.id = entry));
      INSERT INTO chain_links VALUES (tenant, entry, head.sequence + 1, head.hash);
      UPDATE chain_heads h SET sequence = head.sequence + 1, hash = head.hash WHERE h.tenant_id = tenant;
    END IF;
  END $$`

const logger = pino({ level: 'warn' })
const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'))
const server = await startEmbeddedServer({ dataDir, logger, durable: true })
try {
  await migrate({ ownerUrl: server.ownerUrl, runtimeUrl: server.runtimeUrl, logger })
  const tenants = await makeTenants()
  const adminUrl = new URL(server.adminUrl)
  adminUrl.pathname = new URL(server.ownerUrl).pathname
  const pool = new pg.Pool({ connectionString: adminUrl.href, max: CONNECTIONS })
  await pool.query(SETUP)
  await pool.query(`INSERT INTO chain_heads SELECT t, 0, '' FROM unnest($1::uuid[]) t`, [tenants])
  const one = await compare(pool, tenants.slice(0, 1))
  const many = await compare(pool, tenants)
  await pool.end()
  const sealed = await sealAndVerify(tenants.at(-1) as string)
  process.stdout.write(
    `${JSON.stringify({ connections: CONNECTIONS, oneTenant: one, tenants: many, sealed })}\n`,
  )
} finally {
  await server.stop()
  await rm(dataDir, { recursive: true, force: true })
}

async function makeTenants(): Promise<string[]> {
  const owner = await connectOwner(server.ownerUrl)
  const ids: string[] = []
  for (let n = 1; n <= TENANTS; n += 1) {
    const slug = `bench-${n}`
    const person = { email: `owner@${slug}.example`, name: 'Owner' }
    ids.push(await createTenant(owner, { slug, name: slug, currency: 'USD', owner: person }))
  }
  await owner.end()
  return ids
}

/** Writes per second, alternating, so that both run under the same conditions. */
async function compare(pool: pg.Pool, tenants: readonly string[]) {
  const rates = { plain: [] as number[], chained: [] as number[] }
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.plain.push(await rate(pool, tenants, false))
    rates.chained.push(await rate(pool, tenants, true))
  }
  const [plain, chained] = [median(rates.plain), median(rates.chained)]
  return {
    plain: Math.round(plain),
    chained: Math.round(chained),
    ratio: Number((chained / plain).toFixed(2)),
  }
}

async function rate(pool: pg.Pool, tenants: readonly string[], chained: boolean): Promise<number> {
  const endsAtMs = performance.now() + WINDOW_MS
  let count = 0
  const work = async (n: number) => {
    const tenant = tenants[n % tenants.length]
    while (performance.now() < endsAtMs) {
      await pool.query({ name: 'write', text: 'SELECT bench_write($1, $2)', values: [tenant, chained] })
      count += 1
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => work(n)))
  return (count * 1_000) / WINDOW_MS
}

/** The time of the job and of the check for SEALED unsealed entries. */
async function sealAndVerify(tenantId: string) {
  const owner = await connectOwner(server.ownerUrl)
  await owner.inTenant(tenantId, async (query) => {
    await query('DELETE FROM audit_entries')
    await query(
      `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, after, request_id, recorded_at)
       SELECT gen_random_uuid(), 'SYSTEM', 'benchWrite', 'Customer', gen_random_uuid(),
         '{"name": "Bench", "email": "bench@bench.example"}', 'bench', now() - interval '1 hour' + n * interval '1 ms'
       FROM generate_series(1, ${SEALED}) n`,
    )
  })
  await owner.query('ANALYZE audit_entries')
  await owner.end()
  const database = openDatabase({ url: server.runtimeUrl, poolMax: 2, namedStatements: true, logger })
  const sealer = createSealer({ current: Buffer.alloc(32, 'bench') })
  const tenant = { tenantId, tenantSlug: 'bench', tenantStatus: 'ACTIVE' } as const
  const caller = systemContext({ tenant, database, clock: systemClock, logger, requestId: 'bench' })
  const startMs = performance.now()
  const seals = await sealEntries(caller, sealer)
  const sealedMs = performance.now()
  const { count } = await auditChain(caller, sealer).run()
  const verifiedMs = performance.now()
  await database.close()
  return {
    entries: SEALED,
    seals: seals.length,
    violations: count,
    sealSeconds: Number(((sealedMs - startMs) / 1_000).toFixed(2)),
    verifySeconds: Number(((verifiedMs - sealedMs) / 1_000).toFixed(2)),
  }
}
