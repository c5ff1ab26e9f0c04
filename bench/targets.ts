// Bulkhead's targets: requests per second as a multiple of a peer's, required and desired.
import type { Peer, Workload } from './workloads.ts'

export type Target = { readonly must: number; readonly stretch: number }

export const TARGETS: Record<Workload, Partial<Record<Peer, Target>>> = {
  W1: {
    raw: { must: 0.52, stretch: 0.7 },
    typical: { must: 2.8, stretch: 4.5 },
    postgraphile: { must: 2.4, stretch: 3 },
  },
  W2: {
    raw: { must: 1, stretch: 1.3 },
    typical: { must: 2.2, stretch: 3.2 },
    postgraphile: { must: 2.2, stretch: 2.9 },
  },
  W3: {
    raw: { must: 1, stretch: 1.3 },
    typical: { must: 1.9, stretch: 2.8 },
    postgraphile: { must: 2.1, stretch: 2.6 },
  },
  W4: {
    raw: { must: 0.55, stretch: 0.7 },
    typical: { must: 4, stretch: 6 },
    postgraphile: { must: 1.4, stretch: 1.8 },
  },
}

/** The share of the unscoped read's rate that the scoped one must reach. */
export const SCOPE_RATIO_MUST = 0.95
/** The rate with a hundred times the tenants, or the rows, relative to that without. A smaller loss is noise. */
export const GROWTH_RATIO_MUST = 0.83
/** The rate of 10,000 tenants that take turns, relative to that of 100. */
export const ACTIVE_TENANTS_RATIO_MUST = 0.8
/** How much memory and statements may grow from the second quarter of a long run to the last. */
export const MEMORY_GROWTH_MAX = 1.1

/** The verdict of a measured ratio against a target. */
export function verdict(measured: number, { must, stretch }: Target): 'FAIL' | 'pass' | 'stretch' {
  if (measured < must) return 'FAIL'
  return measured < stretch ? 'pass' : 'stretch'
}
