// Measures whether a request costs more with more tenants, or with more rows of its tenant. Two databases side by side.
import { median } from './median.ts'
import { tokensOf } from './plans.ts'
import type { ServerProcess } from './processes.ts'
import { share, table } from './report.ts'
import { CONNECTIONS, type Measurement, measure } from './rounds.ts'
import type { Shape } from './rows.ts'
import { type Run, withServers } from './run.ts'
import { ACTIVE_TENANTS_RATIO_MUST, GROWTH_RATIO_MUST } from './targets.ts'
import type { Workload } from './workloads.ts'

type Growth = {
  readonly name: string
  readonly small: Shape
  readonly large: Shape
  /** The number of tenants that send requests, on each side. */
  readonly active: { readonly small: number; readonly large: number }
  /** Requests per second of the larger side, relative to the smaller one. */
  readonly rateMust: number
}

const FEW: Shape = { tenants: 100, ordersPerTenant: 30 }
const MANY: Shape = { tenants: 10_000, ordersPerTenant: 30 }

const GROWTHS: readonly Growth[] = [
  {
    name: '10,000 tenants ÷ 100 tenants, 100 of them active',
    small: FEW,
    large: MANY,
    active: { small: 100, large: 100 },
    rateMust: GROWTH_RATIO_MUST,
  },
  {
    // A tenant returns only after all others, when what is known of it for seconds is no longer valid.
    name: '10,000 active tenants ÷ 100 active tenants',
    small: FEW,
    large: MANY,
    active: { small: 100, large: 10_000 },
    rateMust: ACTIVE_TENANTS_RATIO_MUST,
  },
  {
    name: '100,000 orders of a tenant ÷ 1,000 orders',
    small: { tenants: 10, ordersPerTenant: 1_000 },
    large: { tenants: 10, ordersPerTenant: 1_000, ordersOfFirst: 100_000 },
    active: { small: 1, large: 1 },
    rateMust: GROWTH_RATIO_MUST,
  },
]
const MEETING_MS_MAX = 120_000
const WORKLOADS: readonly Workload[] = ['W1', 'W2', 'W4']

export async function growthTable(run: Run): Promise<string> {
  const rows: string[][] = []
  for (const growth of GROWTHS) {
    const small = await run.database.fresh(growth.small)
    const large = await run.database.fresh(growth.large)
    await withServers(run, ['bulkhead'], { database: small }, async ([smallServer]) =>
      withServers(run, ['bulkhead'], { database: large }, async ([largeServer]) => {
        if (smallServer === undefined || largeServer === undefined) throw new Error('both were started')
        await meetTenants(run, growth, smallServer, growth.active.small)
        await meetTenants(run, growth, largeServer, growth.active.large)
        for (const workload of WORKLOADS) {
          run.tell(`${growth.name}: ${workload}`)
          rows.push([
            growth.name,
            workload,
            ...(await compare(run, growth, workload, smallServer, largeServer)),
          ])
        }
      }),
    )
  }
  return table([['growth', 'workload', 'requests/s', 'CPU per request', ''], ...rows])
}

/** Each active tenant asks once: what is cached by tenant is then as full as it will be. */
async function meetTenants(run: Run, growth: Growth, server: ServerProcess, tenants: number): Promise<void> {
  run.tell(`${growth.name}: meeting ${tenants} tenants`)
  const tokens = await tokensOf(run.options.dataDir, tenants)
  await run.generator.run({
    peer: server.peer,
    workload: 'W1',
    port: server.port,
    connections: CONNECTIONS[0],
    windowMs: MEETING_MS_MAX,
    requestsMax: tenants,
    tokens,
    shape: growth.small,
    keyPrefix: 'meeting',
  })
}

async function compare(
  run: Run,
  growth: Growth,
  workload: Workload,
  small: ServerProcess,
  large: ServerProcess,
): Promise<string[]> {
  const { rounds, windowMs } = run.options
  const { dataDir } = run.options
  const sides = [
    { server: small, shape: growth.small, tokens: await tokensOf(dataDir, growth.active.small) },
    { server: large, shape: growth.large, tokens: await tokensOf(dataDir, growth.active.large) },
  ].map((side) => ({ ...side, measured: [] as Measurement[], turns: 0 }))
  for (let round = -1; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const plan = {
        generator: run.generator,
        tokens: side.tokens,
        // Rows that both have, also where the larger one has more.
        shape: { ...side.shape, ordersPerTenant: growth.small.ordersPerTenant },
        // Goes on where the last window ended: from the start, it would meet the same tenants again.
        firstTurn: side.turns,
      }
      const measurement = await measure(side.server, workload, plan, windowMs)
      side.turns += measurement.requests
      // The first round warms up.
      if (round >= 0) side.measured.push(measurement)
    }
  }
  const ratioOf = (what: (measurement: Measurement) => number) =>
    median(
      (sides[1]?.measured ?? []).map(
        (measurement, round) => what(measurement) / what(sides[0]?.measured[round] as Measurement),
      ),
    )
  const rate = ratioOf(({ perSecond }) => perSecond)
  const cpu = ratioOf(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest)
  return [share(rate), share(cpu), `must ${growth.rateMust}: ${rate < growth.rateMust ? 'FAIL' : 'pass'}`]
}
