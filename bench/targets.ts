// Bulkhead's targets: requests per second as a multiple of a peer's, required and desired.
import type { Peer, Workload } from './workloads.ts'

export type Target = { readonly must: number; readonly stretch: number }

export const TARGETS: Record<Workload, Partial<Record<Peer, Target>>> = {
  W1: { typical: { must: 2.8, stretch: 4.5 }, raw: { must: 0.28, stretch: 0.45 } },
  W2: { typical: { must: 2.2, stretch: 3.2 }, raw: { must: 0.55, stretch: 0.8 } },
  W3: { typical: { must: 1.9, stretch: 2.8 }, raw: { must: 0.5, stretch: 0.75 } },
  W4: { typical: { must: 4, stretch: 6 }, raw: { must: 0.55, stretch: 0.85 } },
}

/** The share of the unscoped read's rate that the scoped one must reach. */
export const SCOPE_RATIO_MUST = 0.95
/** How much more a request may cost with a hundred times the tenants, or the rows. Less than this is noise. */
export const GROWTH_RATIO_MAX = 1.2
/** How much the heap may grow from the second quarter of a long run to the last. */
export const HEAP_GROWTH_MAX = 1.1

/** The verdict of a measured ratio against a target. */
export function verdict(measured: number, { must, stretch }: Target): 'FAIL' | 'pass' | 'stretch' {
  if (measured < must) return 'FAIL'
  return measured < stretch ? 'pass' : 'stretch'
}
