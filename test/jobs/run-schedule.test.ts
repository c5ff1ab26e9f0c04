// The schedule: runs once per time and active tenant, with any number of workers, and catches up on missed times.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Task } from '../../src/jobs/task.ts'
import type { Metrics } from '../../src/telemetry/metrics.ts'
import { SCHEDULE, tasksOf } from '../../src/wiring.ts'
import { eventually } from '../support/eventually.ts'
import { servicesAt } from '../support/services.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterEach(async () => {
  await shop.tidyUp()
  await shop.admin.query('DELETE FROM graphile_worker._private_known_crontabs')
})
afterAll(() => shop?.close())

const MINUTE_MS = 60_000

function scheduledTask(): { task: Task; ran: string[] } {
  const ran: string[] = []
  const run: Task['run'] = async ({ scope }) => {
    ran.push(scope.tenantId)
  }
  return { task: { name: 'test.scheduled', attemptsMax: 3, run }, ran }
}

/** Once an hour, half an hour ago; the schedule last ran before that. */
async function missedTime(task = 'test.scheduled') {
  await shop.admin.query(
    `INSERT INTO graphile_worker._private_known_crontabs (identifier, known_since, last_execution)
     VALUES ($1, now() - interval '2 hours', now() - interval '2 hours')`,
    [task],
  )
  return [{ task, pattern: `${new Date(Date.now() - 30 * MINUTE_MS).getUTCMinutes()} * * * *` }]
}

const timesQueued = async () =>
  /bulkhead_jobs_total\{task="schedule",result="done"\} (\d+)/.exec(await shop.metrics.render())?.[1]

it('a missed time is made up for, once for each tenant, by two workers that start together', async () => {
  const { task, ran } = scheduledTask()
  const schedule = await missedTime()
  const workers = await Promise.all([shop.work([task], { schedule }), shop.work([task], { schedule })])
  await eventually(async () => expect(ran).toHaveLength(2))
  await shop.untilEmpty()
  expect(await timesQueued()).toBe('1')
  // A worker that stops has already checked its missed times.
  await Promise.all(workers.map((worker) => worker.stop()))
  expect(await shop.jobs()).toEqual([])
  expect(ran.toSorted()).toEqual([TENANT_A.id, TENANT_B.id])

  const third = await shop.work([task], { schedule })
  await third.stop()
  expect(await shop.jobs()).toEqual([])
})

it('nothing is queued for a suspended tenant, nor for a task that is no longer there', async () => {
  await shop.admin.query(`UPDATE app.tenant_directory SET status = 'SUSPENDED' WHERE id = $1`, [TENANT_B.id])
  const { task, ran } = scheduledTask()
  const schedule = [...(await missedTime()), ...(await missedTime('test.removed'))]
  await shop.work([task], { schedule })
  await eventually(async () => expect(ran).toEqual([TENANT_A.id]))
  await shop.untilEmpty()
  await shop.admin.query(`UPDATE app.tenant_directory SET status = 'ACTIVE' WHERE id = $1`, [TENANT_B.id])
})

it('at most one job per tenant and task waits, however long no worker runs', async () => {
  await shop.queue.enqueueForTenants('test.scheduled', 3)
  await shop.queue.enqueueForTenants('test.scheduled', 3)
  expect((await shop.jobs()).map(({ tenantId }) => String(tenantId)).toSorted()).toEqual([
    TENANT_A.id,
    TENANT_B.id,
  ])
})

it("every task of the product's schedule exists, with a valid pattern", async () => {
  const metrics = { observeIntegrity: () => {} }
  const tasks = tasksOf({ services: servicesAt(null, () => null), metrics: metrics as unknown as Metrics })
  const names = tasks.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { task } of SCHEDULE) expect(names).toContain(task)
  // Throws for an invalid pattern.
  const worker = await shop.work([...tasks], { schedule: SCHEDULE })
  await worker.stop()
})
