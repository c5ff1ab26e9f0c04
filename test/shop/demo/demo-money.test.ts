// The demo shops' money: payments, refunds and entries that agree with the orders. demo-data.test.ts tests the rest of
// their data.
import { beforeAll, describe, expect, it } from 'vitest'
import { DEMO_SLUGS, demoTenant } from '../../../src/shop/demo/demo-tenant.ts'
import type { DemoTenant } from '../../../src/shop/demo/rows.ts'

describe.each(DEMO_SLUGS)('demo tenant %s', (slug) => {
  let demo: DemoTenant
  let tables: DemoTenant['tables']
  beforeAll(() => {
    demo = demoTenant(slug)
    tables = demo.tables
  })

  it('has a payment for each paid order, and its refunds', () => {
    const payments = grouped(tables.payments, 'orderId')
    const refunds = grouped(tables.refunds, 'paymentId')
    for (const order of tables.orders) {
      const own = payments.get(order.id) ?? []
      expect(own).toHaveLength(order.paymentStatus === 'UNPAID' ? 0 : 1)
      expect(order.paidMinor).toBe(own.length === 0 ? 0n : order.totalMinor)
      expect(order.holdsStock).toBe(order.status === 'PLACED' || order.status === 'PAID')
      for (const payment of own) {
        expect(payment).toMatchObject({
          providerKind: 'MANUAL',
          method: 'manual',
          status: 'SUCCEEDED',
          feeMinor: 0n,
        })
        expect([payment.amountMinor, payment.currency]).toEqual([order.totalMinor, demo.tenant.currency])
        expect(payment.settledAt > order.placedAt).toBe(true)
        expect(payment.settledAt <= (order.fulfilledAt ?? order.cancelledAt ?? order.updatedAt)).toBe(true)
        const given = refunds.get(payment.id) ?? []
        expect(given.map(({ amountMinor }) => amountMinor)).toEqual(
          order.refundedMinor > 0n ? [order.refundedMinor] : [],
        )
        expect(payment.refundedMinor).toBe(order.refundedMinor)
        for (const { settledAt, currency } of given) {
          expect([settledAt, currency]).toEqual([order.updatedAt, payment.currency])
          expect(settledAt > payment.settledAt).toBe(true)
        }
      }
    }
    expect(tables.payments.length).toBeGreaterThan(2_400)
    expect(tables.refunds.length).toBeGreaterThan(100)
    expect(new Set(tables.refunds.map(({ paymentId }) => paymentId)).size).toBe(tables.refunds.length)
  })

  it('books each payment and each refund once, between two accounts, so that the sum is zero', () => {
    const codes = new Map(demo.accounts.map(({ id, code }) => [id, code]))
    const postings = grouped(tables.postings, 'entryId')
    const booked = tables.journal_entries.map(
      ({ id, kind, sourceType, sourceId, postedAt, postingCount }) => {
        const lines = postings.get(id) ?? []
        expect(lines).toHaveLength(postingCount)
        expect(
          lines.every((line) => line.currency === demo.tenant.currency && line.postedAt === postedAt),
        ).toBe(true)
        const told = lines.map(({ position, accountId, amountMinor }) => [
          position,
          codes.get(accountId),
          amountMinor,
        ])
        return [kind, sourceType, sourceId, postedAt, told]
      },
    )
    const due = [
      ...tables.payments.map(({ id, settledAt, amountMinor: sum }) => {
        return [
          'SALE',
          'Payment',
          id,
          settledAt,
          [
            [0, '1010', sum],
            [1, '4010', -sum],
          ],
        ]
      }),
      ...tables.refunds.map(({ id, settledAt, amountMinor: sum }) => {
        return [
          'REFUND',
          'Refund',
          id,
          settledAt,
          [
            [0, '4020', sum],
            [1, '1010', -sum],
          ],
        ]
      }),
    ]
    const bySource = (some: unknown[][]) => new Map(some.map((entry) => [entry[2], entry]))
    expect(booked).toHaveLength(due.length)
    expect(bySource(booked)).toEqual(bySource(due))
    expect(tables.postings.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(0n)
    expect(demo.accounts.map(({ code }) => code)).toEqual([
      '1000',
      '1010',
      '1020',
      '4010',
      '4020',
      '5010',
      '5020',
      '5030',
    ])
  })
})

function grouped<T, K extends keyof T>(rows: readonly T[], key: K): Map<T[K], T[]> {
  return Map.groupBy(rows, (row) => row[key])
}
