// Measures whether memory stays flat: a long run of mixed requests, half of them seldom the same, so that what is cached
// by document is replaced many times. At every twentieth: the server's heap after a collection, its prepared statements,
// and the memory of PostgreSQL's processes behind them.
import { backendsMemory } from './backends.ts'
import { median } from './median.ts'
import { tokensOf } from './plans.ts'
import type { ServerProcess } from './processes.ts'
import { share, table } from './report.ts'
import { type Run, withServers } from './run.ts'
import { type StatementWatch, watchStatements } from './statement-watch.ts'
import { MEMORY_GROWTH_MAX } from './targets.ts'
import { WORKLOADS } from './workloads.ts'

const REQUESTS = 100_000
const SMOKE_REQUESTS = 800
const WEIGHINGS = 20
const QUARTER = WEIGHINGS / 4
/** The share of the requests whose documents vary. */
const CHURN_SHARE = 0.5
const CONNECTIONS = 16
const STEP_MS_MAX = 600_000
const BYTES_PER_MB = 1_048_576

type Weighed = {
  readonly heapMb: number
  readonly residentMb: number
  /** Named statements of all connections, and of the one with the most. */
  readonly statements: number
  readonly statementsMost: number
  /** Of a process of PostgreSQL's, what it does not share; NaN: not known. */
  readonly backendMb: number
}

const NAMES: Record<keyof Weighed, string> = {
  heapMb: 'heap, MB',
  residentMb: 'process, MB',
  statements: 'prepared statements, all connections',
  statementsMost: 'the connection with the most',
  backendMb: 'a PostgreSQL process, MB',
}
const MUST_BE_FLAT = ['heapMb', 'statements', 'backendMb'] as const

export async function soakTable(run: Run): Promise<string> {
  const tokens = await tokensOf(run.options.dataDir, run.shape.tenants)
  const database = await run.database.fresh(run.shape)
  const watch = await watchStatements(database.runtimeUrl)
  const weighed: Weighed[] = []
  try {
    const watched = { ...database, runtimeUrl: watch.url }
    await withServers(run, ['bulkhead'], { database: watched }, async ([server]) => {
      if (server === undefined) throw new Error('it was started')
      for (let step = 0; step < WEIGHINGS; step += 1) {
        run.tell(`soak ${step + 1} of ${WEIGHINGS}`)
        await sendStep(run, server, tokens, step)
        weighed.push(await weigh(server, watch))
      }
    })
  } finally {
    watch.stop()
  }
  return soakRows(weighed, requestsOf(run))
}

function requestsOf({ options }: Run): number {
  return options.smoke ? SMOKE_REQUESTS : REQUESTS
}

async function sendStep(
  run: Run,
  server: ServerProcess,
  tokens: readonly string[],
  step: number,
): Promise<void> {
  const requests = requestsOf(run) / WEIGHINGS
  const churning = requests * CHURN_SHARE
  const usual = (requests - churning) / WORKLOADS.length
  for (const workload of [...WORKLOADS, 'churn' as const]) {
    const requestsMax = workload === 'churn' ? churning : usual
    await run.generator.run({
      peer: server.peer,
      workload,
      port: server.port,
      connections: CONNECTIONS,
      windowMs: STEP_MS_MAX,
      requestsMax,
      firstTurn: step * requestsMax,
      tokens,
      shape: run.shape,
      keyPrefix: 'soak',
    })
  }
}

async function weigh(server: ServerProcess, watch: StatementWatch): Promise<Weighed> {
  const { heapBytes, rssBytes } = await server.collected()
  const counts = watch.counts()
  const backendBytes = await backendsMemory(server.adminUrl)
  return {
    heapMb: heapBytes / BYTES_PER_MB,
    residentMb: rssBytes / BYTES_PER_MB,
    statements: counts.reduce((sum, count) => sum + count, 0),
    statementsMost: Math.max(0, ...counts),
    backendMb: backendBytes === null ? Number.NaN : backendBytes / BYTES_PER_MB,
  }
}

function soakRows(weighed: readonly Weighed[], requests: number): string {
  const header = [
    `after ${(requests / WEIGHINGS).toLocaleString('en')} requests each`,
    ...weighed.map((_, step) => String(step + 1)),
  ]
  const rows = Object.entries(NAMES).map(([key, name]) => [
    name,
    ...weighed.map((one) => one[key as keyof Weighed].toFixed(key === 'backendMb' ? 1 : 0)),
  ])
  const verdicts = MUST_BE_FLAT.map((key) => {
    const values = weighed.map((one) => one[key])
    const growth = median(values.slice(-QUARTER)) / median(values.slice(QUARTER, 2 * QUARTER))
    const verdict = growth > MEMORY_GROWTH_MAX ? 'FAIL' : 'pass'
    return `${NAMES[key]}, last quarter ÷ second quarter: ${share(growth)} (at most ${MEMORY_GROWTH_MAX}): ${verdict}`
  })
  return [table([header, ...rows]), ...verdicts].join('\n')
}
