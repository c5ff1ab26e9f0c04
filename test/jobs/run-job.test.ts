// Running one job: its tenant, whether it may run, and how often it may fail.
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

describe('a job without a tenant', () => {
  it.each([
    ['nothing', '{}'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['a list', `[{"tenantId":"${TENANT_A.id}"}]`],
    ['a slug', `{"tenantId":"${TENANT_A.slug}"}`],
    ['several', `{"tenantId":["${TENANT_A.id}"]}`],
    ['an unknown tenant', '{"tenantId":"0191b1f6-6280-7ac3-8e00-00000000000f"}'],
  ])('whose payload is %s, is never run nor tried again', async (_name, payload) => {
    const { task, ran } = notedTask('test.x', 5)
    await shop.admin.query(`SELECT graphile_worker.add_job('test.x', $1::json)`, [payload])
    await shop.work([task])
    await eventually(async () =>
      expect(await shop.jobs()).toMatchObject([
        { isDead: true, attempts: 1, lastError: 'a job without a tenant is never run' },
      ]),
    )
    expect(ran).toEqual([])
  })
})

describe('a suspended tenant', () => {
  const setStatus = (status: string) =>
    shop.admin.query('UPDATE app.tenant_directory SET status = $2 WHERE id = $1', [TENANT_B.id, status])
  afterEach(() => setStatus('ACTIVE'))

  it('has its jobs postponed without losing attempts, and run when it is resumed; others run meanwhile', async () => {
    const { task, ran } = notedTask('test.x', 1)
    await setStatus('SUSPENDED')
    await shop.queued(TENANT_B.id, { task: 'test.x', attemptsMax: 1, payload: { of: 'b' } })
    await shop.work([task])
    const isPutOff = async () => {
      const lastError = expect.stringContaining('tenant-b is suspended')
      const [job, ...others] = await shop.jobs()
      expect(others).toEqual([])
      expect(job).toMatchObject({ isDead: false, attempts: 0, lastError })
      expect(job?.runAt.getTime()).toBeGreaterThan(Date.now())
    }
    await eventually(isPutOff)
    await shop.makeDue()
    await eventually(isPutOff)
    await shop.queued(TENANT_A.id, { task: 'test.x', payload: { of: 'a' } })
    await eventually(async () => expect(ran).toEqual([{ of: 'a' }]))
    await setStatus('ACTIVE')
    await shop.makeDue()
    await shop.untilEmpty()
    expect(ran).toEqual([{ of: 'a' }, { of: 'b' }])
  })
})

describe('attempts', () => {
  it('are bounded by the task, not by the job', async () => {
    const { task, ran } = notedTask('test.x', 2, async () => {
      throw new Error('poison')
    })
    await asRuntime(shop.testDatabase, TENANT_A.id, (client) =>
      client.query(`SELECT app.enqueue('test.x', '{}')`),
    )
    expect(await shop.jobs()).toMatchObject([{ attemptsMax: 25 }])
    await shop.work([task])
    await eventually(async () =>
      expect(await shop.jobs()).toMatchObject([{ attempts: 1, isDead: false, lastError: 'poison' }]),
    )
    await shop.makeDue()
    await eventually(async () =>
      expect(await shop.jobs()).toMatchObject([{ attempts: 2, isDead: true, lastError: 'poison' }]),
    )
    expect(ran).toHaveLength(2)
  })

  it('are all restored for a dead letter that is retried', async () => {
    const { task, ran } = notedTask('test.x', 2, async () => {
      if (ran.length < 3) throw new Error('poison')
    })
    await shop.queued(TENANT_A.id, { task: 'test.x', attemptsMax: 1 })
    await shop.work([task])
    await eventually(async () => expect(await shop.queue.state()).toMatchObject({ dead: 1 }))
    expect(await shop.queue.retry(null)).toBe(1)
    await eventually(async () => expect(ran).toHaveLength(2))
    await eventually(async () => expect(await shop.queue.state()).toMatchObject({ dead: 1 }))
    expect(await shop.queue.retry(null)).toBe(1)
    await shop.untilEmpty()
    expect(ran).toHaveLength(3)
  })
})
