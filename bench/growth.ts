// Does a request cost more when there are more tenants, or when its tenant has more rows? Two databases side by side.
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
  readonly tenantsLoaded: 'all' | 1
}

const GROWTHS: readonly Growth[] = [
  {
    name: '10,000 tenants ÷ 100 tenants',
    small: { tenants: 100, ordersPerTenant: 30 },
    large: { tenants: 10_000, ordersPerTenant: 30 },
    tenantsLoaded: 'all',
  },
  {
    name: '100,000 orders of a tenant ÷ 1,000 orders',
    small: { tenants: 10, ordersPerTenant: 1_000 },
    large: { tenants: 10, ordersPerTenant: 1_000, ordersOfFirst: 100_000 },
    tenantsLoaded: 1,
  },
]
const WORKLOADS: readonly Workload[] = ['W1', 'W2', 'W4']

export async function growthTable(run: Run): Promise<string> {
  const rows: string[][] = []
  for (const growth of GROWTHS) {
    const small = await run.database.fresh(growth.small)
    const large = await run.database.fresh(growth.large)
    await withServers(run, ['bulkhead'], small, async ([smallServer]) =>
      withServers(run, ['bulkhead'], large, async ([largeServer]) => {
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
  const sides = [
    { server: small, shape: growth.small },
    { server: large, shape: growth.large },
  ].map(({ server, shape }) => ({ server, shape, measured: [] as Measurement[] }))
  for (let round = -1; round < rounds; round += 1) {
    for (const { server, shape, measured } of round % 2 === 0 ? sides : sides.toReversed()) {
      const tokens = await tokensOf(
        run.options.dataDir,
        growth.tenantsLoaded === 'all' ? shape.tenants : growth.tenantsLoaded,
      )
      // Rows that both have, wherever the larger one has more.
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
  return [share(rate), share(cpu), rate * GROWTH_RATIO_MAX < 1 ? 'FAIL' : 'pass']
}
