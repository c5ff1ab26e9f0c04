// How each server is started, and with which tokens it is called.
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { signDevelopmentToken } from '../src/auth/development-token.ts'
import { developmentSecret } from '../src/development/secret.ts'
import { type BenchDatabase, CHECKOUT } from './database.ts'
import type { ServerPlan } from './processes.ts'
import { ownerEmail, tenantSlug } from './rows.ts'
import { isProduct, type Peer } from './workloads.ts'

/** Database connections of every server. */
export const POOL = 16
const TOKEN_SECONDS = 86_400
const SECRET = 'development-secret'
const COST_POINTS = '100000000'

/** What a server is started with: `dataDir` has the secret, which all servers of a run share. */
export type Common = {
  readonly dataDir: string
  readonly database: BenchDatabase
  /** The checkout of the product that is started. Default: this one. */
  readonly checkout?: string
}

export async function planOf(
  peer: Peer,
  { dataDir, database, checkout = CHECKOUT }: Common,
): Promise<ServerPlan> {
  if (isProduct(peer)) return await product(peer, dataDir, database, checkout)
  const secret = Buffer.from(await developmentSecret(dataDir, SECRET)).toString('base64url')
  // `raw` names the tenant in its own WHERE, without the cost of a policy.
  const url = peer === 'raw' ? database.adminUrl : database.runtimeUrl
  if (peer === 'postgraphile') await addFunctions(database.adminUrl)
  return {
    peer,
    adminUrl: database.adminUrl,
    file: `peers/${peer}.ts`,
    args: [],
    environment: {
      NODE_ENV: 'production',
      // Otherwise Grafast checks its own plans.
      GRAPHILE_ENV: 'production',
      DATABASE_URL: url,
      BENCH_SECRET: secret,
    },
  }
}

/** Adds the functions of `postgraphile`. */
async function addFunctions(adminUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  try {
    await admin.query(await readFile(new URL('peers/postgraphile.sql', import.meta.url), 'utf8'))
  } finally {
    await admin.end()
  }
}

let products = 0

/** The product, by its own command. Development tokens need the environment `development`. */
async function product(
  peer: Peer,
  dataDir: string,
  { adminUrl, runtimeUrl }: BenchDatabase,
  checkout: string,
): Promise<ServerPlan> {
  products += 1
  return {
    peer,
    adminUrl,
    file: join(checkout, 'src/cli/bulkhead.ts'),
    args: ['serve'],
    environment: {
      NODE_ENV: 'development',
      DATA_DIR: await ownDataDir(dataDir, products),
      DATABASE_URL: runtimeUrl,
      DATABASE_POOL_MAX: String(POOL),
      METRICS_PORT: '0',
      // A budget that no load exhausts, so that the server is measured and not its limits.
      COST_CAPACITY: COST_POINTS,
      COST_RESTORE_PER_SECOND: COST_POINTS,
      LOG_LEVEL: 'warn',
    },
  }
}

/** An empty data directory with the shared secret: each server has a payment sandbox of its own. */
async function ownDataDir(dataDir: string, number: number): Promise<string> {
  await developmentSecret(dataDir, SECRET)
  const own = join(dataDir, `server-${number}`)
  await rm(own, { recursive: true, force: true })
  await mkdir(own, { recursive: true })
  await copyFile(join(dataDir, SECRET), join(own, SECRET))
  return own
}

/** A token for the owner of each of the first tenants. */
export async function tokensOf(dataDir: string, tenants: number): Promise<string[]> {
  const secret = await developmentSecret(dataDir, SECRET)
  return Array.from({ length: tenants }, (_, index) =>
    signDevelopmentToken({
      secret,
      tenant: tenantSlug(index + 1),
      email: ownerEmail(index + 1),
      expiresInSeconds: TOKEN_SECONDS,
      clock: () => new Date(),
    }),
  )
}
