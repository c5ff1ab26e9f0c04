// Refunds made at the provider by others: booked to their payment, in any order and number of their events.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { providerRecords } from '../../../../src/shop/integrity/provider-records.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { eventually } from '../../../support/eventually.ts'
import { systemOf } from '../../../support/system.ts'
import { unique } from '../../../support/unique.ts'
import { bookedCharges, expectBooksInOrder, ledgerOf, secretsOf, sendEvent } from '../../support/money.ts'
import { sandboxUrl } from '../../support/sandbox-url.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
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
afterAll(() => api?.close())

async function paid(): Promise<{ orderId: string; paymentId: string; reference: string }> {
  const { id } = await makeVariant(a, { stock: 5 })
  const orderId = (await placeOrder(a, customerId, [{ variantId: id, quantity: 2 }])).id
  const paymentId = await payOrder(api, 'A', orderId)
  return { orderId, paymentId, reference: (await paymentOf(paymentId)).providerReference }
}

async function paymentOf(id: string): Promise<Data> {
  const source = `query ($id: ID!) { payment(id: $id) { providerReference refundedAmount { amountMinor }
    order { status paymentStatus refundedAmount { amountMinor } }
    refunds { nodes { status amount { amountMinor } providerReference reason } } } }`
  return (await a.data(source, { id })).payment
}

/** In the provider's dashboard: without our metadata. */
async function refundAtProvider(reference: string, amount: number): Promise<string> {
  const { secretKey } = await secretsOf(api, 'A')
  const response = await fetch(`${sandboxUrl()}/v1/refunds`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: `payment_intent=${reference}&amount=${amount}`,
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { id: string }).id
}

it('one made in the dashboard is applied to payment, order, ledger and stock by its event', async () => {
  const { paymentId, reference } = await paid()
  const before = (await ledgerOf(api, 'A'))['4020'] ?? 0n
  const id = await refundAtProvider(reference, 700)
  await eventually(async () => {
    expect(await paymentOf(paymentId)).toMatchObject({
      refundedAmount: { amountMinor: '700' },
      order: { status: 'PAID', paymentStatus: 'PARTIALLY_REFUNDED' },
      refunds: { nodes: [{ status: 'SUCCEEDED', amount: { amountMinor: '700' }, providerReference: id }] },
    })
  })
  expect((await ledgerOf(api, 'A'))['4020']).toBe(before + 700n)
  await expectBooksInOrder(api, 'A')
  const caller = await systemOf(api, 'A')
  expect(await providerRecords(caller, api.services.payments).run()).toEqual({ count: 0, violations: [] })
  expect(
    (await bookedCharges(api, 'A')).find((charge) => charge.reference === reference)?.refundedMinor,
  ).toBe(700n)
  // The rest can be refunded here, and no more.
  await refundPayment(a, paymentId, 1_300n)
  await expect(refundPayment(a, paymentId, 1n)).rejects.toThrow('AMOUNT_TOO_LARGE')
})

it('any order and number of its events ends alike: one refund, and FAILED is the last word', async () => {
  const states = ['pending', 'succeeded', 'failed'] as const
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...states), { maxLength: 3 }),
      fc.shuffledSubarray([...states], { minLength: 1 }),
      async (some, all) => {
        const { paymentId, reference } = await paid()
        const id = unique('re').replace('-', '_')
        const object = { id, object: 'refund', amount: 500, currency: 'usd', payment_intent: reference }
        for (const status of [...some, ...all]) {
          const type = status === 'pending' ? 'refund.created' : 'refund.updated'
          const sent = await sendEvent(api, 'A', { id: unique('evt'), type, object: { ...object, status } })
          expect(sent).toMatchObject({ status: 200, answer: { status: 'PROCESSED' } })
        }
        const told = new Set([...some, ...all])
        const status = told.has('failed') ? 'FAILED' : told.has('succeeded') ? 'SUCCEEDED' : 'PENDING'
        const { refunds, refundedAmount } = await paymentOf(paymentId)
        expect(refunds.nodes).toMatchObject([{ status, providerReference: id }])
        expect(refundedAmount.amountMinor).toBe(status === 'SUCCEEDED' ? '500' : '0')
      },
    ),
    { numRuns: 8 },
  )
  await expectBooksInOrder(api, 'A')
}, 120_000)

it('more than what is left, or in another currency, is stored as FAILED; of an unknown charge: IGNORED', async () => {
  const { paymentId, reference } = await paid()
  const object = {
    id: 're_much',
    object: 'refund',
    amount: 2_001,
    currency: 'usd',
    payment_intent: reference,
    status: 'succeeded',
  }
  for (const [odd, status] of [
    [{}, 'FAILED'],
    [{ id: 're_eur', amount: 100, currency: 'eur' }, 'FAILED'],
    [{ id: 're_other', payment_intent: 'pi_of_nobody' }, 'IGNORED'],
    [{ id: 're_none', payment_intent: null }, 'IGNORED'],
  ] as const) {
    const event = { id: unique('evt'), type: 'refund.created', object: { ...object, ...odd } }
    expect(await sendEvent(api, 'A', event)).toMatchObject({ status: 200, answer: { status } })
  }
  expect((await paymentOf(paymentId)).refunds.nodes).toEqual([])
})

it('cross-tenant: the event of a charge of another shop is IGNORED', async () => {
  const { paymentId, reference } = await paid()
  await connectSandbox(api, 'B')
  const object = {
    id: 're_b',
    object: 'refund',
    amount: 1,
    currency: 'usd',
    payment_intent: reference,
    status: 'succeeded',
  }
  const sent = await sendEvent(api, 'B', { id: unique('evt'), type: 'refund.created', object })
  expect(sent.answer.status).toBe('IGNORED')
  expect((await paymentOf(paymentId)).refunds.nodes).toEqual([])
})
