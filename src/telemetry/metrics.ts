// Prometheus metrics of one process: requests, the database's pool, integrity checks, jobs and the process itself.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PoolState } from '../db/database.ts'
import type { QueueState } from '../db/queue/queue-connection.ts'

/** Clients choose operation names, and every name is a permanent series. */
const OPERATIONS_MAX = 200
const OPERATION_LENGTH_MAX = 64
const OTHER = 'other'
/** Series are kept for so many tenants; beyond that, only for tenants with violations. */
const VERIFIED_TENANTS_MAX = 1_000

/** Dense where a healthy answer falls, so that p50, p95 and p99 are accurate within a quarter of their value. */
const DURATION_BUCKETS_SECONDS = [
  0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.016, 0.025, 0.04, 0.06, 0.1, 0.16, 0.25, 0.5, 1,
  2.5, 5, 10,
]

export type RequestOutcome = {
  /** The client's operation name; null when it has none. */
  readonly operation: string | null
  /** An error code, or `OK`. */
  readonly code: string
  readonly durationMs: number
}

/** The result of one tenant's integrity checks. */
export type IntegrityOutcome = {
  readonly tenantSlug: string
  readonly checkedAt: Date
  readonly checks: readonly { readonly name: string; readonly violationCount: number }[]
}

/** What a worker reports about its jobs and the queue. */
export type JobMetrics = {
  observeJob(outcome: { readonly task: string; readonly result: 'done' | 'failed' }): void
  /** Called at each scrape; null: no jobs are run here any more. */
  watchQueue(state: (() => Promise<QueueState>) | null): void
}

export type Metrics = JobMetrics & {
  observeRequest(outcome: RequestOutcome): void
  observeIntegrity(outcome: IntegrityOutcome): void
  /** The text that Prometheus scrapes. */
  render(): Promise<string>
  readonly contentType: string
}

type Series = {
  readonly duration: { observe(seconds: number): void }
  readonly counts: Map<string, { inc(): void }>
}

/** Metrics in a registry of their own. `poolState` is called at each scrape. */
export function createMetrics(options: { poolState(): PoolState }): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  addPoolGauges(registry, options.poolState)
  const requests = new Counter({
    name: 'bulkhead_graphql_requests_total',
    help: 'GraphQL requests, by operation and first error code (OK without errors).',
    labelNames: ['operation', 'code'] as const,
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'bulkhead_graphql_request_duration_seconds',
    help: 'From the end of a request’s head to the answer being handed to the socket.',
    labelNames: ['operation'] as const,
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [registry],
  })
  /** One look-up per operation: prom-client otherwise hashes labels at every call. */
  const series = new Map<string, Series>()

  function seriesOf(name: string): Series {
    const known = series.get(name)
    if (known !== undefined) return known
    const isNamed = series.size < OPERATIONS_MAX && name.length <= OPERATION_LENGTH_MAX
    if (!isNamed && name !== OTHER) return seriesOf(OTHER)
    const made = { duration: durations.labels(name), counts: new Map() }
    series.set(name, made)
    return made
  }

  function countOf({ counts }: Series, operation: string, code: string): { inc(): void } {
    let count = counts.get(code)
    if (count === undefined) {
      count = requests.labels(operation, code)
      counts.set(code, count)
    }
    return count
  }

  return {
    observeRequest({ operation, code, durationMs }) {
      const name = operation ?? 'anonymous'
      const own = seriesOf(name)
      own.duration.observe(durationMs / 1_000)
      countOf(own, series.has(name) ? name : OTHER, code).inc()
    },
    observeIntegrity: integrityGauges(registry),
    ...jobMetrics(registry),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function addPoolGauges(registry: Registry, poolState: () => PoolState): void {
  const gauges: readonly (readonly [keyof PoolState, string])[] = [
    ['total', 'Connections that are open.'],
    ['idle', 'Open connections that are not in use.'],
    ['waiting', 'Statements that wait for a connection.'],
    ['max', 'Connections there may be at most.'],
  ]
  for (const [key, help] of gauges) {
    new Gauge({
      name: `bulkhead_database_pool_${key}`,
      help,
      registers: [registry],
      collect() {
        this.set(poolState()[key])
      },
    })
  }
}

function jobMetrics(registry: Registry): JobMetrics {
  const jobs = new Counter({
    name: 'bulkhead_jobs_total',
    help: 'Jobs that this process ran, by task and result.',
    labelNames: ['task', 'result'] as const,
    registers: [registry],
  })
  let watched: (() => Promise<QueueState>) | null = null
  let asked: Promise<QueueState | null> | null = null

  /** Once per scrape for all gauges, since it counts the queue. */
  function stateNow(): Promise<QueueState | null> {
    // Without an answer of the database there is no figure; the other metrics are scraped all the same.
    asked ??= (watched?.() ?? Promise.resolve(null))
      .catch(() => null)
      .finally(() => {
        asked = null
      })
    return asked
  }

  const gauges: readonly (readonly [keyof QueueState, string, string])[] = [
    ['pending', 'bulkhead_jobs_pending', 'Jobs that wait, or are tried again.'],
    ['dead', 'bulkhead_jobs_dead', 'Jobs that used up their attempts.'],
    ['oldestDueSeconds', 'bulkhead_jobs_oldest_due_seconds', 'How long the oldest due job has waited.'],
  ]
  for (const [key, name, help] of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const state = await stateNow()
        if (state === null) this.remove()
        else this.set(state[key])
      },
    })
  }
  return {
    observeJob: ({ task, result }) => jobs.labels(task, result).inc(),
    watchQueue(state) {
      watched = state
    },
  }
}

function integrityGauges(registry: Registry): (outcome: IntegrityOutcome) => void {
  const violations = new Gauge({
    name: 'bulkhead_integrity_violations',
    help: 'Violations that the last check of a tenant’s books found.',
    labelNames: ['tenant', 'check'] as const,
    registers: [registry],
  })
  const checkedAtSeconds = new Gauge({
    name: 'bulkhead_integrity_checked_timestamp_seconds',
    help: 'When a tenant’s books were last checked.',
    labelNames: ['tenant'] as const,
    registers: [registry],
  })
  const tenants = new Set<string>()
  return ({ tenantSlug: tenant, checkedAt, checks }) => {
    const isClean = checks.every(({ violationCount }) => violationCount === 0)
    if (isClean && !tenants.has(tenant) && tenants.size >= VERIFIED_TENANTS_MAX) return
    tenants.add(tenant)
    for (const { name, violationCount } of checks) violations.set({ tenant, check: name }, violationCount)
    checkedAtSeconds.set({ tenant }, checkedAt.getTime() / 1_000)
  }
}
