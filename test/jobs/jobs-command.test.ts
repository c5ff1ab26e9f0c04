// `bulkhead jobs`: lists waiting and dead jobs, and retries dead ones.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { bulkhead } from '../cli/command-line.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

let shop: Workshop
let directory: string
beforeAll(async () => {
  shop = await openWorkshop()
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-jobs-'))
})
afterEach(() => shop.tidyUp())
afterAll(async () => {
  await shop?.close()
  await rm(directory, { recursive: true, force: true })
})

function run(args: string[], env: Record<string, string> = {}) {
  const { runtimeUrl, workerUrl } = shop.testDatabase
  const urls = { DATABASE_URL: runtimeUrl, DATABASE_WORKER_URL: workerUrl }
  return bulkhead(['jobs', ...args], { cwd: directory, env: { DATA_DIR: directory, ...urls, ...env } })
}

/** A waiting and a dead job, with their ids. */
async function oneOfEach(): Promise<{ waiting: string; dead: string }> {
  await shop.queued(TENANT_A.id, { task: 'test.waits', runAt: new Date('2030-01-02T03:04:05Z') })
  await shop.queued(TENANT_B.id, { task: 'test.dead', payload: { card: 'of-somebody' } })
  await shop.admin.query(
    `UPDATE graphile_worker._private_jobs SET attempts = max_attempts, last_error = E'poison\\n  at its second line'
     WHERE payload ->> 'tenantId' = $1`,
    [TENANT_B.id],
  )
  const jobs = await shop.jobs()
  const idOf = (task: string) => jobs.find((job) => job.task === task)?.id ?? ''
  return { waiting: idOf('test.waits'), dead: idOf('test.dead') }
}

describe('jobs list', () => {
  it('has a line for each job, those due first, and shows nothing of its payload', async () => {
    const { waiting, dead } = await oneOfEach()
    const { code, stdout, stderr } = await run(['list'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(
      `${dead}  test.dead  ${TENANT_B.id}  3/3  dead  poison\n` +
        `${waiting}  test.waits  ${TENANT_A.id}  0/3  due 2030-01-02T03:04:05.000Z\n`,
    )
  })

  it('reports as JSON, with --dead only dead ones', async () => {
    const { dead } = await oneOfEach()
    const { code, stdout } = await run(['list', '--dead', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      jobs: [
        expect.objectContaining({
          id: dead,
          task: 'test.dead',
          tenantId: TENANT_B.id,
          attempts: 3,
          attemptsMax: 3,
          isDead: true,
        }),
      ],
    })
    expect(stdout).not.toContain('of-somebody')
  })

  it('says so when there are none', async () => {
    expect(await run(['list', '--dead'])).toEqual({
      code: 0,
      stdout: 'There are no such jobs.\n',
      stderr: '',
    })
  })
})

describe('jobs retry', () => {
  it('gives a dead job all its attempts again, and leaves the others', async () => {
    const { waiting, dead } = await oneOfEach()
    expect(await run(['retry', dead])).toMatchObject({ code: 0, stdout: '1 will be tried again.\n' })
    const jobs = await shop.jobs()
    expect(jobs.find(({ id }) => id === dead)).toMatchObject({ attempts: 0, attemptsMax: 3, isDead: false })
    expect(jobs.find(({ id }) => id === waiting)?.runAt).toEqual(new Date('2030-01-02T03:04:05Z'))
  })

  it('gives all of them another try with --all, and reports as JSON', async () => {
    await oneOfEach()
    const { code, stdout } = await run(['retry', '--all', '--json'])
    expect([code, JSON.parse(stdout)]).toEqual([0, { revived: 1 }])
    expect(await shop.queue.state()).toMatchObject({ pending: 2, dead: 0 })
  })

  it('fails for a job that is not dead, and for an unknown one, alike', async () => {
    const { waiting } = await oneOfEach()
    for (const id of [waiting, '999999999999999999']) {
      const { code, stdout, stderr } = await run(['retry', id])
      expect([code, stdout, stderr]).toEqual([1, '', `bulkhead: there is no dead job ${id}\n`])
    }
    expect(await shop.queue.state()).toMatchObject({ pending: 1, dead: 1 })
  })

  it.each([
    [[], 'name a job: '],
    [['1', '--all'], 'name a job: '],
    [['one'], 'An id is a number'],
    [['-1'], 'An id is a number'],
    [['1; DROP TABLE orders'], 'An id is a number'],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await run(['retry', ...args])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(message)])
  })
})

it.each(['jobs', 'jobs list', 'jobs retry', 'worker'])('%s has --help', async (command) => {
  const { code, stdout } = await bulkhead([...command.split(' '), '--help'], { cwd: directory, env: {} })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^Usage: bulkhead/)
})

it('without an address of the queue’s role it says what to set', async () => {
  const { code, stderr } = await run(['list'], { DATABASE_WORKER_URL: '' })
  expect([code, stderr]).toEqual([1, expect.stringContaining('set DATABASE_WORKER_URL')])
})
