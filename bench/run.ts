// One run of the benchmark: its database, its servers, its measurements.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { compareAnswers } from './compare.ts'
import { type BenchServer, startBenchServer } from './database.ts'
import { growthTable } from './growth.ts'
import type { Options } from './options.ts'
import { planOf, tokensOf } from './plans.ts'
import { type LoadGenerator, type ServerProcess, startLoadGenerator, startServer } from './processes.ts'
import { scopeTable, workloadTable } from './report.ts'
import { measureRounds } from './rounds.ts'
import { SHAPE } from './rows.ts'
import type { ScopeCost } from './scope-cost.ts'
import { soakTable } from './soak.ts'
import type { Peer } from './workloads.ts'

const SCOPE_WINDOW_MS = 1_000

/** What the parts of a run share. */
export type Run = {
  readonly options: Options
  readonly database: BenchServer
  readonly generator: LoadGenerator
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
    tell: (progress) => process.stderr.write(`${progress}\n`),
    print: (text) => process.stdout.write(`\n${text}\n`),
  }
  try {
    if (options.scope) await runScope(run)
    if (options.workloads.length > 0) await runWorkloads(run)
    if (options.growth) run.print(await growthTable(run))
    if (options.soak) run.print(await soakTable(run))
    return 0
  } finally {
    await generator.stop()
    await database.stop()
  }
}

async function runScope({ options, database, print, tell }: Run): Promise<void> {
  tell('what the scope costs')
  const urls = await database.fresh(SHAPE)
  const setting = { ...urls, rounds: options.rounds, windowMs: SCOPE_WINDOW_MS }
  const file = fileURLToPath(new URL('scope-cost.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [file, JSON.stringify(setting)], {
    env: { ...process.env, NODE_ENV: 'production' },
  })
  print(scopeTable(JSON.parse(stdout) as ScopeCost))
}

async function runWorkloads(run: Run): Promise<void> {
  const { options, generator, print, tell } = run
  const database = await run.database.fresh(SHAPE)
  const tokens = await tokensOf(options.dataDir, SHAPE.tenants)
  await withServers(run, options.peers, database, async (servers) => {
    await compareAnswers(servers, options.workloads, { shape: SHAPE, tokens, adminUrl: database.adminUrl })
    tell('all servers answer alike')
    const { workloads, rounds, windowMs } = options
    const measured = await measureRounds(
      { servers, workloads, generator, tokens, shape: SHAPE, rounds, windowMs },
      tell,
    )
    print(workloadTable(measured, options.peers))
  })
}

/** Runs `work` on started servers, and always stops them. */
export async function withServers(
  { options }: Run,
  peers: readonly Peer[],
  database: Awaited<ReturnType<BenchServer['fresh']>>,
  work: (servers: readonly ServerProcess[]) => Promise<void>,
): Promise<void> {
  const servers: ServerProcess[] = []
  const { dataDir, profileDir } = options
  const profiling = profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  try {
    for (const peer of peers) {
      servers.push(await startServer(await planOf(peer, { dataDir, database }), profiling))
    }
    await work(servers)
  } finally {
    for (const server of servers) await server.stop()
  }
}
