// The tables that a run prints. Ratios, never absolute times, which depend on the machine.
import { type Measurement, type Measurements, ratio } from './rounds.ts'
import type { ScopeCost } from './scope-cost.ts'
import { SCOPE_RATIO_MUST, TARGETS, verdict } from './targets.ts'
import { type Peer, WORKLOAD_NAMES, type Workload } from './workloads.ts'

/** A larger spread between rounds means that the machine was busy. */
const NOISY_SPREAD = 2
const NOISY =
  'The rounds differ by more than a factor of 2: the machine was busy, run again when it is quiet.'

const rate = ({ perSecond }: Measurement) => perSecond
const cpu = ({ cpuMicrosPerRequest }: Measurement) => cpuMicrosPerRequest

/** Requests per second and CPU of every peer relative to `raw`, then Bulkhead against its targets. */
export function workloadTable(measurements: Measurements, peers: readonly Peer[]): string {
  const against = peers.filter((peer) => peer !== 'bulkhead')
  const header = [
    'workload',
    ...peers.map((peer) => `${peer} ÷ raw`),
    ...peers.map((peer) => `CPU ${peer} ÷ raw`),
    ...(peers.includes('bulkhead') ? against.map((peer) => `bulkhead ÷ ${peer} (must · stretch)`) : []),
  ]
  const rows = [...measurements].map(([workload, byPeer]) => [
    `${workload} ${WORKLOAD_NAMES[workload]}`,
    ...peers.map((peer) => share(ratio(byPeer, peer, 'raw', rate)?.median)),
    ...peers.map((peer) => share(ratio(byPeer, peer, 'raw', cpu)?.median)),
    ...(peers.includes('bulkhead') ? against.map((peer) => targetCell(byPeer, workload, peer)) : []),
  ])
  const noisy = [...measurements.values()].some((byPeer) =>
    against.some((peer) => {
      const measured = ratio(byPeer, 'bulkhead', peer, rate)
      return measured !== null && measured.highest > NOISY_SPREAD * measured.lowest
    }),
  )
  return table([header, ...rows]) + (noisy ? `\n${NOISY}` : '')
}

function targetCell(
  byPeer: ReadonlyMap<Peer, readonly Measurement[]>,
  workload: Workload,
  peer: Peer,
): string {
  const measured = ratio(byPeer, 'bulkhead', peer, rate)
  const target = TARGETS[workload][peer]
  if (measured === null || target === undefined) return '–'
  const range = `${share(measured.lowest)}–${share(measured.highest)}`
  return `${share(measured.median)} [${range}] (${target.must} · ${target.stretch}) ${verdict(measured.median, target)}`
}

const SCOPE_NAMES: Record<keyof ScopeCost, string> = {
  without: 'Prisma without row-level security, tenant in WHERE',
  scoped: "Bulkhead's handle: scope and query under one Sync",
  documented: "Prisma's documented extension",
  readerWithout: "the API's reader without row-level security",
  reader: "the API's reader: scope and query under one Sync",
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
