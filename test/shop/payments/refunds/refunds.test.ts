// Refunds: whole, partial, repeated, concurrent, and with a slow or silent provider.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { uuidOf } from '../../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { asRuntime } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'
import { unique } from '../../../support/unique.ts'
import { bookedCharges, controlSandbox, expectBooksInOrder, ledgerOf, runJob } from '../../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  PAYMENT_TAKE,
  placeOrder,
  REFUND_CREATE,
} from '../../support/shop.ts'

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
  await connectSandbox(api, 'A', { events: true })
})
afterEach(() => expectBooksInOrder(api, 'A'))
afterAll(() => api?.close())

/** A payment of 2,000. */
async function aPayment(paymentMethod = 'pm_card_visa'): Promise<{ id: string; orderId: string }> {
  const { id: variantId } = await makeVariant(a, { stock: 5 })
  const order = await placeOrder(a, customerId, [{ variantId, quantity: 2 }])
  const input = { idempotencyKey: unique('pay'), orderId: order.id, paymentMethod }
  const { paymentTake } = await a.data(PAYMENT_TAKE, { input })
  return { id: paymentTake.payment.id, orderId: order.id }
}

async function refund(
  paymentId: string,
  amountMinor?: number,
  more: object = {},
  session = a,
): Promise<Data> {
  const amount = amountMinor === undefined ? undefined : { amountMinor: String(amountMinor), currency: 'USD' }
  const input = { idempotencyKey: unique('refund'), paymentId, amount, ...more }
  const { refundCreate } = await session.data(REFUND_CREATE, { input })
  return refundCreate
}

async function orderOf(id: string): Promise<Data> {
  const { order } = await a.data(
    `query ($id: ID!) { order(id: $id) { status paymentStatus refundedAmount { amountMinor } version
      payments { nodes { status refundedAmount { amountMinor } refunds { nodes { status } } } } } }`,
    { id },
  )
  return order
}

describe('refundCreate', () => {
  it('refunds the whole amount by default, and books it', async () => {
    const before = await ledgerOf(api, 'A')
    const { id, orderId } = await aPayment()
    const made = await refund(id)
    expect(made).toMatchObject({
      refund: { status: 'SUCCEEDED', amount: { amountMinor: '2000' } },
      userErrors: [],
    })
    expect(await orderOf(orderId)).toMatchObject({
      status: 'PAID',
      paymentStatus: 'REFUNDED',
      refundedAmount: { amountMinor: '2000' },
    })
    expect(((await ledgerOf(api, 'A'))['4020'] ?? 0n) - (before['4020'] ?? 0n)).toBe(2_000n)
  })

  it('in parts, together never more than was taken', async () => {
    const { id, orderId } = await aPayment()
    await refund(id, 500)
    expect(await orderOf(orderId)).toMatchObject({ paymentStatus: 'PARTIALLY_REFUNDED' })
    await refund(id, 700)
    expect((await refund(id, 801)).userErrors).toMatchObject([
      { field: ['amount'], code: 'AMOUNT_TOO_LARGE' },
    ])
    expect((await refund(id)).refund).toMatchObject({ amount: { amountMinor: '800' } })
    expect((await refund(id)).userErrors).toMatchObject([{ field: ['paymentId'], code: 'AMOUNT_TOO_LARGE' }])
  })

  it('after it, the order can be cancelled but not fulfilled, and releases its stock', async () => {
    const { id, orderId } = await aPayment()
    await refund(id)
    const send = async (mutation: string) => {
      const type = mutation.charAt(0).toUpperCase() + mutation.slice(1)
      const answer = await a.data(
        `mutation ($input: ${type}Input!) { ${mutation}(input: $input) { order { status } userErrors { code } } }`,
        { input: { id: orderId, expectedVersion: 2, idempotencyKey: unique('end') } },
      )
      return answer[mutation]
    }
    expect((await send('orderFulfill')).userErrors).toEqual([{ code: 'WRONG_STATUS' }])
    expect(await send('orderCancel')).toEqual({ order: { status: 'CANCELLED' }, userErrors: [] })
  })

  it('the same key refunds once; another input is refused', async () => {
    const { id } = await aPayment()
    const input = {
      idempotencyKey: unique('refund'),
      paymentId: id,
      amount: { amountMinor: '500', currency: 'USD' },
    }
    const first = await a.send(REFUND_CREATE, { input })
    const second = await a.send(REFUND_CREATE, { input })
    expect(second).toEqual({ ...first, extensions: { idempotency: 'replayed' } })
    const other = await a.data(REFUND_CREATE, { input: { ...input, note: 'another' } })
    expect(other.refundCreate.userErrors).toMatchObject([{ code: 'IDEMPOTENCY_KEY_REUSED' }])
    const hundred = await Promise.all(Array.from({ length: 100 }, () => a.data(REFUND_CREATE, { input })))
    expect(new Set(hundred.map(({ refundCreate }) => refundCreate.refund.id)).size).toBe(1)
  })

  it('case 37: rivals never pass the captured sum', async () => {
    const { id, orderId } = await aPayment()
    const tries = await Promise.all(Array.from({ length: 12 }, () => refund(id, 300)))
    expect(tries.filter(({ refund: made }) => made?.status === 'SUCCEEDED')).toHaveLength(6)
    expect(tries.flatMap(({ userErrors }) => userErrors.map(({ code }: Data) => code))).toEqual(
      Array(6).fill('AMOUNT_TOO_LARGE'),
    )
    expect(await orderOf(orderId)).toMatchObject({ refundedAmount: { amountMinor: '1800' } })
    expect(
      (await bookedCharges(api, 'A')).find(({ paymentId }) => paymentId === uuidOf('pay', id)),
    ).toMatchObject({
      refundedMinor: 1_800n,
    })
  })

  it('case 37: a wrong currency, nothing, a negative and a huge amount are refused', async () => {
    const { id } = await aPayment()
    const codes = async (amount: object) =>
      (await refund(id, undefined, { amount })).userErrors.map(({ code }: Data) => code)
    expect(await codes({ amountMinor: '100', currency: 'EUR' })).toEqual(['CURRENCY_MISMATCH'])
    expect(await codes({ amountMinor: '0', currency: 'USD' })).toEqual(['OUT_OF_RANGE'])
    expect(await codes({ amountMinor: '-1', currency: 'USD' })).toEqual(['OUT_OF_RANGE'])
    expect(await codes({ amountMinor: '9000000000000000000', currency: 'USD' })).toEqual(['AMOUNT_TOO_LARGE'])
  })

  it('a payment that failed has nothing to give back', async () => {
    const { id } = await aPayment('pm_card_chargeDeclined')
    expect((await refund(id)).userErrors).toMatchObject([{ code: 'WRONG_STATUS' }])
  })

  it("cross-tenant: another tenant's payment is NOT_FOUND like a missing one; staff is FORBIDDEN", async () => {
    const { id } = await aPayment()
    const b = api.as('B')
    const foreign = await refund(id, 100, {}, b)
    expect(foreign).toEqual(await refund('pay_00000000000000000000000000', 100, {}, b))
    expect(foreign.userErrors).toMatchObject([{ field: ['paymentId'], code: 'NOT_FOUND' }])
    const input = { idempotencyKey: unique('refund'), paymentId: id }
    const { errors } = await api.as('A', 'STAFF').send(REFUND_CREATE, { input })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'payments:refund' } }])
  })
})

describe('a refund that takes a while', () => {
  it('is PENDING, and set aside meanwhile; then it succeeds', async () => {
    // It stays pending until its event is sent, however long the checks take.
    await controlSandbox(api, 'A', 'settings', { webhooks: 'paused', processingDelayMs: 0 })
    const { id, orderId } = await aPayment('pm_card_refundPending')
    expect((await refund(id, 1_500)).refund).toMatchObject({ status: 'PENDING' })
    expect((await refund(id, 501)).userErrors).toMatchObject([{ code: 'AMOUNT_TOO_LARGE' }])
    await controlSandbox(api, 'A', 'settings', { webhooks: 'on' })
    await eventually(async () =>
      expect(await orderOf(orderId)).toMatchObject({ refundedAmount: { amountMinor: '1500' } }),
    )
  })

  it('or fails, and can be made again', async () => {
    await controlSandbox(api, 'A', 'settings', { processingDelayMs: 50 })
    const { id, orderId } = await aPayment('pm_card_refundFail')
    await refund(id)
    await eventually(async () => {
      const [payment] = (await orderOf(orderId)).payments.nodes
      expect(payment.refunds.nodes).toEqual([{ status: 'FAILED' }])
    })
    expect(await orderOf(orderId)).toMatchObject({
      paymentStatus: 'PAID',
      refundedAmount: { amountMinor: '0' },
    })
    expect((await refund(id)).refund.status).toBe('PENDING')
    await eventually(async () => {
      const [payment] = (await orderOf(orderId)).payments.nodes
      expect(payment.refunds.nodes).toEqual([{ status: 'FAILED' }, { status: 'FAILED' }])
    })
  })

  it('whose answer is lost is UNKNOWN, and settled by the job: refunded once', async () => {
    await controlSandbox(api, 'A', 'settings', { webhooks: 'paused' })
    const { id, orderId } = await aPayment('pm_card_refundTimeout')
    const { refund: made } = await refund(id, 800)
    expect(made).toMatchObject({ status: 'UNKNOWN' })
    await runJob(api, 'A', 'refund.reconcile', { refundId: uuidOf('ref', made.id) })
    expect(await orderOf(orderId)).toMatchObject({ refundedAmount: { amountMinor: '800' } })
    const charge = (await bookedCharges(api, 'A')).find(({ paymentId }) => paymentId === uuidOf('pay', id))
    expect(charge).toMatchObject({ refundedMinor: 800n })
    await controlSandbox(api, 'A', 'settings', { webhooks: 'on' })
  })
})

describe('case 37: the database refuses, too', () => {
  it.each([
    [
      'more refunded than was taken',
      `UPDATE payments SET refunded_minor = amount_minor + 1 WHERE id = $1`,
      '23514',
    ],
    [
      'more set aside than is left',
      `UPDATE payments SET refund_pending_minor = amount_minor + 1 WHERE id = $1`,
      '23514',
    ],
    [
      'a negative refund',
      `INSERT INTO refunds (id, payment_id, currency, amount_minor) VALUES (gen_random_uuid(), $1, 'USD', -1)`,
      '23514',
    ],
    [
      'a refund in another currency',
      `INSERT INTO refunds (id, payment_id, currency, amount_minor) VALUES (gen_random_uuid(), $1, 'EUR', 1)`,
      '23503',
    ],
    [
      'a payment in another currency',
      `INSERT INTO payments (id, order_id, provider_kind, method, currency, amount_minor) SELECT gen_random_uuid(), order_id, 'MANUAL', 'x', 'EUR', 1 FROM payments WHERE id = $1`,
      '23503',
    ],
    [
      'a payment of nothing',
      `INSERT INTO payments (id, order_id, provider_kind, method, currency, amount_minor) SELECT gen_random_uuid(), order_id, 'MANUAL', 'x', 'USD', 0 FROM payments WHERE id = $1`,
      '23514',
    ],
    [
      'two payments of one order under way',
      `INSERT INTO payments (id, order_id, provider_kind, method, currency, amount_minor) SELECT gen_random_uuid(), order_id, 'MANUAL', 'x', 'USD', 1 FROM payments, generate_series(1, 2) WHERE id = $1`,
      '23505',
    ],
    [
      'more paid than the order costs',
      `UPDATE orders SET paid_minor = total_minor + 1 WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      '23514',
    ],
    [
      'more refunded than was paid',
      `UPDATE orders SET refunded_minor = paid_minor + 1 WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      '23514',
    ],
    [
      'a sum that no column holds',
      `UPDATE payments SET refunded_minor = amount_minor * 9223372036854775807 WHERE id = $1`,
      '22003',
    ],
    ['another amount than was taken', `UPDATE payments SET amount_minor = 1 WHERE id = $1`, '42501'],
    [
      'another amount than was asked for',
      `UPDATE refunds SET amount_minor = 1 WHERE payment_id = $1`,
      '42501',
    ],
    [
      'another price than was agreed',
      `UPDATE orders SET total_minor = 1 WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      '42501',
    ],
    [
      'a paid order that is called placed again',
      `UPDATE orders SET status = 'PLACED' WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      'BK012',
    ],
    [
      'a cancelled order of which money is kept',
      `UPDATE orders SET status = 'CANCELLED', holds_stock = false WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      'BK012',
    ],
    [
      'a lower price that no refund tells of',
      `UPDATE orders SET reduced_minor = 1 WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      '23514',
    ],
    [
      'a payment status that the sums do not tell',
      `UPDATE orders SET payment_status = 'PARTIALLY_PAID' WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      '23514',
    ],
    [
      'a paid order that was refunded before it was paid',
      `UPDATE orders SET refunded_minor = 500, payment_status = 'PARTIALLY_PAID'
       WHERE id = (SELECT order_id FROM payments WHERE id = $1)`,
      '23514',
    ],
    ['a payment undone', `DELETE FROM payments WHERE id = $1`, '42501'],
  ])('%s', async (_what, sql, code) => {
    const { id } = await aPayment()
    const attempt = asRuntime(api.database, api.tenantIds.A, (client) =>
      client.query(sql, [uuidOf('pay', id)]),
    )
    await expect(attempt).rejects.toMatchObject({ code })
  })
})
