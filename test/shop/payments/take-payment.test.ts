// Taking payments: successes, refusals, the effects on order, stock and ledger, and repetitions.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { uuidOf } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { eventually } from '../../support/eventually.ts'
import { queuedJobs } from '../../support/system.ts'
import { unique } from '../../support/unique.ts'
import { bookedCharges, controlSandbox, expectBooksInOrder, ledgerOf, runJob } from '../support/money.ts'
import { connectSandbox, makeCustomer, makeVariant, PAYMENT_TAKE, placeOrder } from '../support/shop.ts'
import { untruths } from '../support/truth.ts'

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
  await connectSandbox(api, 'A', { events: true })
})
afterEach(async () => {
  expect(await untruths(api, 'A')).toEqual([])
  await expectBooksInOrder(api, 'A')
})
afterAll(() => api?.close())

/** An order of 2 of 5 pieces at 1,000, and the variant. */
async function anOrder(session = a, buyer = customerId): Promise<{ id: string; variantId: string }> {
  const { id: variantId } = await makeVariant(session, { stock: 5, priceMinor: 1_000n })
  const { id } = await placeOrder(session, buyer, [{ variantId, quantity: 2 }])
  return { id, variantId }
}

async function take(orderId: string, more: Record<string, unknown> = {}, session = a): Promise<Data> {
  const input = { idempotencyKey: unique('pay'), orderId, paymentMethod: 'pm_card_visa', ...more }
  const { paymentTake } = await session.data(PAYMENT_TAKE, { input })
  return paymentTake
}

async function orderOf(id: string): Promise<Data> {
  const { order } = await a.data(
    `query ($id: ID!) { order(id: $id) {
      status paymentStatus holdsStock version paidAmount { amountMinor } payments { nodes { status } }
    } }`,
    { id },
  )
  return order
}

async function reservedOf(variantId: string): Promise<number> {
  const { variant } = await a.data('query ($id: ID!) { variant(id: $id) { stock { reserved } } }', {
    id: variantId,
  })
  return variant.stock.reserved
}

describe('a card that succeeds', () => {
  it('pays the order, books sale and fee, and holds the stock', async () => {
    const before = await ledgerOf(api, 'A')
    const { id, variantId } = await anOrder()
    const { payment, userErrors } = await take(id)
    expect(userErrors).toEqual([])
    expect(payment).toMatchObject({
      status: 'SUCCEEDED',
      amount: { amountMinor: '2000', currency: 'USD' },
      fee: { amountMinor: '88' },
      order: { status: 'PAID', paymentStatus: 'PAID' },
    })
    expect(await orderOf(id)).toMatchObject({
      paidAmount: { amountMinor: '2000' },
      version: 2,
      holdsStock: true,
    })
    expect(await reservedOf(variantId)).toBe(2)
    const after = await ledgerOf(api, 'A')
    const change = (code: string) => (after[code] ?? 0n) - (before[code] ?? 0n)
    expect([change('1020'), change('4010'), change('5010')]).toEqual([1_912n, -2_000n, 88n])
  })

  it('pays in parts, one after the other, and is PAID with the last', async () => {
    const { id } = await anOrder()
    const part = { amountMinor: '500', currency: 'USD' }
    expect((await take(id, { amount: part })).payment.order).toEqual(
      expect.objectContaining({ status: 'PLACED', paymentStatus: 'PARTIALLY_PAID' }),
    )
    const tooMuch = await take(id, { amount: { amountMinor: '1501', currency: 'USD' } })
    expect(tooMuch.userErrors).toMatchObject([{ field: ['amount'], code: 'AMOUNT_TOO_LARGE' }])
    expect((await take(id)).payment).toMatchObject({
      amount: { amountMinor: '1500' },
      order: { status: 'PAID', paymentStatus: 'PAID' },
    })
    expect((await take(id)).userErrors).toMatchObject([{ field: ['orderId'], code: 'WRONG_STATUS' }])
  })
})

describe('a card that is declined', () => {
  it.each([
    ['pm_card_chargeDeclined', 'CARD_DECLINED'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'INSUFFICIENT_FUNDS'],
    ['pm_card_chargeDeclinedExpiredCard', 'CARD_EXPIRED'],
    ['pm_nobody_knows', 'METHOD_INVALID'],
  ])(
    '%s fails with %s and releases the stock; another card reserves it again',
    async (paymentMethod, code) => {
      const { id, variantId } = await anOrder()
      const { payment, userErrors } = await take(id, { paymentMethod })
      expect(payment).toMatchObject({ status: 'FAILED', failureCode: code })
      expect(userErrors).toMatchObject([{ field: ['paymentMethod'], code }])
      expect(await orderOf(id)).toMatchObject({
        status: 'PLACED',
        paymentStatus: 'UNPAID',
        holdsStock: false,
      })
      expect(await reservedOf(variantId)).toBe(0)
      expect((await take(id)).payment).toMatchObject({ status: 'SUCCEEDED' })
      expect(await reservedOf(variantId)).toBe(2)
      expect((await orderOf(id)).payments.nodes).toEqual([{ status: 'SUCCEEDED' }, { status: 'FAILED' }])
    },
  )

  it('leaves the stock to others: a late retry gets STOCK_INSUFFICIENT, and nothing is charged', async () => {
    const { id, variantId } = await anOrder()
    await take(id, { paymentMethod: 'pm_card_chargeDeclined' })
    await placeOrder(a, customerId, [{ variantId, quantity: 4 }])
    const charges = (await bookedCharges(api, 'A')).length
    const { payment, userErrors } = await take(id)
    expect({ payment, userErrors }).toMatchObject({
      payment: null,
      userErrors: [{ field: ['orderId'], code: 'STOCK_INSUFFICIENT' }],
    })
    expect(await bookedCharges(api, 'A')).toHaveLength(charges)
  })

  it('after a part was paid keeps the stock', async () => {
    const { id, variantId } = await anOrder()
    await take(id, { amount: { amountMinor: '500', currency: 'USD' } })
    await take(id, { paymentMethod: 'pm_card_chargeDeclined' })
    expect(await orderOf(id)).toMatchObject({ paymentStatus: 'PARTIALLY_PAID', holdsStock: true })
    expect(await reservedOf(variantId)).toBe(2)
  })
})

describe('what cannot be paid', () => {
  it('wrong currency, no amount, no method: all are reported, and nothing is stored', async () => {
    const { id } = await anOrder()
    const wrong = await take(id, { amount: { amountMinor: '100', currency: 'EUR' } })
    expect(wrong.userErrors).toMatchObject([{ field: ['amount'], code: 'CURRENCY_MISMATCH' }])
    const invalid = await take(id, { amount: { amountMinor: '-5', currency: 'USD' }, paymentMethod: ' ' })
    expect(invalid.userErrors.map(({ code }: Data) => code)).toEqual(['REQUIRED', 'OUT_OF_RANGE'])
    expect((await orderOf(id)).payments.nodes).toEqual([])
  })

  it('a cancelled order is WRONG_STATUS', async () => {
    const { id } = await anOrder()
    await a.data(
      `mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { userErrors { message } } }`,
      { input: { id, expectedVersion: 1, idempotencyKey: unique('cancel') } },
    )
    expect((await take(id)).userErrors).toMatchObject([{ code: 'WRONG_STATUS', message: 'it was cancelled' }])
  })

  it("cross-tenant: another tenant's order is NOT_FOUND, like an absent one", async () => {
    const { id } = await anOrder()
    await connectSandbox(api, 'B')
    const foreign = await take(id, {}, api.as('B'))
    expect(foreign).toEqual(await take('ord_00000000000000000000000000', {}, api.as('B')))
    expect(foreign.userErrors).toMatchObject([{ field: ['orderId'], code: 'NOT_FOUND' }])
    expect(await orderOf(id)).toMatchObject({ paymentStatus: 'UNPAID' })
  })

  it('a viewer is FORBIDDEN', async () => {
    const { id } = await anOrder()
    const input = { idempotencyKey: unique('pay'), orderId: id, paymentMethod: 'pm_card_visa' }
    const { errors } = await api.as('A', 'VIEWER').send(PAYMENT_TAKE, { input })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'payments:take' } }])
  })
})

describe('repetitions', () => {
  it('case 34: the same key charges once, says replayed, and another input is refused', async () => {
    const { id } = await anOrder()
    const input = { idempotencyKey: unique('pay'), orderId: id, paymentMethod: 'pm_card_visa' }
    const first = await a.send(PAYMENT_TAKE, { input })
    const second = await a.send(PAYMENT_TAKE, { input })
    expect(first.extensions).toEqual({ idempotency: 'executed' })
    expect(second).toEqual({ ...first, extensions: { idempotency: 'replayed' } })
    const other = await a.data(PAYMENT_TAKE, { input: { ...input, paymentMethod: 'pm_card_mastercard' } })
    expect(other.paymentTake.userErrors).toMatchObject([{ code: 'IDEMPOTENCY_KEY_REUSED' }])
    expect((await orderOf(id)).payments.nodes).toHaveLength(1)
  })

  it('a decline is replayed too', async () => {
    const { id } = await anOrder()
    const input = { idempotencyKey: unique('pay'), orderId: id, paymentMethod: 'pm_card_chargeDeclined' }
    const first = await a.data(PAYMENT_TAKE, { input })
    expect(await a.data(PAYMENT_TAKE, { input })).toEqual(first)
    expect((await orderOf(id)).payments.nodes).toHaveLength(1)
  })

  it('case 34: a hundred taps at once make one charge', async () => {
    const { id } = await anOrder()
    const charges = (await bookedCharges(api, 'A')).length
    const input = { idempotencyKey: unique('pay'), orderId: id, paymentMethod: 'pm_card_visa' }
    const taps = await Promise.all(Array.from({ length: 100 }, () => a.data(PAYMENT_TAKE, { input })))
    const outcomes = new Set(
      taps.map(({ paymentTake: { payment, userErrors } }) => payment?.id ?? userErrors[0].code),
    )
    const { payments } = await orderOf(id)
    expect(payments.nodes).toEqual([{ status: 'SUCCEEDED' }])
    expect([...outcomes].filter((outcome) => outcome !== 'IDEMPOTENCY_KEY_IN_USE')).toHaveLength(1)
    expect(await bookedCharges(api, 'A')).toHaveLength(charges + 1)
  })

  it('two keys at once make one payment: the other gets PAYMENT_IN_PROGRESS or WRONG_STATUS', async () => {
    const { id } = await anOrder()
    const tries = await Promise.all(Array.from({ length: 8 }, () => take(id)))
    const codes = tries.flatMap(({ userErrors }) => userErrors.map(({ code }: Data) => code))
    expect(tries.filter(({ payment }) => payment?.status === 'SUCCEEDED')).toHaveLength(1)
    expect(codes).toHaveLength(7)
    expect(new Set([...codes, 'PAYMENT_IN_PROGRESS', 'WRONG_STATUS'])).toEqual(
      new Set(['PAYMENT_IN_PROGRESS', 'WRONG_STATUS']),
    )
  })
})

describe('an answer that is lost', () => {
  // Otherwise the provider's event may arrive first.
  beforeAll(() => controlSandbox(api, 'A', 'settings', { webhooks: 'paused' }))
  afterAll(() => controlSandbox(api, 'A', 'settings', { webhooks: 'on' }))

  it.each(['pm_card_timeout_after_charge', 'pm_card_timeout_before_charge', 'pm_card_error500_after_charge'])(
    'case 36: %s is UNKNOWN, then settled by the job with the same key: one charge',
    async (paymentMethod) => {
      const { id, variantId } = await anOrder()
      const charges = (await bookedCharges(api, 'A')).length
      const { payment } = await take(id, { paymentMethod })
      expect(payment).toMatchObject({
        status: 'UNKNOWN',
        order: { status: 'PLACED', paymentStatus: 'PENDING' },
      })
      expect(await reservedOf(variantId)).toBe(2)
      const paymentId = uuidOf('pay', payment.id)
      expect(await queuedJobs(api, 'A')).toContainEqual(
        expect.objectContaining({
          task: 'payment.reconcile',
          payload: expect.objectContaining({ paymentId }),
        }),
      )
      await runJob(api, 'A', 'payment.reconcile', { paymentId })
      expect(await orderOf(id)).toMatchObject({
        status: 'PAID',
        payments: { nodes: [{ status: 'SUCCEEDED' }] },
      })
      expect(await bookedCharges(api, 'A')).toHaveLength(charges + 1)
    },
  )

  it("the client's own retry finishes it as well", async () => {
    const { id } = await anOrder()
    const input = {
      idempotencyKey: unique('pay'),
      orderId: id,
      paymentMethod: 'pm_card_timeout_after_charge',
    }
    const first = await a.data(PAYMENT_TAKE, { input })
    expect(first.paymentTake.payment).toMatchObject({ status: 'UNKNOWN' })
    const second = await a.data(PAYMENT_TAKE, { input })
    expect(second.paymentTake.payment).toMatchObject({
      id: first.paymentTake.payment.id,
      status: 'SUCCEEDED',
      order: { status: 'PAID' },
    })
  })

  it('while it is open the order can neither be cancelled nor paid otherwise', async () => {
    const { id } = await anOrder()
    await take(id, { paymentMethod: 'pm_card_timeout_before_charge' })
    expect((await take(id)).userErrors).toMatchObject([{ code: 'PAYMENT_IN_PROGRESS' }])
    const { orderCancel } = await a.data(
      `mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { userErrors { code } } }`,
      { input: { id, expectedVersion: 1, idempotencyKey: unique('cancel') } },
    )
    expect(orderCancel.userErrors).toEqual([{ code: 'PAYMENT_IN_PROGRESS' }])
  })

  it('after the provider’s keys expire its list is read, and a payment missing in it has failed', async () => {
    const { id } = await anOrder()
    const charges = (await bookedCharges(api, 'A')).length
    const { payment } = await take(id, { paymentMethod: 'pm_card_timeout_before_charge' })
    const later = () => new Date(Date.now() + 24 * 3_600_000)
    await runJob(api, 'A', 'payment.reconcile', { paymentId: uuidOf('pay', payment.id) }, later)
    expect(await orderOf(id)).toMatchObject({
      paymentStatus: 'UNPAID',
      payments: { nodes: [{ status: 'FAILED' }] },
    })
    expect(await bookedCharges(api, 'A')).toHaveLength(charges)
    const { id: charged } = await anOrder()
    const lost = await take(charged, { paymentMethod: 'pm_card_timeout_after_charge' })
    await runJob(api, 'A', 'payment.reconcile', { paymentId: uuidOf('pay', lost.payment.id) }, later)
    expect(await orderOf(charged)).toMatchObject({ status: 'PAID' })
  })
})

describe('what takes a while', () => {
  it('a processing payment is PENDING until the webhook', async () => {
    await controlSandbox(api, 'A', 'settings', { processingDelayMs: 50 })
    const { id } = await anOrder()
    const { payment, userErrors } = await take(id, { paymentMethod: 'pm_card_processing' })
    expect({ payment, userErrors }).toMatchObject({ payment: { status: 'PENDING' }, userErrors: [] })
    await eventually(async () => expect(await orderOf(id)).toMatchObject({ status: 'PAID' }))
    await runJob(api, 'A', 'payment.fee', { paymentId: uuidOf('pay', payment.id) })
    const { payment: settled } = await a.data(
      'query ($id: ID!) { payment(id: $id) { status fee { amountMinor } } }',
      { id: payment.id },
    )
    expect(settled).toEqual({ status: 'SUCCEEDED', fee: { amountMinor: '88' } })
  })

  it('one that fails in the end lets go of the stock', async () => {
    await controlSandbox(api, 'A', 'settings', { processingDelayMs: 50 })
    const { id, variantId } = await anOrder()
    await take(id, { paymentMethod: 'pm_card_processingFails' })
    await eventually(async () => expect(await orderOf(id)).toMatchObject({ paymentStatus: 'UNPAID' }))
    expect(await reservedOf(variantId)).toBe(0)
  })

  it('a buyer who confirms with their bank pays; one who declines does not', async () => {
    for (const [answer, status] of [
      ['approve', 'PAID'],
      ['decline', 'PLACED'],
    ] as const) {
      const { id } = await anOrder()
      const returnUrl = 'http://127.0.0.1:9/thanks'
      const { payment } = await take(id, { paymentMethod: 'pm_card_authenticationRequired', returnUrl })
      expect(payment).toMatchObject({ status: 'PENDING', actionUrl: expect.stringMatching(/authenticate/) })
      const response = await fetch(payment.actionUrl, {
        method: 'POST',
        body: new URLSearchParams({ answer }),
        redirect: 'manual',
      })
      expect(response.headers.get('location')).toBe(returnUrl)
      await eventually(async () => expect((await orderOf(id)).paymentStatus).not.toBe('PENDING'))
      expect(await orderOf(id)).toMatchObject({ status })
    }
  })

  it('a buyer who does not return has abandoned it after an hour: the charge is cancelled, the stock released', async () => {
    const { id, variantId } = await anOrder()
    const { payment } = await take(id, {
      paymentMethod: 'pm_card_authenticationRequired',
      returnUrl: 'http://127.0.0.1:9/thanks',
    })
    const later = () => new Date(Date.now() + 2 * 3_600_000)
    await runJob(api, 'A', 'payment.reconcile', { paymentId: uuidOf('pay', payment.id) }, later)
    expect(await orderOf(id)).toMatchObject({ paymentStatus: 'UNPAID', holdsStock: false })
    expect(await reservedOf(variantId)).toBe(0)
    const late = await fetch(payment.actionUrl, {
      method: 'POST',
      body: new URLSearchParams({ answer: 'approve' }),
      redirect: 'manual',
    })
    expect(late.status).toBe(303)
    expect(
      (await bookedCharges(api, 'A')).find(({ paymentId }) => paymentId === uuidOf('pay', payment.id)),
    ).toMatchObject({
      status: 'FAILED',
    })
  })

  it('an unpaid order releases its stock after a day, and stays payable', async () => {
    const { id, variantId } = await anOrder()
    const tomorrow = () => new Date(Date.now() + 25 * 3_600_000)
    await runJob(api, 'A', 'order.release-holds', {})
    expect(await reservedOf(variantId)).toBe(2)
    await runJob(api, 'A', 'order.release-holds', {}, tomorrow)
    expect(await orderOf(id)).toMatchObject({ status: 'PLACED', holdsStock: false })
    expect(await reservedOf(variantId)).toBe(0)
    expect((await take(id)).payment).toMatchObject({ status: 'SUCCEEDED' })
  })
})

it('without a provider a payment is refused, with advice', async () => {
  const fresh = await startApi()
  try {
    const session = fresh.as('A')
    const { id } = await anOrder(session, await makeCustomer(session))
    expect((await take(id, {}, session)).userErrors).toMatchObject([
      { field: null, code: 'PROVIDER_NOT_CONNECTED' },
    ])
  } finally {
    await fresh.close()
  }
})
