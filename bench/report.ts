// The tables that a run prints. Ratios: absolute times depend on the machine, and stand only beside latencies.
import { median } from './median.ts'
import { CONNECTIONS, type Latency, type Measurement, type Measurements, ratio } from './rounds.ts'
import type { ScopeCost } from './scope-cost.ts'
import { SCOPE_RATIO_MUST, TARGETS, type Target, verdict } from './targets.ts'
import { type Peer, WORKLOAD_NAMES, type Workload } from './workloads.ts'

/** A larger spread between rounds means that the machine was busy. */
const NOISY_SPREAD = 2
const NOISY =
  'The rounds differ by more than a factor of 2: the machine was busy, run again when it is quiet.'

type What = (measurement: Measurement) => number | null
type ByPeer = ReadonlyMap<Peer, readonly Measurement[]>

const rate: What = ({ perSecond }) => perSecond
const cpu: What = ({ cpuMicrosPerRequest }) => cpuMicrosPerRequest
const database: What = ({ databaseMicrosPerRequest }) => databaseMicrosPerRequest

/** Requests per second with the targets, CPU, and how long answers take; relative to `raw`, if it was measured. */
export function workloadTables(measurements: Measurements, peers: readonly Peer[]): string {
  const base = (['raw', 'before'] as const).find((peer) => peers.includes(peer)) ?? (peers[0] as Peer)
  const others = peers.filter((peer) => peer !== base)
  const rivals = peers.filter((peer) => peer !== 'bulkhead' && peer !== base)
  const name = (workload: Workload) => `${workload} ${WORKLOAD_NAMES[workload]}`
  const hasBulkhead = peers.includes('bulkhead')
  const rates = [
    [
      'requests/s: median [low–high] (must · stretch)',
      ...others.map((peer) => `${peer} ÷ ${base}`),
      ...(hasBulkhead ? rivals.map((peer) => `bulkhead ÷ ${peer}`) : []),
    ],
    ...[...measurements].map(([workload, byPeer]) => [
      name(workload),
      ...others.map((peer) => cell(byPeer, peer, base, rate, targetOf(workload, peer, base))),
      ...(hasBulkhead
        ? rivals.map((peer) => cell(byPeer, 'bulkhead', peer, rate, targetOf(workload, 'bulkhead', peer)))
        : []),
    ]),
  ]
  const costs = [
    [
      'CPU per request: median [low–high]',
      ...others.map((peer) => `${peer} ÷ ${base}`),
      ...others.map((peer) => `PostgreSQL: ${peer} ÷ ${base}`),
    ],
    ...[...measurements].map(([workload, byPeer]) => [
      name(workload),
      ...others.map((peer) => cell(byPeer, peer, base, cpu)),
      ...others.map((peer) => cell(byPeer, peer, base, database)),
    ]),
  ]
  const latencies = [
    [`p50 · p99 in ms (p99 ÷ that of ${base})`, 'connections', base, ...others],
    ...[...measurements].flatMap(([workload, byPeer]) =>
      CONNECTIONS.map((connections) => [
        name(workload),
        String(connections),
        ...[base, ...others].map((peer) => latencyCell(byPeer, peer, base, connections)),
      ]),
    ),
  ]
  return [rates, costs, latencies].map(table).join('\n\n') + (isNoisy(measurements, base) ? `\n${NOISY}` : '')
}

function targetOf(workload: Workload, of: Peer, by: Peer): Target | undefined {
  return of === 'bulkhead' ? TARGETS[workload][by] : undefined
}

function cell(byPeer: ByPeer, of: Peer, by: Peer, what: What, target?: Target): string {
  const measured = ratio(byPeer, of, by, what)
  if (measured === null || Number.isNaN(measured.median)) return '–'
  const text = `${share(measured.median)} [${share(measured.lowest)}–${share(measured.highest)}]`
  if (target === undefined) return text
  return `${text} (${target.must} · ${target.stretch}) ${verdict(measured.median, target)}`
}

function latencyCell(byPeer: ByPeer, of: Peer, by: Peer, connections: number): string {
  const at = (what: keyof Latency) => (measurement: Measurement) =>
    measurement.latency.get(connections)?.[what] ?? null
  const milliseconds = (what: keyof Latency) =>
    median((byPeer.get(of) ?? []).map((measurement) => at(what)(measurement) ?? Number.NaN)).toFixed(1)
  const text = `${milliseconds('p50Ms')} · ${milliseconds('p99Ms')}`
  return of === by ? text : `${text} (${share(ratio(byPeer, of, by, at('p99Ms'))?.median)})`
}

function isNoisy(measurements: Measurements, base: Peer): boolean {
  return [...measurements.values()].some((byPeer) => {
    const measured = ratio(byPeer, 'bulkhead', base, rate)
    return measured !== null && measured.highest > NOISY_SPREAD * measured.lowest
  })
}

const SCOPE_NAMES: Record<keyof ScopeCost, string> = {
  without: 'Prisma without row-level security, tenant in WHERE',
  scoped: "Bulkhead's handle: scope and query under one Sync",
  documented: "Prisma's documented extension",
  readerWithout: "the API's reader as a superuser: the scope is sent, no policy applies",
  reader: "the API's reader behind the policies",
}

const MUST_BE_CHEAP: ReadonlySet<keyof ScopeCost> = new Set(['scoped', 'reader'])

export function scopeTable(cost: ScopeCost): string {
  const header = ['way, 20 orders by index, 16 at once', 'requests/s', 'CPU of the process', '']
  const rows = (Object.keys(SCOPE_NAMES) as (keyof ScopeCost)[]).map((variant) => [
    SCOPE_NAMES[variant],
    share(cost[variant].ratio),
    share(cost[variant].cpuRatio),
    MUST_BE_CHEAP.has(variant)
      ? `must ${SCOPE_RATIO_MUST}: ${cost[variant].ratio < SCOPE_RATIO_MUST ? 'FAIL' : 'pass'}`
      : '',
  ])
  return table([header, ...rows])
}

export function share(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  return value.toFixed(2)
}

/** A Markdown table with its columns aligned. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  )
  lines.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  return lines.join('\n')
}
