// What the database enforces when jobs are queued: their tenant, and their number.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { asRuntime } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { notedTask, openWorkshop, type Workshop } from './workshop.ts'

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterEach(() => shop.tidyUp())
afterAll(() => shop?.close())

const enqueueAs = (tenantId: string, values: readonly unknown[]) =>
  asRuntime(shop.testDatabase, tenantId, (client) =>
    client.query(`SELECT app.enqueue($1, $2::jsonb, $3)`, [...values]),
  )

it.each(['null', '"x"', '[]', null])('a payload that cannot be stamped is refused: %s', async (payload) => {
  await expect(enqueueAs(TENANT_A.id, ['test.x', payload, null])).rejects.toMatchObject({ code: '22023' })
  expect(await shop.jobs()).toEqual([])
})

describe('cross-tenant', () => {
  it('a key that names another tenant replaces none of its jobs', async () => {
    await enqueueAs(TENANT_B.id, ['test.x', '{}', 'test.x:key'])
    await enqueueAs(TENANT_A.id, ['test.x', '{}', `test.x:${TENANT_B.id}:test.x:key`])
    await enqueueAs(TENANT_A.id, ['test.x', '{}', 'test.x:key'])
    expect((await shop.jobs()).map(({ tenantId }) => tenantId)).toEqual([
      TENANT_B.id,
      TENANT_A.id,
      TENANT_A.id,
    ])
  })

  it('a job that a tenant queues under the name of the schedule queues nothing for the others', async () => {
    const { task, ran } = notedTask('test.x', 3)
    await enqueueAs(TENANT_A.id, ['schedule', '{"task":"test.x"}', null])
    await shop.work([task])
    await eventually(async () =>
      expect(await shop.jobs()).toMatchObject([
        { task: 'schedule', tenantId: TENANT_A.id, isDead: true, attempts: 1 },
      ]),
    )
    expect(ran).toEqual([])
  })
})

describe('the schedule', () => {
  it('keeps one dead letter of a tenant and a task, however often its time comes', async () => {
    await shop.queue.enqueueForTenants('test.x', 3)
    await shop.queue.enqueueForTenants('test.other', 3)
    await shop.admin.query('UPDATE graphile_worker._private_jobs SET attempts = max_attempts')
    await shop.queue.enqueueForTenants('test.x', 3)
    const jobs = await shop.jobs()
    const ofTask = (name: string) => jobs.filter(({ task }) => task === name).map(({ isDead }) => isDead)
    expect(ofTask('test.x')).toEqual([false, false])
    expect(ofTask('test.other')).toEqual([true, true])
  })

  it('leaves one under way alone, and queues the next', async () => {
    await shop.queue.enqueueForTenants('test.x', 3)
    await shop.admin.query(
      `UPDATE graphile_worker._private_jobs SET locked_by = 'somebody', locked_at = now(), attempts = 3`,
    )
    await shop.queue.enqueueForTenants('test.x', 3)
    expect(await shop.jobs()).toHaveLength(4)
  })
})
