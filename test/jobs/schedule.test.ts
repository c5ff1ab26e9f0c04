// What is done by the clock: once for each time and active tenant, however many workers there are, and made up for when
// nobody ran.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Task } from '../../src/jobs/task.ts'
import { SCHEDULE, tasksOf } from '../../src/parts.ts'
import type { Metrics } from '../../src/telemetry/metrics.ts'
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

/** Once an hour, half an hour ago; and the schedule was last followed before that. */
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

it('a time that was missed is made up for, once for each tenant, by two workers that start together', async () => {
  const { task, ran } = scheduledTask()
  const schedule = await missedTime()
  const workers = await Promise.all([shop.work([task], { schedule }), shop.work([task], { schedule })])
  await eventually(async () => expect(ran).toHaveLength(2))
  await shop.untilEmpty()
  expect(await timesQueued()).toBe('1')
  // A worker that stops has looked what it missed before.
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

it('one job of a tenant and a task waits at a time, however long nobody works', async () => {
  await shop.queue.enqueueForTenants('test.scheduled', 3)
  await shop.queue.enqueueForTenants('test.scheduled', 3)
  expect((await shop.jobs()).map(({ tenantId }) => String(tenantId)).toSorted()).toEqual([
    TENANT_A.id,
    TENANT_B.id,
  ])
})

it("every task of the product's schedule is there, and its pattern is one", async () => {
  const metrics = { observeIntegrity: () => {} }
  const tasks = tasksOf({ services: servicesAt(null, () => null), metrics: metrics as unknown as Metrics })
  const names = tasks.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { task } of SCHEDULE) expect(names).toContain(task)
  // Throws for a pattern that is none.
  const worker = await shop.work([...tasks], { schedule: SCHEDULE })
  await worker.stop()
})
