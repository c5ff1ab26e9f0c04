// Every check against damaged rows, each in its own tenant: it finds the damage, names the rows, and no other check
// reports anything unexpected.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { nodeId } from '../../../src/graphql/node-ids.ts'
import { VIOLATIONS_MAX } from '../../../src/integrity/check.ts'
import { CHECKS } from '../../../src/wiring.ts'
import { DAMAGES, orderId } from './damages.ts'
import { complaints, type Shop, type Shops, startShops } from './shops.ts'

let shops: Shops
beforeAll(async () => {
  shops = await startShops()
})
afterAll(() => shops.close())

describe('books in order', () => {
  it('pass every check, each of which has a description', async () => {
    const shop = await shops.open()
    const report = await shops.verify(shop)
    expect(complaints(report)).toEqual({})
    expect(report).toMatchObject({ tenant: shop.slug, ok: true })
    expect(report.checks.map(({ name, ok, violationCount }) => [name, ok, violationCount])).toEqual(
      CHECKS.map(({ name }) => [name, true, 0]),
    )
    for (const { name, description } of report.checks) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/)
      expect(description).toMatch(/\.$/)
    }
  })

  it('of a tenant that has sold nothing are in order', async () => {
    const people = { email: 'owner@empty.example', name: 'Owner' }
    const empty = { slug: 'empty', name: 'Empty', currency: 'USD', owner: people }
    const tenantId = await createTenant(shops.owner, empty)
    expect(complaints(await shops.verify({ tenantId, slug: 'empty' }))).toEqual({})
  })
})

describe('damage', () => {
  let bystander: Shop
  beforeAll(async () => {
    bystander = await shops.open()
  })

  it.each(DAMAGES)('$name', async ({ inflict }) => {
    const shop = await shops.open()
    const expected = await shops.owner.inTenant(shop.tenantId, (query) => inflict(query, shop.books))
    const report = await shops.verify(shop)
    expect(complaints(report)).toEqual(expected)
    expect(report.ok).toBe(false)
    for (const { ok, violationCount, violations } of report.checks) {
      expect(ok).toBe(violations.length === 0)
      expect(violationCount).toBe(violations.length)
    }
  })

  it('was tried on every check', () => {
    const tried = new Set(DAMAGES.map(({ name }) => name.slice(0, name.indexOf(':'))))
    expect([...tried].sort()).toEqual(CHECKS.map(({ name }) => name).sort())
  })

  it('cross-tenant: of others is not seen', async () => {
    expect(shops.count()).toBeGreaterThan(DAMAGES.length)
    expect(complaints(await shops.verify(bystander))).toEqual({})
    expect(complaints(await shops.verify(await shops.open()))).toEqual({})
  })

  it('beyond what a person reads is counted, not listed', async () => {
    const shop = await shops.open()
    await shops.owner.inTenant(shop.tenantId, (query) =>
      query(
        `INSERT INTO orders (id, number, customer_id, currency, total_minor, holds_stock)
         SELECT gen_random_uuid(), 1000 + n, $1, 'USD', 500, false FROM generate_series(1, $2::int) n`,
        [shop.books.customerId, VIOLATIONS_MAX + 7],
      ),
    )
    const { checks } = await shops.verify(shop)
    const total = checks.find(({ name }) => name === 'orders-total')
    expect(total?.violations).toHaveLength(VIOLATIONS_MAX)
    expect(total?.violationCount).toBe(VIOLATIONS_MAX + 7)
  })

  it('is described with its amounts', async () => {
    const shop = await shops.open()
    const id = orderId(shop.books, 'partlyPaid')
    await shops.owner.inTenant(shop.tenantId, (query) =>
      query('UPDATE orders SET paid_minor = paid_minor + 100 WHERE id = $1', [id]),
    )
    const { checks } = await shops.verify(shop)
    expect(checks.flatMap(({ violations }) => violations)).toEqual([
      {
        message: 'it says that 600 was captured, its payments say 500 (minor units of USD)',
        subjects: [{ type: 'Order', id: nodeId('Order', id) }],
      },
    ])
  })
})
