// Events and their webhooks: signed like Stripe's, retried until accepted, and sent as by an unreliable network.
import Stripe from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { charged, errorOf, type Merchant, newMerchant } from './merchant.ts'
import { type Receiver, startReceiver, subscribe, verified } from './receiver.ts'

let merchant: Merchant
let receiver: Receiver
beforeEach(async () => {
  merchant = newMerchant()
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

const pay = (more?: Partial<Stripe.PaymentIntentCreateParams>) =>
  merchant.stripe.paymentIntents.create(charged(more))
const flush = () => merchant.control('flush', {})
/** Only a flush sends, in order: due deliveries are otherwise sent several at once. */
const sendInOrder = () => merchant.control('settings', { webhooks: 'delay', webhookDelayMs: 3_600_000 })
const idsOf = (sent: Receiver['received']) => sent.map(({ event }) => event.id)

interface Deliveries {
  deliveries: { event: string; state: string; attempts: number; outcome: string | null; dueAtMs: number }[]
}
const deliveries = async () => (await merchant.control<Deliveries>('deliveries')).deliveries

describe('an endpoint', () => {
  it('gets the events that it subscribed to, signed with the secret that only its maker saw', async () => {
    const { id, secret } = await subscribe(merchant, receiver, [
      'payment_intent.succeeded',
      'charge.succeeded',
    ])
    expect(secret).toMatch(/^whsec_/)
    const intent = await pay({ metadata: { order: '7' } })
    await eventually(async () => expect(receiver.received).toHaveLength(2))
    const events = receiver.received.map((received) => verified(received, secret))
    expect(events.map(({ type }) => type).toSorted()).toEqual([
      'charge.succeeded',
      'payment_intent.succeeded',
    ])
    expect(events.find(({ type }) => type === 'payment_intent.succeeded')).toMatchObject({
      object: 'event',
      api_version: Stripe.API_VERSION,
      livemode: false,
      pending_webhooks: 1,
      request: { id: expect.stringMatching(/^req_/) },
      data: { object: { id: intent.id, status: 'succeeded', metadata: { order: '7' } } },
    })
    for (const received of receiver.received) {
      expect(() => verified(received, 'whsec_other')).toThrow(/signature/)
      expect(() => verified({ ...received, rawBody: `${received.rawBody} ` }, secret)).toThrow(/signature/)
    }
    const { stripe } = merchant
    expect(await stripe.webhookEndpoints.retrieve(id)).not.toHaveProperty('secret')
    expect((await stripe.webhookEndpoints.list()).data[0]).not.toHaveProperty('secret')
  })

  it('can be moved, disabled and enabled, and deleted', async () => {
    const { stripe } = merchant
    const { id } = await subscribe(merchant, { url: 'http://127.0.0.1:9/nowhere' })
    const moved = await stripe.webhookEndpoints.update(id, {
      url: receiver.url,
      description: 'moved',
      metadata: { shop: 'acme' },
      enabled_events: ['charge.succeeded'],
    })
    expect(moved).toMatchObject({ url: receiver.url, description: 'moved', metadata: { shop: 'acme' } })
    await stripe.webhookEndpoints.update(id, { disabled: true })
    await pay()
    await stripe.webhookEndpoints.update(id, { disabled: false })
    const heard = await pay()
    await flush()
    expect(receiver.received.map(({ event }) => (event.data.object as Stripe.Charge).payment_intent)).toEqual(
      [heard.id],
    )
    expect(await stripe.webhookEndpoints.del(id)).toMatchObject({ id, deleted: true })
    await pay()
    await flush()
    expect(receiver.received).toHaveLength(1)
    expect(await errorOf(stripe.webhookEndpoints.retrieve(id))).toMatchObject({ statusCode: 404 })
  })

  it.each([
    [{ url: 'ftp://127.0.0.1/x' }, 'url'],
    [{ url: 'nowhere' }, 'url'],
    [{ enabled_events: [] }, 'enabled_events'],
  ])('%o is refused', async (wrong, param) => {
    const params = { url: receiver.url, enabled_events: ['*' as const], ...wrong }
    expect(await errorOf(merchant.stripe.webhookEndpoints.create(params))).toMatchObject({
      statusCode: 400,
      param,
    })
  })

  it('cross-account: hears nothing of another account', async () => {
    await subscribe(merchant, receiver)
    await sendInOrder()
    await newMerchant().stripe.paymentIntents.create(charged())
    await pay()
    await flush()
    expect(receiver.types()).toEqual([
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
    ])
  })
})

describe('events are emitted', () => {
  async function told(work: () => Promise<unknown>): Promise<string[]> {
    await subscribe(merchant, receiver)
    await sendInOrder()
    await work()
    await flush()
    return receiver.types()
  }
  const CREATED = 'payment_intent.created'

  it('of a decline', async () => {
    const types = await told(() => errorOf(pay({ payment_method: 'pm_card_chargeDeclined' })))
    expect(types).toEqual([CREATED, 'charge.failed', 'payment_intent.payment_failed'])
  })

  it('of a question to the buyer, and of giving up', async () => {
    const types = await told(async () => {
      const { id } = await pay({
        payment_method: 'pm_card_authenticationRequired',
        return_url: 'http://127.0.0.1:9',
      })
      await merchant.stripe.paymentIntents.cancel(id)
    })
    expect(types).toEqual([CREATED, 'payment_intent.requires_action', 'payment_intent.canceled'])
  })

  it('of a payment that takes a while', async () => {
    await merchant.control('settings', { processingDelayMs: 0 })
    await subscribe(merchant, receiver)
    await pay({ payment_method: 'pm_card_processing' })
    await eventually(async () => expect(receiver.types()).toContain('payment_intent.succeeded'))
    expect(receiver.types().toSorted()).toEqual(
      [CREATED, 'charge.succeeded', 'payment_intent.processing', 'payment_intent.succeeded'].toSorted(),
    )
  })

  it.each([
    ['pm_card_visa', []],
    ['pm_card_refundPending', ['refund.updated']],
    ['pm_card_refundFail', ['refund.failed']],
  ])('of a refund of %s', async (payment_method, later) => {
    await merchant.control('settings', { processingDelayMs: 0 })
    const { id } = await pay({ payment_method })
    await subscribe(merchant, receiver)
    await merchant.stripe.refunds.create({ payment_intent: id })
    const expected = ['charge.refunded', 'refund.created', ...later]
    await eventually(async () => expect(receiver.types().toSorted()).toEqual(expected.toSorted()))
  })
})

describe('a delivery', () => {
  it('that is not accepted is retried with the same event, after growing delays', async () => {
    const { secret } = await subscribe(merchant, receiver, ['charge.succeeded'])
    receiver.answers.push(500, 302)
    await pay()
    await eventually(async () => expect(receiver.received).toHaveLength(3))
    expect(new Set(idsOf(receiver.received)).size).toBe(1)
    for (const received of receiver.received) verified(received, secret)
    await eventually(async () =>
      expect(await deliveries()).toMatchObject([{ state: 'DONE', attempts: 3, outcome: '200' }]),
    )
  })

  it('waits twice as long after each try', async () => {
    await subscribe(merchant, { url: 'http://127.0.0.1:9/nobody' }, ['charge.succeeded'])
    await pay()
    for (let tries = 1; tries <= 4; tries += 1) {
      const beforeMs = Date.now()
      await flush()
      const [delivery] = await deliveries()
      const { attempts, dueAtMs } = delivery ?? { attempts: 0, dueAtMs: 0 }
      expect(attempts).toBeGreaterThanOrEqual(tries)
      const triedAtMs = dueAtMs - 500 * 2 ** (attempts - 1)
      expect(triedAtMs).toBeGreaterThanOrEqual(beforeMs)
      expect(triedAtMs).toBeLessThanOrEqual(Date.now())
    }
  })

  it('is given up after 20 tries', async () => {
    await subscribe(merchant, { url: 'http://127.0.0.1:9/nobody' }, ['charge.succeeded'])
    await pay()
    for (let tries = 0; tries < 25; tries += 1) await flush()
    expect(await deliveries()).toMatchObject([{ state: 'GIVEN_UP', attempts: 20 }])
  })

  it('to one that does not answer does not hold up another', async () => {
    const silent = await startReceiver()
    try {
      silent.answers.push(null, null, null)
      await subscribe(merchant, silent)
      await subscribe(merchant, receiver)
      await pay()
      await eventually(async () => expect(receiver.received).toHaveLength(3))
    } finally {
      await silent.close()
    }
  })

  it('can be repeated as often as asked', async () => {
    await subscribe(merchant, receiver, ['charge.succeeded'])
    await pay()
    await flush()
    const [event] = receiver.received
    await merchant.control(`events/${event?.event.id}/resend`, { copies: 4 })
    await flush()
    expect(idsOf(receiver.received)).toEqual(Array.from({ length: 5 }, () => event?.event.id))
  })

  it('of any type can be asked for, unknown ones too', async () => {
    const { secret } = await subscribe(merchant, receiver)
    await merchant.control('emit', { type: 'moon.eclipsed', object: { id: 'moon_1', object: 'moon' } })
    await flush()
    const [received] = receiver.received
    expect(received && verified(received, secret)).toMatchObject({
      type: 'moon.eclipsed',
      data: { object: { id: 'moon_1' } },
    })
  })
})

describe('an unkind network', () => {
  it('holds events back until it is released, however often they are flushed', async () => {
    await subscribe(merchant, receiver, ['charge.succeeded'])
    await merchant.control('settings', { webhooks: 'paused' })
    await pay()
    await flush()
    expect(receiver.received).toEqual([])
    // Another account's later delivery is not held up.
    const other = newMerchant()
    await subscribe(other, receiver, ['charge.succeeded'])
    await other.stripe.paymentIntents.create(charged())
    await eventually(async () => expect(receiver.received).toHaveLength(1))
    await merchant.control('settings', { webhooks: 'on' })
    await eventually(async () => expect(receiver.received).toHaveLength(2))
  })

  it('delivers each several times', async () => {
    await subscribe(merchant, receiver, ['charge.succeeded', 'payment_intent.succeeded'])
    await merchant.control('settings', { webhooks: 'duplicate', webhookCopies: 3 })
    await pay()
    await flush()
    expect(receiver.received).toHaveLength(6)
    expect(new Set(idsOf(receiver.received)).size).toBe(2)
  })

  it('delivers late', async () => {
    await subscribe(merchant, receiver, ['charge.succeeded'])
    await merchant.control('settings', { webhooks: 'delay', webhookDelayMs: 60_000 })
    const startMs = Date.now()
    await pay()
    const [delivery] = await deliveries()
    expect(delivery).toMatchObject({ state: 'WAITING', attempts: 0 })
    expect(delivery?.dueAtMs).toBeGreaterThanOrEqual(startMs + 60_000)
    await flush()
    expect(receiver.received).toHaveLength(1)
  })

  it('delivers in another order, each once', async () => {
    const settings = await merchant.control('settings', { webhooks: 'shuffle', seed: 7 })
    expect(settings).toMatchObject({ webhooks: 'shuffle', seed: 7 })
    await subscribe(merchant, receiver)
    // 30 events: the order is right by chance once in 30!.
    for (let count = 0; count < 10; count += 1) await pay()
    const { data } = await merchant.stripe.events.list({ limit: 100 })
    await eventually(async () => expect(receiver.received).toHaveLength(30))
    const made = data.map(({ id }) => id).toReversed()
    expect(idsOf(receiver.received)).not.toEqual(made)
    expect(idsOf(receiver.received).toSorted()).toEqual(made.toSorted())
  })

  it('delivers what was held back in another order, each once', async () => {
    await subscribe(merchant, receiver)
    await merchant.control('settings', { webhooks: 'paused' })
    for (let count = 0; count < 10; count += 1) await pay()
    await merchant.control('settings', { webhooks: 'shuffle', seed: 7 })
    await flush()
    const { data } = await merchant.stripe.events.list({ limit: 100 })
    const made = data.map(({ id }) => id).toReversed()
    expect(idsOf(receiver.received)).not.toEqual(made)
    expect(idsOf(receiver.received).toSorted()).toEqual(made.toSorted())
  })

  it('is set piece by piece: what is not named stays', async () => {
    await merchant.control('settings', { webhooks: 'paused', processingDelayMs: 7 })
    const settings = await merchant.control('settings', { webhookCopies: 4 })
    expect(settings).toMatchObject({ webhooks: 'paused', processingDelayMs: 7, webhookCopies: 4 })
  })

  it.each([{ webhooks: 'sideways' }, { webhookCopies: 0 }, { processingDelayMs: -1 }, { unheardOf: 1 }])(
    '%o is refused, and changes nothing',
    async (wrong) => {
      const before = await merchant.control('settings', {})
      await expect(merchant.control('settings', wrong)).rejects.toThrow(/^Error: 400|^400/)
      expect(await merchant.control('settings', {})).toEqual(before)
    },
  )
})
