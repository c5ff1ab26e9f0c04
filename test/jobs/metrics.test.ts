// The queue's Prometheus metrics.
import { expect, it } from 'vitest'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const pool = { poolState: () => ({ total: 0, idle: 0, waiting: 0, max: 1 }) }
const samples = (text: string) => text.split('\n').filter((line) => line.startsWith('bulkhead_jobs_'))

it('the queue is read once per scrape, for all of its metrics', async () => {
  const metrics = createMetrics(pool)
  let asked = 0
  metrics.watchQueue(async () => {
    asked += 1
    return { pending: 7, dead: 2, oldestDueSeconds: 1.5 }
  })
  metrics.observeJob({ task: 'payment.reconcile', result: 'failed' })
  expect(samples(await metrics.render())).toEqual([
    'bulkhead_jobs_total{task="payment.reconcile",result="failed"} 1',
    'bulkhead_jobs_pending 7',
    'bulkhead_jobs_dead 2',
    'bulkhead_jobs_oldest_due_seconds 1.5',
  ])
  expect(asked).toBe(1)
  await metrics.render()
  expect(asked).toBe(2)
})

it('a queue that cannot be read, or is not watched, has no value rather than zero', async () => {
  const metrics = createMetrics(pool)
  metrics.watchQueue(async () => ({ pending: 7, dead: 2, oldestDueSeconds: 1.5 }))
  await metrics.render()
  metrics.watchQueue(() => Promise.reject(new Error('the database is down')))
  expect(samples(await metrics.render())).toEqual([])
  metrics.watchQueue(null)
  expect(samples(await metrics.render())).toEqual([])
})
