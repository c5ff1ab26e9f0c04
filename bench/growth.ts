// Measures whether a request costs more with more tenants, or with more rows of its tenant. Two databases side by side.
import { median } from './median.ts'
import { tokensOf } from './plans.ts'
import type { ServerProcess } from './processes.ts'
import { share, table } from './report.ts'
import { type Measurement, measure } from './rounds.ts'
import type { Shape } from './rows.ts'
import { type Run, withServers } from './run.ts'
import { GROWTH_RATIO_MAX } from './targets.ts'
import type { Workload } from './workloads.ts'

type Growth = {
  readonly name: string
  readonly small: Shape
  readonly large: Shape
  /** The number of tenants that send requests, on each side. */
  readonly active: { readonly small: number; readonly large: number }
  /** Whether the larger side must not cost more. */
  readonly bound: boolean
}

const FEW: Shape = { tenants: 100, ordersPerTenant: 30 }
const MANY: Shape = { tenants: 10_000, ordersPerTenant: 30 }

const GROWTHS: readonly Growth[] = [
  {
    name: '10,000 tenants ÷ 100 tenants, 100 of them active',
    small: FEW,
    large: MANY,
    active: { small: 100, large: 100 },
    bound: true,
  },
  {
    // Each tenant returns after its token and membership were evicted: the cost of a first request.
    name: '10,000 active tenants ÷ 100 active tenants',
    small: FEW,
    large: MANY,
    active: { small: 100, large: 10_000 },
    bound: false,
  },
  {
    name: '100,000 orders of a tenant ÷ 1,000 orders',
    small: { tenants: 10, ordersPerTenant: 1_000 },
    large: { tenants: 10, ordersPerTenant: 1_000, ordersOfFirst: 100_000 },
    active: { small: 1, large: 1 },
    bound: true,
  },
]
const WORKLOADS: readonly Workload[] = ['W1', 'W2', 'W4']

export async function growthTable(run: Run): Promise<string> {
  const rows: string[][] = []
  for (const growth of GROWTHS) {
    const small = await run.database.fresh(growth.small)
    const large = await run.database.fresh(growth.large)
    await withServers(run, ['bulkhead'], { database: small }, async ([smallServer]) =>
      withServers(run, ['bulkhead'], { database: large }, async ([largeServer]) => {
        if (smallServer === undefined || largeServer === undefined) throw new Error('both were started')
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
  ].map((side) => ({ ...side, measured: [] as Measurement[] }))
  for (let round = -1; round < rounds; round += 1) {
    for (const { server, shape, tokens, measured } of round % 2 === 0 ? sides : sides.toReversed()) {
      // Rows that both have, also where the larger one has more.
      const plan = {
        generator: run.generator,
        tokens,
        shape: { ...shape, ordersPerTenant: growth.small.ordersPerTenant },
      }
      const measurement = await measure(server, workload, plan, windowMs)
      // The first round warms up.
      if (round >= 0) measured.push(measurement)
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
  const verdict = rate * GROWTH_RATIO_MAX < 1 ? 'FAIL' : 'pass'
  return [share(rate), share(cpu), growth.bound ? verdict : '']
}
