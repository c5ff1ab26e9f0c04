// The benchmark's PostgreSQL: the embedded one, durable, with seeded databases that are made once and cloned for a run.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import pg from 'pg'
import type { Logger } from '../src/core/logger.ts'
import { startEmbeddedServer } from '../src/db/embedded/embedded-server.ts'
import type { Shape } from './rows.ts'
import { seed } from './seed.ts'

/** This checkout of the product. */
export const CHECKOUT = fileURLToPath(new URL('..', import.meta.url))
const SEED_FILES = ['seed.ts', 'rows.ts'].map((name) => fileURLToPath(new URL(name, import.meta.url)))

export type BenchDatabase = {
  /** Of a superuser: policies do not apply. */
  readonly adminUrl: string
  /** The server's role, to which every policy applies. */
  readonly runtimeUrl: string
}

export type BenchServer = {
  /**
   * A new database with these rows, as if just seeded, with the migrations of `checkout`. Seeds at the first call of each
   * shape.
   */
  fresh(shape: Shape, checkout?: string): Promise<BenchDatabase>
  stop(): Promise<void>
}

/** Starts the PostgreSQL of `dataDir`; databases seeded by an earlier run are reused. */
export async function startBenchServer(dataDir: string, logger: Logger): Promise<BenchServer> {
  const server = await startEmbeddedServer({ dataDir, logger, durable: true })
  const made: string[] = []
  const admin = await connect(server.adminUrl)

  async function dropLeftovers(): Promise<void> {
    const { rows } = await admin.query<{ datname: string }>(
      `SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_run\\_%'`,
    )
    for (const { datname } of rows) await admin.query(`DROP DATABASE ${datname} WITH (FORCE)`)
  }

  async function template(shape: Shape, checkout: string): Promise<string> {
    const name = `bench_${await fingerprint(shape, migrationsOf(checkout))}`
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [
      name,
    ])
    if (rowCount === 1) return name
    process.stderr.write(`seeding ${shape.tenants} tenants, once …\n`)
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin.query(`CREATE DATABASE ${name} OWNER bulkhead_owner`)
    const { migrate } = await migrationsModule(checkout)
    await migrate({
      ownerUrl: withDatabase(server.ownerUrl, name),
      runtimeUrl: withDatabase(server.runtimeUrl, name),
      logger,
    })
    const seeder = await connect(withDatabase(server.adminUrl, name))
    await seed(seeder, shape).finally(() => seeder.end())
    await admin.query(`ALTER DATABASE ${name} IS_TEMPLATE true`)
    return name
  }

  await dropLeftovers()
  return {
    async fresh(shape, checkout = CHECKOUT) {
      const source = await template(shape, checkout)
      const name = `bench_run_${process.pid}_${made.length}`
      await admin.query(`CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY FILE_COPY OWNER bulkhead_owner`)
      made.push(name)
      // A clone has its template's tables, but neither its settings nor its rights.
      const owner = await connect(withDatabase(server.ownerUrl, name))
      const runtimeRole = new URL(server.runtimeUrl).username
      const { prepareDatabase } = await preparationModule(checkout)
      await prepareDatabase(owner, { runtimeRole, workerRole: null }).finally(() => owner.end())
      await admin.query('CHECKPOINT')
      return {
        adminUrl: withDatabase(server.adminUrl, name),
        runtimeUrl: withDatabase(server.runtimeUrl, name),
      }
    },
    async stop() {
      await dropLeftovers()
      await admin.end()
      await server.stop()
    },
  }
}

function migrationsOf(checkout: string): string {
  return join(checkout, 'prisma/migrations')
}

/** A checkout's own code brings a database to its own state. */
async function migrationsModule(checkout: string): Promise<typeof import('../src/db/migrations/migrate.ts')> {
  return await import(pathToFileURL(join(checkout, 'src/db/migrations/migrate.ts')).href)
}

async function preparationModule(
  checkout: string,
): Promise<typeof import('../src/db/migrations/prepare-database.ts')> {
  return await import(pathToFileURL(join(checkout, 'src/db/migrations/prepare-database.ts')).href)
}

/** Changes with everything that determines a seeded database's content. */
async function fingerprint(shape: Shape, migrationsDir: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(shape))
  const migrations = (await readdir(migrationsDir, { recursive: true })).filter((name) =>
    name.endsWith('.sql'),
  )
  const files = [...migrations.sort().map((name) => join(migrationsDir, name)), ...SEED_FILES]
  for (const file of files) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 12)
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // the queries that need the connection report its loss
  await client.connect()
  return client
}

function withDatabase(url: string, database: string): string {
  const rewritten = new URL(url)
  rewritten.pathname = `/${database}`
  return rewritten.href
}
