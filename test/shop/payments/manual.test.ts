// Payments and refunds by hand: recorded once, booked to the right account, never more than is left, without a
// provider.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { uuidOf } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asRuntime, asSuperuser } from '../../support/database.ts'
import { unique } from '../../support/unique.ts'
import { bookedCharges, expectBooksInOrder, ledgerOf } from '../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  payOrder,
  placeOrder,
  REFUND_CREATE,
} from '../support/shop.ts'
import { untruths } from '../support/truth.ts'

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
})
afterEach(async () => {
  await expectBooksInOrder(api, 'A')
  expect(await untruths(api, 'A')).toEqual([])
})
afterAll(() => api?.close())

/** An order of 2,000. */
async function anOrder(): Promise<string> {
  const { id: variantId } = await makeVariant(a, { stock: 5 })
  return (await placeOrder(a, customerId, [{ variantId, quantity: 2 }])).id
}

const usd = (amountMinor: number) => ({ amountMinor: String(amountMinor), currency: 'USD' })

const PAYMENT_RECORD = `mutation ($input: PaymentRecordInput!) { paymentRecord(input: $input) {
  payment { id status provider method reference note receivedAt amount { amountMinor } fee { amountMinor }
    order { status paymentStatus outstandingAmount { amountMinor } } }
  userErrors { field message code } } }`
const REFUND_RECORD = `mutation ($input: RefundRecordInput!) { refundRecord(input: $input) {
  refund { id status method reference reason note givenAt amount { amountMinor } payment { order { paymentStatus keptAmount { amountMinor } } } }
  userErrors { field message code } } }`

async function record(orderId: string, more: object = {}, session = a): Promise<Data> {
  const input = { idempotencyKey: unique('record'), orderId, method: 'CASH', ...more }
  return (await session.data(PAYMENT_RECORD, { input })).paymentRecord
}

async function giveBack(paymentId: string, more: object = {}, session = a): Promise<Data> {
  const input = { idempotencyKey: unique('back'), paymentId, method: 'CASH', ...more }
  return (await session.data(REFUND_RECORD, { input })).refundRecord
}

/** By how much each account went up. */
async function bookedBy(work: () => Promise<unknown>): Promise<Record<string, bigint>> {
  const before = await ledgerOf(api, 'A')
  await work()
  const after = await ledgerOf(api, 'A')
  const changes = Object.keys(after).map(
    (code) => [code, (after[code] ?? 0n) - (before[code] ?? 0n)] as const,
  )
  return Object.fromEntries(changes.filter(([, change]) => change !== 0n))
}

describe('paymentRecord', () => {
  it.each([
    ['CASH', '1000'],
    ['BANK_TRANSFER', '1010'],
    ['OTHER', '1010'],
  ])('of %s pays the order and is booked on %s; without a provider', async (method, code) => {
    const orderId = await anOrder()
    const receivedAt = '2026-01-02T03:04:05.000Z'
    const booked = await bookedBy(async () => {
      const made = await record(orderId, {
        method,
        reference: ' receipt 7 ',
        note: 'at the door',
        receivedAt,
      })
      expect(made).toEqual({
        payment: {
          id: expect.stringMatching(/^pay_/),
          status: 'SUCCEEDED',
          provider: 'MANUAL',
          method,
          reference: 'receipt 7',
          note: 'at the door',
          receivedAt,
          amount: { amountMinor: '2000' },
          fee: { amountMinor: '0' },
          order: { status: 'PAID', paymentStatus: 'PAID', outstandingAmount: { amountMinor: '0' } },
        },
        userErrors: [],
      })
    })
    expect(booked).toEqual({ [code]: 2_000n, '4010': -2_000n })
  })

  it('in parts, beside a card; more than is left, another currency, the future and nothing are refused', async () => {
    const orderId = await anOrder()
    expect((await record(orderId, { amount: usd(500) })).payment.order).toMatchObject({
      status: 'PLACED',
      paymentStatus: 'PARTIALLY_PAID',
    })
    const codes = async (more: object) =>
      (await record(orderId, more)).userErrors.map(({ field, code }: Data) => [field[0], code])
    expect(await codes({ amount: usd(1_501) })).toEqual([['amount', 'AMOUNT_TOO_LARGE']])
    expect(await codes({ amount: { amountMinor: '1', currency: 'EUR' } })).toEqual([
      ['amount', 'CURRENCY_MISMATCH'],
    ])
    expect(await codes({ amount: usd(0) })).toEqual([['amount', 'OUT_OF_RANGE']])
    expect(await codes({ receivedAt: new Date(Date.now() + 3_600_000).toISOString() })).toEqual([
      ['receivedAt', 'IN_THE_FUTURE'],
    ])
    expect(await codes({ reference: 'x'.repeat(256), note: 'x'.repeat(501) })).toEqual([
      ['reference', 'TOO_LONG'],
      ['note', 'TOO_LONG'],
    ])
    await payOrder(api, 'A', orderId)
    expect(await codes({})).toEqual([['orderId', 'WRONG_STATUS']])
  })

  it('the same key records once; concurrent calls never record more than is left', async () => {
    const orderId = await anOrder()
    const input = { idempotencyKey: unique('record'), amount: usd(700) }
    const answers = await Promise.all(Array.from({ length: 5 }, () => record(orderId, input)))
    const settled = await record(orderId, input)
    for (const { payment } of answers) if (payment !== null) expect(payment.id).toBe(settled.payment.id)
    const rivals = await Promise.all(Array.from({ length: 6 }, () => record(orderId, { amount: usd(500) })))
    expect(rivals.filter(({ payment }) => payment !== null)).toHaveLength(2)
    expect((await record(orderId)).payment.amount.amountMinor).toBe('300')
  })

  it('is audited with its recorder, emits an event, and queues nothing', async () => {
    const orderId = await anOrder()
    const { payment } = await record(orderId, {}, api.as('A', 'STAFF'))
    const { rows } = await asSuperuser(api.database, (client) =>
      client.query(
        `SELECT (SELECT string_agg(actor_label, ' ') FROM audit_entries WHERE subject_id = $1 AND action = 'paymentRecord') AS who,
           ARRAY(SELECT type FROM outbox_events WHERE subject_id IN ($1, $2) ORDER BY type) AS events,
           (SELECT count(*)::int FROM graphile_worker._private_jobs WHERE payload ->> 'paymentId' = $1::text) AS jobs`,
        [uuidOf('pay', payment.id), uuidOf('ord', orderId)],
      ),
    )
    expect(rows[0]).toEqual({
      who: expect.stringContaining('@'),
      events: ['order.paid', 'order.placed', 'payment.succeeded'],
      jobs: 0,
    })
  })

  it('a viewer is FORBIDDEN; cross-tenant: another tenant’s order is NOT_FOUND, like an absent one', async () => {
    const orderId = await anOrder()
    const foreign = await record(orderId, {}, api.as('B'))
    expect(foreign).toEqual(await record('ord_00000000000000000000000000', {}, api.as('B')))
    expect(foreign.userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    const input = { idempotencyKey: unique('record'), orderId, method: 'CASH' }
    const { errors } = await api.as('A', 'VIEWER').send(PAYMENT_RECORD, { input })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'payments:take' } }])
  })
})

describe('refundRecord', () => {
  it('refunds cash from the till, or by transfer, and records it', async () => {
    const orderId = await anOrder()
    const { payment } = await record(orderId)
    const fromTill = await bookedBy(async () => {
      expect(
        await giveBack(payment.id, {
          amount: usd(500),
          reference: 'slip',
          reason: 'DAMAGED',
          note: 'scratched',
        }),
      ).toMatchObject({
        refund: {
          status: 'SUCCEEDED',
          method: 'CASH',
          reference: 'slip',
          reason: 'DAMAGED',
          note: 'scratched',
          givenAt: expect.any(String),
          payment: { order: { paymentStatus: 'PARTIALLY_REFUNDED', keptAmount: { amountMinor: '1500' } } },
        },
        userErrors: [],
      })
    })
    expect(fromTill).toEqual({ '1000': -500n, '4020': 500n })
    expect(await bookedBy(() => giveBack(payment.id, { method: 'BANK_TRANSFER' }))).toEqual({
      '1010': -1_500n,
      '4020': 1_500n,
    })
    expect((await giveBack(payment.id)).userErrors).toMatchObject([{ code: 'AMOUNT_TOO_LARGE' }])
  })

  it('before all was paid leaves more to pay; refundCreate does the same, from the same account', async () => {
    const orderId = await anOrder()
    const { payment } = await record(orderId, { amount: usd(1_200) })
    const booked = await bookedBy(() =>
      a.data(REFUND_CREATE, { input: { idempotencyKey: unique('back'), paymentId: payment.id } }),
    )
    expect(booked).toEqual({ '1000': -1_200n, '4020': 1_200n })
    expect((await record(orderId)).payment).toMatchObject({
      amount: { amountMinor: '2000' },
      order: { status: 'PAID' },
    })
  })

  it('of a payment through a provider is refused, so that both books agree', async () => {
    await connectSandbox(api, 'A')
    const orderId = await anOrder()
    const paymentId = await payOrder(api, 'A', orderId)
    expect((await giveBack(paymentId)).userErrors).toMatchObject([
      { field: ['paymentId'], code: 'TAKEN_BY_PROVIDER', message: expect.stringContaining('refundCreate') },
    ])
    const charge = (await bookedCharges(api, 'A')).find(
      ({ paymentId: of }) => of === uuidOf('pay', paymentId),
    )
    expect(charge).toMatchObject({ refundedMinor: 0n })
  })

  it('in the future, and by staff, is refused; concurrent calls never refund more than was received', async () => {
    const orderId = await anOrder()
    const { payment } = await record(orderId)
    const givenAt = new Date(Date.now() + 3_600_000).toISOString()
    expect((await giveBack(payment.id, { givenAt })).userErrors).toMatchObject([{ code: 'IN_THE_FUTURE' }])
    const input = { idempotencyKey: unique('back'), paymentId: payment.id, method: 'CASH' }
    const { errors } = await api.as('A', 'STAFF').send(REFUND_RECORD, { input })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'payments:refund' } }])
    const rivals = await Promise.all(
      Array.from({ length: 6 }, () => giveBack(payment.id, { amount: usd(900) })),
    )
    expect(rivals.filter(({ refund }) => refund !== null)).toHaveLength(2)
    const foreign = await giveBack(payment.id, {}, api.as('B'))
    expect(foreign.userErrors).toMatchObject([{ field: ['paymentId'], code: 'NOT_FOUND' }])
  })
})

describe('the database refuses, too', () => {
  it.each([
    ['a reference of what a provider took', `UPDATE payments SET manual_reference = 'x'`, '42501'],
    [
      'a fee of what nobody took',
      `UPDATE payments SET fee_minor = 1 WHERE provider_kind = 'MANUAL'`,
      '23514',
    ],
    [
      'a method that is none',
      `INSERT INTO refunds (id, payment_id, currency, amount_minor, manual_method)
       SELECT gen_random_uuid(), id, 'USD', 1, 'GOLD' FROM payments LIMIT 1`,
      '23514',
    ],
  ])('%s', async (_what, sql, code) => {
    await record(await anOrder())
    const attempt = asRuntime(api.database, api.tenantIds.A, (client) => client.query(sql))
    await expect(attempt).rejects.toMatchObject({ code })
  })
})
