// Measures the same load on every server in turn, round after round, so that disturbances of the machine affect all.
import { backendsCpu, cpuBetween } from './backends.ts'
import type { LoadResult } from './load.ts'
import { median } from './median.ts'
import type { LoadGenerator, ServerProcess } from './processes.ts'
import type { Shape } from './rows.ts'
import type { Peer, Workload } from './workloads.ts'

/** How many connections ask at once: of the first, everything is measured; of the others, how long answers take. */
export const CONNECTIONS = [16, 64] as const
const MAIN_CONNECTIONS = CONNECTIONS[0]

export type Latency = { readonly p50Ms: number; readonly p99Ms: number }

export type Measurement = {
  readonly requests: number
  readonly perSecond: number
  /** Of the server's process only. */
  readonly cpuMicrosPerRequest: number
  /** Of the processes that serve its database's connections; null where the system does not say. */
  readonly databaseMicrosPerRequest: number | null
  /** By the number of connections. */
  readonly latency: ReadonlyMap<number, Latency>
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
  readonly warmUpMs: number
}

export async function measureRounds(
  plan: RoundsPlan,
  tell: (progress: string) => void,
): Promise<Measurements> {
  const measurements: Measurements = new Map()
  for (const workload of plan.workloads) {
    const byPeer = new Map<Peer, Measurement[]>(plan.servers.map(({ peer }) => [peer, []]))
    measurements.set(workload, byPeer)
    for (const server of plan.servers) await measure(server, workload, plan, plan.warmUpMs)
    for (let round = 0; round < plan.rounds; round += 1) {
      tell(`${workload} round ${round + 1} of ${plan.rounds}`)
      for (const index of plan.servers.keys()) {
        // Each server comes first, second and last in turn.
        const server = plan.servers[(index + round) % plan.servers.length] as ServerProcess
        byPeer.get(server.peer)?.push(await measureAll(server, workload, plan))
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
  const databaseMicros = median(
    measured.map(({ databaseMicrosPerRequest }) => databaseMicrosPerRequest ?? Number.NaN),
  )
  return `${perSecond.toFixed(0)} requests/s, ${cpuMicros.toFixed(0)} µs of CPU each, and ${databaseMicros.toFixed(0)} µs of PostgreSQL's`
}

/** A window of load, and half a one for each other number of connections. */
async function measureAll(server: ServerProcess, workload: Workload, plan: RoundsPlan): Promise<Measurement> {
  const measured = await measure(server, workload, plan, plan.windowMs)
  const latency = new Map(measured.latency)
  for (const connections of CONNECTIONS.slice(1)) {
    const { p50Ms, p99Ms } = await load(server, workload, plan, plan.windowMs / 2, connections)
    latency.set(connections, { p50Ms, p99Ms })
  }
  return { ...measured, latency }
}

let windows = 0

/** `firstTurn`: the number of the first request. Default: 0. */
type LoadPlan = Pick<RoundsPlan, 'generator' | 'tokens' | 'shape'> & { readonly firstTurn?: number }

/** One window of load. */
export async function measure(
  server: ServerProcess,
  workload: Workload,
  plan: LoadPlan,
  windowMs: number,
): Promise<Measurement> {
  const usage = await usageSince(server)
  const { requests, elapsedMs, p50Ms, p99Ms } = await load(server, workload, plan, windowMs, MAIN_CONNECTIONS)
  const { cpuMicros, databaseMicros } = await usage()
  return {
    requests,
    perSecond: requests / (elapsedMs / 1_000),
    cpuMicrosPerRequest: cpuMicros / requests,
    databaseMicrosPerRequest: databaseMicros === null ? null : databaseMicros / requests,
    latency: new Map([[MAIN_CONNECTIONS, { p50Ms, p99Ms }]]),
  }
}

/** Begins to count CPU; what it returns ends the count. */
export async function usageSince(server: ServerProcess) {
  const databaseBefore = await backendsCpu(server.adminUrl)
  const before = await server.usage()
  return async (): Promise<{ readonly cpuMicros: number; readonly databaseMicros: number | null }> => {
    const after = await server.usage()
    const databaseAfter = await backendsCpu(server.adminUrl)
    return {
      cpuMicros: after.cpuMicros - before.cpuMicros,
      databaseMicros: cpuBetween(databaseBefore, databaseAfter),
    }
  }
}

async function load(
  { peer, port }: ServerProcess,
  workload: Workload,
  { generator, tokens, shape, firstTurn = 0 }: LoadPlan,
  windowMs: number,
  connections: number,
): Promise<LoadResult> {
  windows += 1
  const keyPrefix = `bench-${windows}`
  return await generator.run({
    peer,
    workload,
    port,
    connections,
    windowMs,
    firstTurn,
    tokens,
    shape,
    keyPrefix,
  })
}

/**
 * The median over rounds of `of` divided by `by`, with the lowest and highest. Pairs are of one round, since rounds are
 * minutes apart.
 */
export function ratio(
  byPeer: ReadonlyMap<Peer, readonly Measurement[]>,
  of: Peer,
  by: Peer,
  what: (measurement: Measurement) => number | null,
): { readonly median: number; readonly lowest: number; readonly highest: number } | null {
  const divisors = byPeer.get(by)
  const values = byPeer.get(of)?.flatMap((measurement, round) => {
    const divisor = divisors?.[round]
    return divisor === undefined ? [] : [(what(measurement) ?? Number.NaN) / (what(divisor) ?? Number.NaN)]
  })
  if (values === undefined || values.length === 0) return null
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}
