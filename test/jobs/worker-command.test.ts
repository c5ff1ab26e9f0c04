// `bulkhead worker`, and servers that leave jobs to it, in separate processes.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { cleanKeysTask } from '../../src/jobs/clean-idempotency-keys.ts'
import { bulkhead, type Running, startBulkhead } from '../cli/command-line.ts'
import { asRuntime } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { TENANT_A } from '../support/two-tenants.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

const HERE = { PORT: '0', METRICS_PORT: '0', SANDBOX_PORT: '0' }
const PROCESS_START_MS = 60_000

let shop: Workshop
let directory: string
const started: Running[] = []
beforeAll(async () => {
  shop = await openWorkshop()
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-worker-'))
})
afterEach(async () => {
  for (const running of started.splice(0)) {
    running.process.kill('SIGTERM')
    await running.ended
  }
  await shop.tidyUp()
})
afterAll(async () => {
  await shop?.close()
  await rm(directory, { recursive: true, force: true })
})

function settings(env: Record<string, string>) {
  const { runtimeUrl, workerUrl } = shop.testDatabase
  const urls = { DATABASE_URL: runtimeUrl, DATABASE_WORKER_URL: workerUrl }
  return { cwd: directory, env: { NODE_ENV: 'development', DATA_DIR: directory, ...HERE, ...urls, ...env } }
}

function start(command: string, env: Record<string, string> = {}): Running {
  const running = startBulkhead([command], settings(env))
  started.push(running)
  return running
}

const says = (running: Running, words: string) =>
  eventually(async () => expect(running.said.stderr).toContain(words))

it('runs the product’s jobs without serving, and stops cleanly on SIGTERM', {
  timeout: PROCESS_START_MS,
}, async () => {
  const worker = start('worker')
  await says(worker, 'running jobs')
  await asRuntime(shop.testDatabase, TENANT_A.id, (client) =>
    client.query(`INSERT INTO idempotency_keys (operation, key, fingerprint, created_at)
      VALUES ('test', 'old', '\\x00', now() - interval '4 days')`),
  )
  await shop.queued(TENANT_A.id, { task: cleanKeysTask.name })
  await shop.untilEmpty()
  const { rows } = await shop.admin.query(`SELECT key FROM idempotency_keys WHERE operation = 'test'`)
  expect(rows).toEqual([])
  worker.process.kill('SIGTERM')
  expect(await worker.ended).toMatchObject({ code: 0, stdout: '' })
})

it.each([
  ['no job at once', { JOBS_CONCURRENCY: '0' }, 'JOBS_CONCURRENCY is 0'],
  ['no role for it', { DATABASE_WORKER_URL: '' }, 'set DATABASE_WORKER_URL'],
  ['nothing that runs', { DATABASE_URL: '', DATABASE_WORKER_URL: '' }, 'start the server, or set'],
])('says what is wrong, and fails, with %s', async (_, env, message) => {
  const { code, stdout, stderr } = await bulkhead(['worker'], settings(env))
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(new RegExp(`^bulkhead: .*${message}`, 'm'))
})

it.each([
  ['a superuser', () => shop.testDatabase.adminUrl, 'is SUPERUSER'],
  ['the role that serves', () => shop.testDatabase.runtimeUrl, 'runs jobs, and holds rights on'],
])('refuses to run jobs as %s', async (_, url, message) => {
  const { code, stderr } = await bulkhead(['worker'], settings({ DATABASE_WORKER_URL: url() }))
  expect(code).toBe(1)
  expect(stderr).toContain(message)
})

async function metricsOf({ said }: Running): Promise<string> {
  const url = /http:[^\s"]+\/metrics/.exec(said.stderr)?.[0] ?? ''
  return await (await fetch(url)).text()
}

it('a server that runs no jobs itself leaves them, and reports what waits', {
  timeout: PROCESS_START_MS,
}, async () => {
  const server = start('serve', { JOBS_CONCURRENCY: '0' })
  await shop.queued(TENANT_A.id, { task: cleanKeysTask.name })
  await says(server, '"ready"')
  expect(await metricsOf(server)).toMatch(/^bulkhead_jobs_pending 1$/m)
  expect(await shop.jobs()).toMatchObject([{ attempts: 0 }])
})

it('a server without a role for jobs logs that once, and has no metrics of the queue', {
  timeout: PROCESS_START_MS,
}, async () => {
  const server = start('serve', { DATABASE_WORKER_URL: '' })
  await says(server, '"ready"')
  const warnings = server.said.stderr.split('\n').filter((line) => line.includes('DATABASE_WORKER_URL'))
  expect(warnings.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ msg: 'DATABASE_WORKER_URL is not set: this process runs no jobs' }),
  ])
  expect(await metricsOf(server)).not.toMatch(/^bulkhead_jobs_pending/m)
})
