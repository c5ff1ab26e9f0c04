// Measures the same load on every server in turn, round after round, so that disturbances of the machine affect all.
import { median } from './median.ts'
import type { LoadGenerator, ServerProcess } from './processes.ts'
import type { Shape } from './rows.ts'
import type { Peer, Workload } from './workloads.ts'

const CONNECTIONS = 16
const WARM_UP_MS = 1_500

export type Measurement = {
  readonly perSecond: number
  /** Of the server's process only. */
  readonly cpuMicrosPerRequest: number
  readonly p99Ms: number
}

/** By workload and peer, one measurement a round. */
export type Measurements = Map<Workload, Map<Peer, Measurement[]>>

export type RoundsPlan = {
  readonly servers: readonly ServerProcess[]
  readonly workloads: readonly Workload[]
  readonly generator: LoadGenerator
  readonly tokens: readonly string[]
  readonly shape: Shape
  readonly rounds: number
  readonly windowMs: number
}

export async function measureRounds(
  plan: RoundsPlan,
  tell: (progress: string) => void,
): Promise<Measurements> {
  const measurements: Measurements = new Map()
  for (const workload of plan.workloads) {
    const byPeer = new Map<Peer, Measurement[]>(plan.servers.map(({ peer }) => [peer, []]))
    measurements.set(workload, byPeer)
    for (const server of plan.servers) await measure(server, workload, plan, WARM_UP_MS)
    for (let round = 0; round < plan.rounds; round += 1) {
      tell(`${workload} round ${round + 1} of ${plan.rounds}`)
      for (const index of plan.servers.keys()) {
        // Each server comes first, second and last in turn.
        const server = plan.servers[(index + round) % plan.servers.length] as ServerProcess
        byPeer.get(server.peer)?.push(await measure(server, workload, plan, plan.windowMs))
      }
    }
    for (const [peer, measured] of byPeer) tell(`${workload} ${peer}: ${absolute(measured)}`)
  }
  return measurements
}

/** For people who work on a server: absolute figures of this machine at this time. */
function absolute(measured: readonly Measurement[]): string {
  const middle = (what: (measurement: Measurement) => number) => median(measured.map(what))
  const perSecond = middle((measurement) => measurement.perSecond)
  const cpuMicros = middle((measurement) => measurement.cpuMicrosPerRequest)
  const p99Ms = middle((measurement) => measurement.p99Ms)
  return `${perSecond.toFixed(0)} requests/s, ${cpuMicros.toFixed(0)} µs of CPU each, p99 ${p99Ms.toFixed(1)} ms`
}

let windows = 0

/** One window of load. */
export async function measure(
  server: ServerProcess,
  workload: Workload,
  plan: Pick<RoundsPlan, 'generator' | 'tokens' | 'shape'>,
  windowMs: number,
): Promise<Measurement> {
  windows += 1
  const before = await server.usage()
  const { requests, elapsedMs, p99Ms } = await plan.generator.run({
    peer: server.peer,
    workload,
    port: server.port,
    connections: CONNECTIONS,
    windowMs,
    tokens: plan.tokens,
    shape: plan.shape,
    keyPrefix: `bench-${windows}`,
  })
  const after = await server.usage()
  return {
    perSecond: requests / (elapsedMs / 1_000),
    cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / requests,
    p99Ms,
  }
}

/**
 * The median over rounds of `of` divided by `by`, with the lowest and highest. Pairs are of one round, since rounds are
 * minutes apart.
 */
export function ratio(
  byPeer: ReadonlyMap<Peer, readonly Measurement[]>,
  of: Peer,
  by: Peer,
  what: (measurement: Measurement) => number,
): { readonly median: number; readonly lowest: number; readonly highest: number } | null {
  const divisors = byPeer.get(by)
  const values = byPeer.get(of)?.flatMap((measurement, round) => {
    const divisor = divisors?.[round]
    return divisor === undefined ? [] : [what(measurement) / what(divisor)]
  })
  if (values === undefined || values.length === 0) return null
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}
