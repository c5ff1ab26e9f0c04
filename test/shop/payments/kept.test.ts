// The kept amount decides, not the captured one: partial payments and refunds, and their effects on the order's states,
// its stock, cancelling and fulfilling.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { eventually } from '../../support/eventually.ts'
import { unique } from '../../support/unique.ts'
import { controlSandbox, expectBooksInOrder, runJob } from '../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  PAYMENT_TAKE,
  placeOrder,
  REFUND_CREATE,
} from '../support/shop.ts'
import { untruths } from '../support/truth.ts'

/** The price of every order here. */
const PRICE = 10_000
const DAY_MS = 24 * 3_600_000

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
  await expectBooksInOrder(api, 'A')
  expect(await untruths(api, 'A')).toEqual([])
})
afterAll(() => api?.close())

async function anOrder(): Promise<{ id: string; variantId: string }> {
  const { id: variantId } = await makeVariant(a, { stock: 1, priceMinor: BigInt(PRICE) })
  const { id } = await placeOrder(a, customerId, [{ variantId, quantity: 1 }])
  return { id, variantId }
}

const money = (amountMinor: number | null) =>
  amountMinor === null ? undefined : { amountMinor: String(amountMinor), currency: 'USD' }

/** Pays this amount, or all that is left. */
async function take(
  orderId: string,
  amountMinor: number | null,
  paymentMethod = 'pm_card_visa',
): Promise<Data> {
  const input = { idempotencyKey: unique('pay'), orderId, paymentMethod, amount: money(amountMinor) }
  return (await a.data(PAYMENT_TAKE, { input })).paymentTake
}

async function giveBack(paymentId: string, amountMinor: number | null = null): Promise<Data> {
  const input = { idempotencyKey: unique('refund'), paymentId, amount: money(amountMinor) }
  return (await a.data(REFUND_CREATE, { input })).refundCreate
}

async function orderOf(id: string): Promise<Data> {
  const { order } = await a.data(
    `query ($id: ID!) { order(id: $id) {
      status paymentStatus holdsStock version
      captured: paidAmount { amountMinor } refunded: refundedAmount { amountMinor }
      pending: refundPendingAmount { amountMinor } kept: keptAmount { amountMinor }
      outstanding: outstandingAmount { amountMinor } overpaid: overpaidAmount { amountMinor }
    } }`,
    { id },
  )
  return Object.fromEntries(
    Object.entries(order as Data).map(([name, value]) => [
      name,
      typeof value === 'object' ? Number((value as Data).amountMinor) : value,
    ]),
  )
}

async function end(mutation: 'orderCancel' | 'orderFulfill', id: string): Promise<Data> {
  const { version } = await orderOf(id)
  const type = mutation === 'orderCancel' ? 'OrderCancelInput' : 'OrderFulfillInput'
  const { answer } = await a.data(
    `mutation ($input: ${type}!) { answer: ${mutation}(input: $input) {
      order { status } userErrors { code message } } }`,
    { input: { id, expectedVersion: version, idempotencyKey: unique('end') } },
  )
  return answer
}

describe('given back before all was paid', () => {
  it('60 paid and refunded: 100 are left, and only then it is PAID and can be fulfilled', async () => {
    const { id } = await anOrder()
    const { payment } = await take(id, 6_000)
    expect(await orderOf(id)).toMatchObject({
      paymentStatus: 'PARTIALLY_PAID',
      kept: 6_000,
      outstanding: 4_000,
    })
    await giveBack(payment.id)
    expect(await orderOf(id)).toMatchObject({
      status: 'PLACED',
      paymentStatus: 'REFUNDED',
      captured: 6_000,
      refunded: 6_000,
      kept: 0,
      outstanding: PRICE,
    })
    expect((await end('orderFulfill', id)).userErrors).toMatchObject([{ code: 'WRONG_STATUS' }])
    const rest = await take(id, null)
    expect(rest.payment.amount).toEqual(money(PRICE))
    expect(await orderOf(id)).toMatchObject({
      status: 'PAID',
      paymentStatus: 'PAID',
      captured: 16_000,
      refunded: 6_000,
      kept: PRICE,
      outstanding: 0,
      overpaid: 0,
    })
    expect(await end('orderFulfill', id)).toEqual({ order: { status: 'FULFILLED' }, userErrors: [] })
  })

  it('40 more do not pay it, and more than the outstanding amount is refused', async () => {
    const { id } = await anOrder()
    const { payment } = await take(id, 6_000)
    await giveBack(payment.id, 5_000)
    expect((await take(id, 9_001)).userErrors).toMatchObject([
      { code: 'AMOUNT_TOO_LARGE', message: 'only 90.00 USD is left to pay' },
    ])
    await take(id, 4_000)
    expect(await orderOf(id)).toMatchObject({
      status: 'PLACED',
      paymentStatus: 'PARTIALLY_PAID',
      kept: 5_000,
    })
    expect((await end('orderCancel', id)).userErrors).toMatchObject([{ code: 'WRONG_STATUS' }])
    await take(id, null)
    expect(await orderOf(id)).toMatchObject({ status: 'PAID', captured: 15_000, kept: PRICE })
  })

  it('a pending refund pays for nothing, not even while another payment is open', async () => {
    const { id } = await anOrder()
    const { payment } = await take(id, 6_000, 'pm_card_refundPending')
    // It stays pending until its event is sent, however long the checks take.
    await controlSandbox(api, 'A', 'settings', { webhooks: 'paused', processingDelayMs: 0 })
    expect((await giveBack(payment.id)).refund.status).toBe('PENDING')
    expect(await orderOf(id)).toMatchObject({ pending: 6_000, kept: 0, outstanding: PRICE })
    expect((await end('orderCancel', id)).userErrors).toMatchObject([{ code: 'PAYMENT_IN_PROGRESS' }])
    await take(id, 4_000)
    expect(await orderOf(id)).toMatchObject({ status: 'PLACED', kept: 4_000 })
    await controlSandbox(api, 'A', 'settings', { webhooks: 'on' })
    await eventually(async () => expect(await orderOf(id)).toMatchObject({ pending: 0, refunded: 6_000 }))
    expect(await orderOf(id)).toMatchObject({ status: 'PLACED', kept: 4_000, outstanding: 6_000 })
  })

  it('a returned refund counts again: the order is paid by it, or overpaid', async () => {
    const { id } = await anOrder()
    await controlSandbox(api, 'A', 'settings', { webhooks: 'paused', processingDelayMs: 0 })
    const { payment } = await take(id, 6_000, 'pm_card_refundFail')
    expect((await giveBack(payment.id)).refund.status).toBe('PENDING')
    await take(id, 7_000)
    expect(await orderOf(id)).toMatchObject({ status: 'PLACED', kept: 7_000 })
    await controlSandbox(api, 'A', 'settings', { webhooks: 'on' })
    await eventually(async () =>
      expect(await orderOf(id)).toMatchObject({ status: 'PAID', paymentStatus: 'PAID', kept: 13_000 }),
    )
    expect(await orderOf(id)).toMatchObject({ outstanding: 0, overpaid: 3_000 })
    // An overpaid amount is refunded first, without lowering the price.
    const { payments } = (
      await a.data(
        `query ($id: ID!) { order(id: $id) { payments { nodes { id amount { amountMinor } } } } }`,
        { id },
      )
    ).order
    const second = payments.nodes.find(({ amount }: Data) => amount.amountMinor === '7000')
    await giveBack(second.id, 3_000)
    expect(await orderOf(id)).toMatchObject({
      paymentStatus: 'PAID',
      kept: PRICE,
      outstanding: 0,
      overpaid: 0,
    })
    await giveBack(second.id, 1_000)
    expect(await orderOf(id)).toMatchObject({
      paymentStatus: 'PARTIALLY_REFUNDED',
      kept: 9_000,
      outstanding: 0,
    })
  })

  it('its stock is released a day later, or when the next card is declined', async () => {
    const first = await anOrder()
    await giveBack((await take(first.id, 6_000)).payment.id)
    expect(await orderOf(first.id)).toMatchObject({ holdsStock: true })
    await runJob(api, 'A', 'order.release-holds', {}, () => new Date(Date.now() + DAY_MS + 1_000))
    expect(await orderOf(first.id)).toMatchObject({ status: 'PLACED', holdsStock: false })
    const second = await anOrder()
    await giveBack((await take(second.id, 6_000)).payment.id)
    await take(second.id, null, 'pm_card_chargeDeclined')
    expect(await orderOf(second.id)).toMatchObject({ holdsStock: false, outstanding: PRICE })
    // Reserved again by the next payment, until a day from now.
    await giveBack((await take(second.id, 6_000)).payment.id)
    expect(await orderOf(second.id)).toMatchObject({ holdsStock: true })
    await runJob(api, 'A', 'order.release-holds', {}, () => new Date(Date.now() + DAY_MS + 1_000))
    expect(await orderOf(second.id)).toMatchObject({ holdsStock: false })
  })

  it('wholly, it can be cancelled', async () => {
    const { id } = await anOrder()
    await giveBack((await take(id, 6_000)).payment.id)
    expect(await end('orderCancel', id)).toEqual({ order: { status: 'CANCELLED' }, userErrors: [] })
    expect(await orderOf(id)).toMatchObject({ outstanding: 0, kept: 0 })
  })
})

describe('given back after all was paid', () => {
  it('lowers the price: it stays PAID, nothing is outstanding, and it can be fulfilled', async () => {
    const { id } = await anOrder()
    const { payment } = await take(id, null)
    await giveBack(payment.id, 2_500)
    expect(await orderOf(id)).toMatchObject({
      status: 'PAID',
      paymentStatus: 'PARTIALLY_REFUNDED',
      kept: 7_500,
      outstanding: 0,
    })
    expect((await take(id, 100)).userErrors).toMatchObject([
      { code: 'WRONG_STATUS', message: 'it is paid already' },
    ])
    expect((await end('orderFulfill', id)).order).toEqual({ status: 'FULFILLED' })
  })
})

describe('rivals', () => {
  it('a refund and the rest at once: it is PAID only when all of it is kept', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { id } = await anOrder()
      const { payment } = await take(id, 6_000)
      await Promise.all([giveBack(payment.id), take(id, null), take(id, 4_000)])
      const { status, captured, refunded, kept, outstanding } = await orderOf(id)
      expect(kept).toBe(captured - refunded)
      expect(kept).toBeLessThanOrEqual(PRICE)
      // A refund before the last payment adds to what is due; one after it lowers the price.
      expect(outstanding).toBe(status === 'PAID' ? 0 : PRICE - kept)
      if (status === 'PAID') continue
      await take(id, null)
      expect(await orderOf(id)).toMatchObject({ status: 'PAID', paymentStatus: 'PAID', kept: PRICE })
    }
  })
})
