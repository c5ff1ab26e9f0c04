// Measures whether memory stays flat: a long run of mixed requests, with the heap size after a collection at every
// tenth.
import { median } from './median.ts'
import { tokensOf } from './plans.ts'
import { share, table } from './report.ts'
import { SHAPE } from './rows.ts'
import { type Run, withServers } from './run.ts'
import { HEAP_GROWTH_MAX } from './targets.ts'
import { WORKLOADS } from './workloads.ts'

const REQUESTS = 100_000
const WEIGHINGS = 20
const CONNECTIONS = 16
const STEP_MS_MAX = 600_000
const BYTES_PER_MB = 1_048_576

export async function soakTable(run: Run): Promise<string> {
  const tokens = await tokensOf(run.options.dataDir, SHAPE.tenants)
  const heaps: number[] = []
  const resident: number[] = []
  await withServers(run, ['bulkhead'], { database: await run.database.fresh(SHAPE) }, async ([server]) => {
    if (server === undefined) throw new Error('it was started')
    for (let weighing = 0; weighing < WEIGHINGS; weighing += 1) {
      run.tell(`soak ${weighing + 1} of ${WEIGHINGS}`)
      for (const workload of WORKLOADS) {
        await run.generator.run({
          peer: 'bulkhead',
          workload,
          port: server.port,
          connections: CONNECTIONS,
          windowMs: STEP_MS_MAX,
          requestsMax: REQUESTS / WEIGHINGS / WORKLOADS.length,
          tokens,
          shape: SHAPE,
          keyPrefix: `soak-${weighing}`,
        })
      }
      const { heapBytes, rssBytes } = await server.collected()
      heaps.push(heapBytes / BYTES_PER_MB)
      resident.push(rssBytes / BYTES_PER_MB)
    }
  })
  const quarter = WEIGHINGS / 4
  const second = median(heaps.slice(quarter, 2 * quarter))
  const last = median(heaps.slice(-quarter))
  const row = (name: string, values: readonly number[]) => [name, ...values.map((value) => value.toFixed(0))]
  const header = ['after 5,000 requests each, MB', ...heaps.map((_, index) => String(index + 1))]
  return `${table([header, row('heap', heaps), row('resident', resident)])}
heap, last quarter ÷ second quarter: ${share(last / second)} (at most ${HEAP_GROWTH_MAX}): ${last / second > HEAP_GROWTH_MAX ? 'FAIL' : 'pass'}`
}
