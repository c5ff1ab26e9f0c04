// One run of the benchmark: its database, its servers, its measurements.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { commandsTable } from './commands.ts'
import { compareAnswers } from './compare.ts'
import { type BenchServer, startBenchServer } from './database.ts'
import { growthTable } from './growth.ts'
import type { Options } from './options.ts'
import { type Common, planOf, tokensOf } from './plans.ts'
import { type LoadGenerator, type ServerProcess, startLoadGenerator, startServer } from './processes.ts'
import { scopeTable, workloadTables } from './report.ts'
import { measureRounds } from './rounds.ts'
import { SHAPE, type Shape, SMOKE_SHAPE } from './rows.ts'
import type { ScopeCost } from './scope-cost.ts'
import { soakTable } from './soak.ts'
import type { Peer } from './workloads.ts'

const SCOPE_WINDOW_MS = 1_000
const SMOKE_SCOPE_WINDOW_MS = 250

/** What the parts of a run share. */
export type Run = {
  readonly options: Options
  readonly database: BenchServer
  readonly generator: LoadGenerator
  /** Of the databases that are not made for growth. */
  readonly shape: Shape
  tell(progress: string): void
  print(text: string): void
}

/** Returns the exit code: a missed target is not a failure of the benchmark. */
export async function runBenchmark(options: Options): Promise<number> {
  const database = await startBenchServer(options.dataDir, pino({ level: 'warn' }, process.stderr))
  const generator = startLoadGenerator()
  const run: Run = {
    options,
    database,
    generator,
    shape: options.smoke ? SMOKE_SHAPE : SHAPE,
    tell: (progress) => process.stderr.write(`${progress}\n`),
    // Of a smoke run, figures and verdicts mean nothing.
    print: (text) => void (options.smoke || process.stdout.write(`\n${text}\n`)),
  }
  try {
    if (options.scope) await runScope(run)
    if (options.workloads.length > 0) await runWorkloads(run)
    if (options.commands) await runCommands(run)
    if (options.growth) run.print(await growthTable(run))
    if (options.soak) run.print(await soakTable(run))
    if (options.smoke) process.stdout.write('The benchmark works: all servers answered, and alike.\n')
    return 0
  } finally {
    await generator.stop()
    await database.stop()
  }
}

async function runScope({ options, database, shape, print, tell }: Run): Promise<void> {
  tell('what the scope costs')
  const urls = await database.fresh(shape)
  const windowMs = options.smoke ? SMOKE_SCOPE_WINDOW_MS : SCOPE_WINDOW_MS
  const setting = { ...urls, shape, rounds: options.rounds, windowMs }
  const file = fileURLToPath(new URL('scope-cost.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [file, JSON.stringify(setting)], {
    env: { ...process.env, NODE_ENV: 'production' },
  })
  print(scopeTable(JSON.parse(stdout) as ScopeCost))
}

async function runWorkloads(run: Run): Promise<void> {
  const { options, generator, shape, print, tell } = run
  const tokens = await tokensOf(options.dataDir, shape.tenants)
  await withPeers(run, options.peers, async (servers) => {
    await compareAnswers(servers, options.workloads, { shape, tokens })
    tell('all servers answer alike')
    const { workloads, rounds, windowMs, warmUpMs } = options
    const measured = await measureRounds(
      { servers, workloads, generator, tokens, shape, rounds, windowMs, warmUpMs },
      tell,
    )
    print(workloadTables(measured, options.peers))
  })
}

async function runCommands(run: Run): Promise<void> {
  const table = await commandsTable(run)
  if (table !== null) run.print(table)
}

/** Runs `work` on the servers of the peers: on one database, and `before` on one of its own. */
export async function withPeers(
  run: Run,
  peers: readonly Peer[],
  work: (servers: readonly ServerProcess[]) => Promise<void>,
): Promise<void> {
  const { options, shape } = run
  const database = await run.database.fresh(shape)
  const { against } = options
  if (against === null) return await withServers(run, peers, { database }, work)
  const others = peers.filter((peer) => peer !== 'before')
  const databaseBefore = await run.database.fresh(shape, against)
  await withServers(run, others, { database }, (servers) =>
    withServers(run, ['before'], { database: databaseBefore, checkout: against }, (before) =>
      work([...servers, ...before]),
    ),
  )
}

/** Runs `work` on started servers, and always stops them. */
export async function withServers(
  { options }: Run,
  peers: readonly Peer[],
  on: Pick<Common, 'database' | 'checkout'>,
  work: (servers: readonly ServerProcess[]) => Promise<void>,
): Promise<void> {
  const servers: ServerProcess[] = []
  const { dataDir, profileDir } = options
  const profiling = profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  try {
    for (const peer of peers) {
      servers.push(await startServer(await planOf(peer, { ...on, dataDir }), profiling))
    }
    await work(servers)
  } finally {
    for (const server of servers) await server.stop()
  }
}
