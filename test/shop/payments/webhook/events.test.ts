// A provider's events: genuine or refused, once or often, in any order, of known and unknown objects. Case 40.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, uuidOf } from '../../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { asOwner, asSuperuser } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'
import { queuedJobs } from '../../../support/system.ts'
import { unique } from '../../../support/unique.ts'
import {
  controlSandbox,
  expectBooksInOrder,
  ledgerOf,
  post,
  runJob,
  sendEvent,
  signedEvent,
} from '../../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  PAYMENT_TAKE,
  payOrder,
  placeOrder,
  refundPayment,
} from '../../support/shop.ts'

/** A dozen payments with up to eight events each, one after another: half a minute on a busy machine. */
const ANY_ORDER_TIMEOUT_MS = 180_000

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
  await connectSandbox(api, 'A')
  await connectSandbox(api, 'B')
})
afterAll(() => api?.close())

async function anOrder(): Promise<string> {
  const { id } = await makeVariant(a, { stock: 5 })
  return (await placeOrder(a, customerId, [{ variantId: id, quantity: 2 }])).id
}

/** A payment that is with the provider, and its ids there and here. */
async function openPayment(): Promise<{ orderId: string; paymentId: string; reference: string }> {
  const orderId = await anOrder()
  const input = { idempotencyKey: unique('pay'), orderId, paymentMethod: 'pm_card_processing' }
  const { paymentTake } = await a.data(
    `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { payment { id providerReference } } }`,
    { input },
  )
  const { id, providerReference } = paymentTake.payment
  return { orderId, paymentId: uuidOf('pay', id), reference: providerReference }
}

function intent({ paymentId, reference }: { paymentId: string; reference: string }, status: string): object {
  return {
    id: reference,
    object: 'payment_intent',
    amount: 2_000,
    currency: 'usd',
    status,
    latest_charge: 'ch_1',
    last_payment_error:
      status === 'requires_payment_method' ? { code: 'card_declined', message: 'declined' } : null,
    metadata: { bulkhead_tenant: api.tenantIds.A, bulkhead_payment: paymentId },
  }
}

async function orderOf(id: string): Promise<Data> {
  const { order } = await a.data(
    `query ($id: ID!) { order(id: $id) { status paymentStatus payments { nodes { status } } } }`,
    { id },
  )
  return order
}

async function eventsOf(session = a): Promise<Data[]> {
  const { providerEvents } = await session.data(
    `{ providerEvents(first: 100) { nodes { reference type status error attempts } } }`,
  )
  return providerEvents.nodes
}

async function countOf(table: string): Promise<number> {
  return await asSuperuser(api.database, async (client) => {
    const { rows } = await client.query(`SELECT count(*)::int AS count FROM ${table}`)
    return rows[0].count
  })
}

describe('a genuine event', () => {
  it('is applied once, however often it comes: a duplicate gets 200 without effect', async () => {
    const payment = await openPayment()
    const event = await signedEvent(api, 'A', {
      type: 'payment_intent.succeeded',
      object: intent(payment, 'succeeded'),
    })
    expect(await post(event)).toEqual({
      status: 200,
      answer: { received: true, status: 'PROCESSED', isDuplicate: false },
    })
    const before = [await orderOf(payment.orderId), await ledgerOf(api, 'A'), await countOf('audit_entries')]
    expect(before[0]).toMatchObject({ status: 'PAID', paymentStatus: 'PAID' })
    const again = await Promise.all(Array.from({ length: 10 }, () => post(event)))
    for (const { status, answer } of again) {
      expect({ status, answer }).toEqual({
        status: 200,
        answer: { received: true, status: 'PROCESSED', isDuplicate: true },
      })
    }
    expect([
      await orderOf(payment.orderId),
      await ledgerOf(api, 'A'),
      await countOf('audit_entries'),
    ]).toEqual(before)
  })

  it('ten at once of one event have one effect', async () => {
    const payment = await openPayment()
    const event = await signedEvent(api, 'A', {
      type: 'payment_intent.succeeded',
      object: intent(payment, 'succeeded'),
    })
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(event)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(answers.filter(({ answer }) => !answer.isDuplicate)).toHaveLength(1)
  })

  it.each([
    ['payment_intent.succeeded', 'succeeded', 'PAID', 'SUCCEEDED'],
    ['payment_intent.payment_failed', 'requires_payment_method', 'UNPAID', 'FAILED'],
  ])(
    'any order of the events up to %s ends alike',
    async (last, status, paymentStatus, ending) => {
      const types: [string, string][] = [
        ['payment_intent.created', 'requires_confirmation'],
        ['payment_intent.processing', 'processing'],
        [last, status],
      ]
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom(...types), { minLength: 0, maxLength: 5 }),
          fc.shuffledSubarray(types, { minLength: 3 }),
          async (some, all) => {
            const payment = await openPayment()
            for (const [type, state] of [...some, ...all]) {
              const { status: answered } = await sendEvent(api, 'A', { type, object: intent(payment, state) })
              expect(answered).toBe(200)
            }
            expect(await orderOf(payment.orderId)).toMatchObject({
              paymentStatus,
              payments: { nodes: [{ status: ending }] },
            })
          },
        ),
        { numRuns: 12 },
      )
      await expectBooksInOrder(api, 'A')
    },
    ANY_ORDER_TIMEOUT_MS,
  )

  it('of an unknown type, or about something else in the same account, is stored and ignored', async () => {
    const about = { ...intent({ paymentId: '', reference: 'pi_other' }, 'succeeded'), metadata: {} }
    for (const [type, object] of [
      ['radar.something_new', { id: 'x' }],
      ['payment_intent.succeeded', about],
    ] as const) {
      const id = unique('evt')
      expect(await sendEvent(api, 'A', { id, type, object })).toMatchObject({
        status: 200,
        answer: { status: 'IGNORED' },
      })
      expect(await eventsOf()).toContainEqual({
        reference: id,
        type,
        status: 'IGNORED',
        error: null,
        attempts: 1,
      })
    }
  })

  it('that cannot be applied is stored as FAILED, retried by a job, and then applied once', async () => {
    const payment = await openPayment()
    const lost = {
      ...payment,
      paymentId: uuidOf('pay', encodeId('pay', '0191b1f6-6280-7ac3-8e00-00000000000f')),
    }
    const id = unique('evt')
    const event = { id, type: 'payment_intent.succeeded', object: intent(lost, 'succeeded') }
    expect(await sendEvent(api, 'A', event)).toMatchObject({ status: 200, answer: { status: 'FAILED' } })
    const [kept] = (await eventsOf()).filter(({ reference }) => reference === id)
    expect(kept).toMatchObject({
      status: 'FAILED',
      error: 'it names a payment of this shop that is not in the books',
    })
    const jobs = (await queuedJobs(api, 'A')).filter(({ task }) => task === 'provider-event.process')
    const job = jobs.find(({ payload }) => payload.reference === id)
    await expect(runJob(api, 'A', 'provider-event.process', job?.payload ?? {})).rejects.toThrow()
    // The cause is repaired: the event's payment exists.
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(
        `UPDATE provider_events SET body = convert_to(replace(convert_from(body, 'UTF8'), $2, $3), 'UTF8')
         WHERE reference = $1`,
        [id, lost.paymentId, payment.paymentId],
      ),
    )
    await runJob(api, 'A', 'provider-event.process', job?.payload ?? {})
    await runJob(api, 'A', 'provider-event.process', job?.payload ?? {})
    expect(await orderOf(payment.orderId)).toMatchObject({ status: 'PAID' })
    expect((await eventsOf()).find(({ reference }) => reference === id)).toMatchObject({
      status: 'PROCESSED',
      error: null,
    })
    await expectBooksInOrder(api, 'A')
  })

  it('a payout is booked once, and a failed one sums up to zero in any order', async () => {
    const before = (await ledgerOf(api, 'A'))['1010'] ?? 0n
    const payout = (id: string, status: string) => ({
      id,
      object: 'payout',
      amount: 700,
      currency: 'usd',
      status,
    })
    for (let round = 0; round < 2; round += 1) {
      await sendEvent(api, 'A', { type: 'payout.paid', object: payout('po_1', 'paid') })
    }
    await sendEvent(api, 'A', { type: 'payout.failed', object: payout('po_2', 'failed') })
    await sendEvent(api, 'A', { type: 'payout.paid', object: payout('po_2', 'paid') })
    await sendEvent(api, 'A', { type: 'payout.paid', object: payout('po_3', 'paid') })
    await sendEvent(api, 'A', { type: 'payout.failed', object: payout('po_3', 'failed') })
    expect((await ledgerOf(api, 'A'))['1010']).toBe(before + 700n)
    await expectBooksInOrder(api, 'A')
  })

  it('a refund that the bank returns is reversed, and can be repeated', async () => {
    const orderId = await anOrder()
    const paymentId = await payOrder(api, 'A', orderId)
    const refundId = await refundPayment(a, paymentId)
    const before = (await ledgerOf(api, 'A'))['4020'] ?? 0n
    const { refund } = await a
      .data('query ($id: ID!) { node(id: $id) { ... on Refund { providerReference } } }', {
        id: refundId,
      })
      .then(({ node }) => ({ refund: node }))
    const object = {
      id: refund.providerReference,
      object: 'refund',
      amount: 2_000,
      currency: 'usd',
      status: 'failed',
      failure_reason: 'lost_or_stolen_card',
      metadata: { bulkhead_refund: uuidOf('ref', refundId) },
    }
    for (let round = 0; round < 2; round += 1) {
      await sendEvent(api, 'A', { type: 'refund.failed', object })
      await sendEvent(api, 'A', { type: 'refund.updated', object: { ...object, status: 'succeeded' } })
    }
    expect((await ledgerOf(api, 'A'))['4020']).toBe(before - 2_000n)
    expect(await orderOf(orderId)).toMatchObject({ status: 'PAID', paymentStatus: 'PAID' })
    await expectBooksInOrder(api, 'A')
  })
})

describe('what is refused', () => {
  const event = { type: 'payment_intent.created', object: { id: 'pi_1' } }

  it('an altered byte, a stale and a future time: 401, and nothing is stored', async () => {
    const before = await countOf('provider_events')
    const genuine = await signedEvent(api, 'A', event)
    const altered = { ...genuine, body: genuine.body.replace('pi_1', 'pi_2') }
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
    for (const message of [
      altered,
      { ...genuine, signature: 't=1,v1=00' },
      { ...genuine, signature: 'nothing' },
      await signedEvent(api, 'A', { ...event, at: minutesAgo(6) }),
      await signedEvent(api, 'A', { ...event, at: minutesAgo(-6) }),
    ]) {
      expect((await post(message)).status).toBe(401)
    }
    expect(await countOf('provider_events')).toBe(before)
  })

  it("cross-tenant: another tenant's secret is not accepted, and an endpoint of one does not work for another", async () => {
    const ofA = await signedEvent(api, 'A', event)
    const ofB = await signedEvent(api, 'B', event)
    expect((await post({ ...ofA, url: ofB.url })).status).toBe(401)
    const mixed = ofA.url.replace('/anchor.', '/bollard.')
    expect(mixed).not.toBe(ofA.url)
    const absent = ofA.url.replace(/prov_\w+$/, encodeId('prov', '0191b1f6-6280-7ac3-8e00-00000000000f'))
    const answers = await Promise.all(
      [mixed, absent, ofA.url.replace('/anchor.', '/nobody.'), `${api.url}/webhooks/in/x`].map((url) =>
        post({ ...ofA, url }),
      ),
    )
    // Like a signature of another account, so that the existence of the account is not revealed.
    const said = answers.map(({ status, answer }) => [status, answer.errors[0].message])
    expect(said.slice(0, 3)).toEqual(Array(3).fill([401, 'The signature is not valid.']))
    expect(said[3]).toEqual([404, 'There is no such endpoint.'])
    expect(await eventsOf(api.as('B'))).toEqual([])
  })

  it('without a signature, not JSON, or too large: a clear 4xx', async () => {
    const { url, body } = await signedEvent(api, 'A', event)
    const unsigned = await fetch(url, { method: 'POST', body })
    expect(unsigned.status).toBe(400)
    const large = await fetch(url, {
      method: 'POST',
      body: 'x'.repeat(600_000),
      headers: { 'stripe-signature': `t=1,v1=${'0'.repeat(64)}` },
    })
    expect(large.status).toBe(413)
    expect((await fetch(url)).status).toBe(404)
  })

  it('a viewer sees no events', async () => {
    const { errors } = await api.as('A', 'STAFF').send('{ providerEvents { nodes { id } } }')
    expect(errors).toMatchObject([{ code: 'FORBIDDEN' }])
  })
})

it('duplicated and shuffled by the sandbox, events change nothing that is settled', async () => {
  const fresh = await startApi()
  try {
    const session = fresh.as('A')
    await connectSandbox(fresh, 'A', { events: true })
    const buyer = await makeCustomer(session)
    for (const webhooks of ['duplicate', 'shuffle']) {
      await controlSandbox(fresh, 'A', 'settings', { webhooks, webhookCopies: 3 })
      const { id } = await makeVariant(session, { stock: 50 })
      const orders = await Promise.all(
        Array.from({ length: 5 }, () => placeOrder(session, buyer, [{ variantId: id, quantity: 1 }])),
      )
      await Promise.all(
        orders.map(({ id: orderId }) =>
          session.data(PAYMENT_TAKE, {
            input: { idempotencyKey: unique('pay'), orderId, paymentMethod: 'pm_card_visa' },
          }),
        ),
      )
      await controlSandbox(fresh, 'A', 'flush')
    }
    await eventually(async () => {
      const { providerEvents } = await session.data(
        `{ providerEvents(first: 100) { nodes { status type } } }`,
      )
      const succeeded = providerEvents.nodes.filter(({ type }: Data) => type === 'payment_intent.succeeded')
      expect(succeeded).toHaveLength(10)
      expect(new Set(succeeded.map(({ status }: Data) => status))).toEqual(new Set(['PROCESSED']))
    })
    await expectBooksInOrder(fresh, 'A')
    expect((await ledgerOf(fresh, 'A'))['4010']).toBe(-10_000n)
  } finally {
    await fresh.close()
  }
})
