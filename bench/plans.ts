// How each server is started, and with which tokens it is called.

import { signDevelopmentToken } from '../src/auth/development-token.ts'
import { developmentSecret } from '../src/development/secret.ts'
import type { BenchDatabase } from './database.ts'
import type { ServerPlan } from './processes.ts'
import { ownerEmail, tenantSlug } from './rows.ts'
import type { Peer } from './workloads.ts'

/** Database connections of every server. */
export const POOL = 16
const TOKEN_SECONDS = 86_400
const COST_POINTS = '100000000'

/** What all servers of a run share: the secret under `dataDir`, which Bulkhead reads there. */
export type Common = { readonly dataDir: string; readonly database: BenchDatabase }

export async function planOf(peer: Peer, { dataDir, database }: Common): Promise<ServerPlan> {
  if (peer === 'bulkhead') return bulkhead(dataDir, database)
  const secret = Buffer.from(await developmentSecret(dataDir, 'development-secret')).toString('base64url')
  // `raw` names the tenant in its own WHERE, without the cost of a policy.
  const url = peer === 'raw' ? database.adminUrl : database.runtimeUrl
  return {
    peer,
    file: `peers/${peer}.ts`,
    args: [],
    environment: { NODE_ENV: 'production', DATABASE_URL: url, BENCH_SECRET: secret },
  }
}

/** The product, by its own command. Development tokens need the environment `development`. */
function bulkhead(dataDir: string, { runtimeUrl }: BenchDatabase): ServerPlan {
  return {
    peer: 'bulkhead',
    file: '../src/cli/bulkhead.ts',
    args: ['serve'],
    environment: {
      NODE_ENV: 'development',
      DATA_DIR: dataDir,
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

/** A token for the owner of each of the first tenants. */
export async function tokensOf(dataDir: string, tenants: number): Promise<string[]> {
  const secret = await developmentSecret(dataDir, 'development-secret')
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
