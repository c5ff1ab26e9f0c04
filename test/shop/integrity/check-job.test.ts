// The scheduled check: its metrics and log, of one tenant at a time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../../src/auth/command-context.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { createSealer } from '../../../src/core/seal.ts'
import { auditChain } from '../../../src/desk/audit/chain-check.ts'
import { integrityTask } from '../../../src/desk/integrity/check-job.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { CHECKS } from '../../../src/wiring.ts'
import { type Shop, type Shops, startShops } from './shops.ts'

let shops: Shops
let sound: Shop
let damaged: Shop
beforeAll(async () => {
  shops = await startShops()
  sound = await shops.open()
  damaged = await shops.open()
  await shops.owner.inTenant(damaged.tenantId, async (query) => {
    await query('UPDATE stock_levels SET on_hand = 7 WHERE variant_id = $1', [damaged.books.untouched])
    await query(
      `INSERT INTO orders (id, number, customer_id, currency, total_minor, holds_stock)
       SELECT gen_random_uuid(), 1000 + n, $1, 'USD', 500, false FROM generate_series(1, 250) n`,
      [damaged.books.customerId],
    )
  })
})
afterAll(() => shops.close())

const sealer = createSealer({ current: Buffer.alloc(32, 'key') })
const NOW = new Date('2026-03-01T12:00:00Z')

interface Told {
  metrics: Metrics
  log: {
    level: number
    tenant: string
    check: string
    violation: string
    ids: string[]
    violationCount: number
  }[]
}

async function run(shop: Shop, metrics: Metrics): Promise<Told> {
  const log: Told['log'] = []
  const logger = createLogger('warn', { write: (line) => log.push(JSON.parse(line)) })
  const { database } = shops
  // The part of a context that the job uses.
  const caller = {
    database,
    logger,
    clock: () => NOW,
    scope: shop,
    tenantSlug: shop.slug,
  } as unknown as CommandContext
  await integrityTask(metrics, {
    checks: CHECKS,
    outsideChecks: (tenant) => [auditChain(tenant, sealer)],
  }).run(caller, {})
  return { metrics, log }
}

const seriesOf = async (metrics: Metrics, name: string) =>
  (await metrics.render()).split('\n').filter((line) => line.startsWith(`${name}{`))

describe('the scheduled check', () => {
  it('reports every check to the metrics, and logs nothing, without violations', async () => {
    const { metrics, log } = await run(sound, createMetrics(shops.database))
    expect(log).toEqual([])
    expect((await seriesOf(metrics, 'bulkhead_integrity_violations')).sort()).toEqual(
      [...CHECKS.map(({ name }) => name), 'audit-chain']
        .map((name) => `bulkhead_integrity_violations{tenant="shop-1",check="${name}"} 0`)
        .sort(),
    )
    expect(await seriesOf(metrics, 'bulkhead_integrity_checked_timestamp_seconds')).toEqual([
      `bulkhead_integrity_checked_timestamp_seconds{tenant="shop-1"} ${NOW.getTime() / 1_000}`,
    ])
  })

  it('logs a few violations per check as errors, and reports their number to the metrics', async () => {
    const { metrics, log } = await run(damaged, createMetrics(shops.database))
    const found = await seriesOf(metrics, 'bulkhead_integrity_violations')
    expect(found.filter((line) => !line.endsWith(' 0')).sort()).toEqual([
      'bulkhead_integrity_violations{tenant="shop-2",check="orders-total"} 250',
      'bulkhead_integrity_violations{tenant="shop-2",check="stock-movements"} 1',
    ])
    const ERROR = 50
    expect(new Set(log.map(({ level, tenant }) => `${level} ${tenant}`))).toEqual(
      new Set([`${ERROR} shop-2`]),
    )
    const stock = log.filter(({ check }) => check === 'stock-movements')
    expect(stock).toMatchObject([{ ids: [expect.stringMatching(/^var_/)], violationCount: 1 }])
    const orders = log.filter(({ check }) => check === 'orders-total')
    expect(orders.length).toBeGreaterThan(0)
    expect(orders.length).toBeLessThan(100)
    expect(orders[0]?.violationCount).toBe(250)
  })

  it('is back to zero when the damage was repaired', async () => {
    const metrics = createMetrics(shops.database)
    const shop = await shops.open()
    const set = (onHand: number) =>
      shops.owner.inTenant(shop.tenantId, (query) =>
        query('UPDATE stock_levels SET on_hand = $2 WHERE variant_id = $1', [shop.books.untouched, onHand]),
      )
    const counted = async () =>
      (await seriesOf(metrics, 'bulkhead_integrity_violations')).find((line) =>
        line.includes('stock-movements'),
      )
    await set(3)
    await run(shop, metrics)
    expect(await counted()).toMatch(/ 1$/)
    await set(0)
    await run(shop, metrics)
    expect(await counted()).toMatch(/ 0$/)
  })
})

describe('the gauges', () => {
  it('keep no series of clean tenants beyond a thousand, and all of others', async () => {
    const metrics = createMetrics(shops.database)
    const observe = (tenantSlug: string, violationCount: number) =>
      metrics.observeIntegrity({
        tenantSlug,
        checkedAt: NOW,
        checks: [{ name: 'any-check', violationCount }],
      })
    for (let n = 0; n < 1_100; n += 1) observe(`tenant-${n}`, 0)
    observe('late-and-broken', 2)
    const series = await seriesOf(metrics, 'bulkhead_integrity_violations')
    expect(series).toHaveLength(1_001)
    expect(series).toContain('bulkhead_integrity_violations{tenant="late-and-broken",check="any-check"} 2')
  })
})
