import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { DEMO_SLUGS, demoTenant } from '../../../src/shop/demo/demo-tenant.ts'
import { END_MS, OPENED_MS } from '../../../src/shop/demo/period.ts'
import type { DemoTenant, OrderRow } from '../../../src/shop/demo/rows.ts'
import { countries } from '../../../src/shop/demo/words/places.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
/** RFC 2606: reserved names. */
const RESERVED_MAIL = /^[a-z0-9.-]+@(example\.(com|net|org)|[a-z]+\.example)$/

describe.each(DEMO_SLUGS)('demo tenant %s', (slug) => {
  let demo: DemoTenant
  let tables: DemoTenant['tables']
  beforeAll(() => {
    demo = demoTenant(slug)
    tables = demo.tables
  })

  it('is the same at every generation', () => {
    expect(digest(demoTenant(slug))).toBe(digest(demo))
  })

  it('has the counts, the currency and the members of the contract', () => {
    expect(demo.tenant.currency).toBe(slug === 'acme' ? 'USD' : 'EUR')
    expect(tables.members.map(({ email, role }) => `${email} ${role}`)).toEqual(
      ['OWNER', 'ADMIN', 'STAFF', 'VIEWER'].map((role) => `${role.toLowerCase()}@${slug}.example ${role}`),
    )
    expect(tables.products).toHaveLength(300)
    expect(tables.customers).toHaveLength(500)
    expect(tables.orders).toHaveLength(3_000)
    expect(demo.lastOrderNumber).toBe(3_000)
    for (const variants of grouped(tables.variants, 'productId').values()) {
      expect(variants.length).toBeGreaterThanOrEqual(1)
      expect(variants.length).toBeLessThanOrEqual(4)
    }
    expect(grouped(tables.variants, 'productId').size).toBe(300)
    expect(tables.stock_levels).toHaveLength(tables.variants.length)
  })

  it('has orders in every state, most of them fulfilled', () => {
    const states = grouped(tables.orders, 'status')
    for (const status of ['PLACED', 'PAID', 'CANCELLED'] as const) {
      expect(states.get(status)?.length).toBeGreaterThan(10)
    }
    expect(states.get('FULFILLED')?.length).toBeGreaterThan(2_400)
    expect([...grouped(tables.orders, 'paymentStatus').keys()].sort()).toEqual([
      'PAID',
      'PARTIALLY_REFUNDED',
      'REFUNDED',
      'UNPAID',
    ])
    expect([...grouped(tables.products, 'status').keys()].sort()).toEqual(['ACTIVE', 'ARCHIVED', 'DRAFT'])
  })

  it('gives every row an id of version 7 with the time of the row, and none twice', () => {
    const dated: { id: string; at: Date }[] = [
      { id: demo.tenant.id, at: demo.tenant.createdAt },
      ...[tables.members, tables.products, tables.variants, tables.customers].flatMap((rows) =>
        rows.map(({ id, createdAt }) => ({ id, at: createdAt })),
      ),
      ...[tables.stock_movements, tables.audit_entries].flatMap((rows) =>
        rows.map(({ id, createdAt }) => ({ id, at: createdAt })),
      ),
      ...tables.orders.map(({ id, placedAt }) => ({ id, at: placedAt })),
      ...tables.order_lines.map(({ id, orderId }) => ({ id, at: timeOf(orderId) })),
      ...[tables.payments, tables.refunds].flatMap((rows) =>
        rows.map(({ id, createdAt }) => ({ id, at: createdAt })),
      ),
      ...[tables.journal_entries, tables.postings].flatMap((rows) =>
        rows.map(({ id, postedAt }) => ({ id, at: postedAt })),
      ),
      ...demo.accounts.map(({ id }) => ({ id, at: demo.tenant.createdAt })),
    ]
    expect(dated.filter(({ id }) => !UUID_V7.test(id))).toEqual([])
    expect(dated.filter(({ id, at }) => timeOf(id).getTime() !== at.getTime())).toEqual([])
    expect(new Set(dated.map(({ id }) => id)).size).toBe(dated.length)
  })

  it('has unique names, and no real mail address', () => {
    const unique = [
      tables.products.map(({ handle }) => handle),
      tables.variants.map(({ sku }) => sku),
      tables.customers.map(({ email }) => email),
    ]
    for (const names of unique) expect(new Set(names).size).toBe(names.length)
    for (const { handle } of tables.products) expect(handle).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(tables.customers.filter(({ email }) => !RESERVED_MAIL.test(email))).toEqual([])
  })

  it('gives addresses that their country knows', () => {
    const wrong = tables.customers.filter(
      ({ city, postalCode, country }) =>
        !Object.values(countries).some(({ code, cities }) => {
          const pattern = new Map(Object.entries(cities)).get(city)
          return code === country && pattern !== undefined && fits(postalCode, pattern)
        }),
    )
    expect(wrong).toEqual([])
  })

  it('numbers the orders from 1 in order of placing, within the period', () => {
    expect(tables.orders.map(({ number }) => number)).toEqual(tables.orders.map((_, index) => index + 1))
    const times = tables.orders.map(({ placedAt }) => placedAt.getTime())
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
    expect(times[0]).toBeGreaterThanOrEqual(OPENED_MS)
    const latest = [...tables.orders, ...tables.products, ...tables.variants, ...tables.customers].map(
      ({ updatedAt }) => updatedAt.getTime(),
    )
    expect(Math.max(...latest)).toBeLessThan(END_MS)
  })

  it('makes totals of lines, and lines of what was on sale', () => {
    const variants = new Map(tables.variants.map((variant) => [variant.id, variant]))
    const products = new Map(tables.products.map((product) => [product.id, product]))
    const lines = grouped(tables.order_lines, 'orderId')
    for (const order of tables.orders) {
      const own = lines.get(order.id) ?? []
      expect(own.length >= 1 && own.length <= 5).toBe(true)
      expect(own.map(({ position }) => position)).toEqual(own.map((_, index) => index))
      expect(order.totalMinor).toBe(own.reduce((sum, { totalMinor }) => sum + totalMinor, 0n))
      expect(new Set(own.map(({ variantId }) => variantId)).size).toBe(own.length)
    }
    const placedAt = new Map(tables.orders.map((order) => [order.id, order.placedAt]))
    const wrong = tables.order_lines.filter((line) => {
      const variant = variants.get(line.variantId)
      const product = products.get(variant?.productId ?? '')
      const at = placedAt.get(line.orderId)
      return !(
        variant &&
        product &&
        at &&
        line.totalMinor === line.unitPriceMinor * BigInt(line.quantity) &&
        line.quantity > 0 &&
        line.sku === variant.sku &&
        line.currency === demo.tenant.currency &&
        (at < variant.updatedAt || line.unitPriceMinor === variant.priceMinor) &&
        variant.createdAt < at &&
        product.status !== 'DRAFT' &&
        (product.status !== 'ARCHIVED' || at < product.updatedAt)
      )
    })
    expect(wrong).toEqual([])
  })

  it('keeps each order’s state, payment, refund, times and version together', () => {
    const signedUpAt = new Map(tables.customers.map(({ id, createdAt }) => [id, createdAt]))
    expect(tables.orders.filter((order) => !isConsistent(order))).toEqual([])
    expect(
      tables.orders.filter(
        ({ customerId, placedAt }) => !((signedUpAt.get(customerId) ?? END_MS) < placedAt),
      ),
    ).toEqual([])
  })

  it('counts versions from 1, and dates a change after the creation', () => {
    const rows = [tables.products, tables.variants, tables.customers].flatMap((some) =>
      some.map(({ version, createdAt, updatedAt }) => ({ version, changed: createdAt < updatedAt })),
    )
    expect(rows.filter(({ version, changed }) => version > 1 !== changed)).toEqual([])
  })

  it('has a level for each variant that is the sum of its movements and is never negative meanwhile', () => {
    const byVariant = grouped(tables.stock_movements, 'variantId')
    for (const level of tables.stock_levels) {
      let [onHand, reserved] = [0, 0]
      for (const move of byVariant.get(level.variantId) ?? []) {
        onHand += move.onHandDelta
        reserved += move.reservedDelta
        if (!(reserved >= 0 && onHand >= reserved)) expect.fail(`negative at ${move.createdAt.toISOString()}`)
      }
      expect({ onHand, reserved }).toEqual({ onHand: level.onHand, reserved: level.reserved })
    }
    const times = tables.stock_movements.map(({ createdAt }) => createdAt.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })

  it('reserves what open orders ask for, and moves each line as its order went', () => {
    const orders = new Map(tables.orders.map((order) => [order.id, order]))
    const open = new Map<string, number>()
    const expected: string[] = []
    for (const { orderId, variantId, quantity: q } of tables.order_lines) {
      const order = orders.get(orderId)
      expected.push(`${orderId} ${variantId} RESERVATION 0 ${q} ${order?.placedAt.toISOString()}`)
      if (order?.fulfilledAt) {
        expected.push(`${orderId} ${variantId} FULFILMENT ${-q} ${-q} ${order.fulfilledAt.toISOString()}`)
      } else if (order?.cancelledAt) {
        expected.push(`${orderId} ${variantId} RELEASE 0 ${-q} ${order.cancelledAt.toISOString()}`)
      } else {
        open.set(variantId, (open.get(variantId) ?? 0) + q)
      }
    }
    const found = tables.stock_movements
      .filter(({ orderId }) => orderId !== null)
      .map((m) =>
        [m.orderId, m.variantId, m.reason, m.onHandDelta, m.reservedDelta, m.createdAt.toISOString()].join(
          ' ',
        ),
      )
    expect(found.sort()).toEqual(expected.sort())
    for (const level of tables.stock_levels) expect(level.reserved).toBe(open.get(level.variantId) ?? 0)
    const other = tables.stock_movements.filter(({ orderId }) => orderId === null)
    expect(
      other.filter(({ reservedDelta, onHandDelta }) => reservedDelta !== 0 || onHandDelta === 0),
    ).toEqual([])
  })

  it('has much of most variants, little of some, and none of a few', () => {
    const available = tables.stock_levels.map(({ onHand, reserved }) => onHand - reserved)
    const share = (is: (quantity: number) => boolean) => available.filter(is).length / available.length
    expect(share((quantity) => quantity === 0)).toBeGreaterThan(0.01)
    expect(share((quantity) => quantity === 0)).toBeLessThan(0.1)
    expect(share((quantity) => quantity > 0 && quantity <= 4)).toBeGreaterThan(0.01)
    expect(share((quantity) => quantity > 4)).toBeGreaterThan(0.8)
  })

  it('audits each placing, by a member who may place orders', () => {
    const roles = new Map(tables.members.map(({ id, role }) => [id, role]))
    expect(tables.audit_entries.map(({ subjectId }) => subjectId)).toEqual(tables.orders.map(({ id }) => id))
    expect(new Set(tables.audit_entries.map(({ actorId }) => roles.get(actorId)))).toEqual(
      new Set(['OWNER', 'ADMIN', 'STAFF']),
    )
  })
})

it('the demo tenants share no id', () => {
  const [acme, globex] = DEMO_SLUGS.map(idsOf)
  expect(acme?.intersection(globex ?? new Set())).toEqual(new Set())
})

function idsOf(slug: (typeof DEMO_SLUGS)[number]): Set<string> {
  const { tenant, tables, accounts } = demoTenant(slug)
  const { stock_levels: _, ...identified } = tables
  return new Set([
    tenant.id,
    ...accounts.map(({ id }) => id),
    ...Object.values(identified).flatMap((rows) => rows.map(({ id }) => id)),
  ])
}

function digest(demo: DemoTenant): string {
  const text = JSON.stringify(demo, (_key, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
  return createHash('sha256').update(text).digest('hex')
}

/** The time in an id of version 7. */
function timeOf(id: string): Date {
  return new Date(Number.parseInt(id.replace('-', '').slice(0, 12), 16))
}

function grouped<T, K extends keyof T>(rows: readonly T[], key: K): Map<T[K], T[]> {
  return Map.groupBy(rows, (row) => row[key])
}

function fits(code: string, pattern: string): boolean {
  return new RegExp(`^${pattern.replaceAll('#', '[0-9]').replaceAll('@', '[A-Z]')}$`).test(code)
}

function isConsistent(order: OrderRow): boolean {
  const { status, paymentStatus, totalMinor, refundedMinor, placedAt, fulfilledAt, cancelledAt, updatedAt } =
    order
  const refunded = {
    UNPAID: refundedMinor === 0n,
    PAID: refundedMinor === 0n,
    PARTIALLY_REFUNDED: refundedMinor > 0n && refundedMinor < totalMinor,
    REFUNDED: refundedMinor === totalMinor,
  }[paymentStatus]
  const paymentStatuses = {
    PLACED: ['UNPAID'],
    PAID: ['PAID'],
    FULFILLED: ['PAID', 'PARTIALLY_REFUNDED', 'REFUNDED'],
    CANCELLED: ['UNPAID', 'REFUNDED'],
  }[status]
  const versions = {
    PLACED: 1,
    PAID: 2,
    FULFILLED: refundedMinor > 0n ? 4 : 3,
    CANCELLED: paymentStatus === 'UNPAID' ? 2 : 3,
  }
  return (
    refunded &&
    totalMinor > 0n &&
    paymentStatuses.includes(paymentStatus) &&
    order.version === versions[status] &&
    (fulfilledAt !== null) === (status === 'FULFILLED') &&
    (cancelledAt !== null) === (status === 'CANCELLED') &&
    (order.cancelReason !== null) === (status === 'CANCELLED') &&
    placedAt < (fulfilledAt ?? cancelledAt ?? updatedAt) === (status !== 'PLACED') &&
    updatedAt >= (fulfilledAt ?? cancelledAt ?? placedAt) &&
    (status !== 'PLACED' || updatedAt.getTime() === placedAt.getTime())
  )
}
