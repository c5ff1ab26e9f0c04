// Signed events: which are genuine and recent, their account, and their subject. Case 40.
import { createHmac } from 'node:crypto'
import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../../src/core/errors.ts'
import type { EventAccount, IncomingEvent } from '../../../../src/shop/payments/provider.ts'
import { readEventBody, readSignedEvent } from '../../../../src/shop/payments/stripe/events.ts'

const SECRET = 'whsec_4eC39HqLyjWDarjtT1zdp7dc'
const NOW = new Date('2026-03-01T12:00:00.900Z')
const NOW_SECONDS = Math.floor(NOW.getTime() / 1_000)
const PAYMENT = '0190a0c0-0000-7000-8000-000000000001'
const REFUND = '0190a0c0-0000-7000-8000-000000000002'
const TENANT = '0190a0c0-0000-7000-8000-0000000000aa'
const account: EventAccount = { webhookSecrets: [SECRET], liveMode: false }

const INTENT = {
  id: 'pi_1',
  status: 'succeeded',
  amount: 2_000,
  currency: 'usd',
  metadata: { bulkhead_tenant: TENANT, bulkhead_payment: PAYMENT },
}

const GIVEN_BACK = { id: 're_1', amount: 500, currency: 'usd', payment_intent: 'pi_1' }

function bodyOf(fields: object = {}): string {
  const event = { id: 'evt_1', object: 'event', created: NOW_SECONDS, livemode: false }
  return JSON.stringify({ ...event, type: 'payment_intent.succeeded', data: { object: INTENT }, ...fields })
}

function signatureOf(payload: string, { secret = SECRET, timestamp = NOW_SECONDS } = {}): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp })
}

function read(payload: string, signature = signatureOf(payload), reader = account): IncomingEvent {
  return readSignedEvent(reader, { rawBody: Buffer.from(payload), signature, now: NOW })
}

/** The code of the thrown error. */
function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

describe('a genuine event', () => {
  it('is read, with all that was sent', () => {
    const payload = bodyOf()
    expect(read(payload)).toEqual({
      reference: 'evt_1',
      type: 'payment_intent.succeeded',
      occurredAt: new Date(NOW_SECONDS * 1_000),
      body: Buffer.from(payload),
      subject: {
        kind: 'CHARGE',
        charge: {
          tenantId: TENANT,
          paymentId: PAYMENT,
          reference: 'pi_1',
          amountMinor: 2_000n,
          currency: 'USD',
        },
        verdict: { status: 'SUCCEEDED', reference: 'pi_1', feeMinor: null },
      },
    })
  })

  it('says the same when it was kept and is read again', () => {
    const event = read(bodyOf())
    expect(readEventBody(account, { body: event.body, receivedAt: NOW })).toEqual(event)
  })

  it.each([-300, 0, 300])('may be signed %i seconds from now', (seconds) => {
    const payload = bodyOf()
    expect(read(payload, signatureOf(payload, { timestamp: NOW_SECONDS + seconds })).reference).toBe('evt_1')
  })

  it('may be signed with two secrets, one of them ours, while the secret is rolled', () => {
    const payload = bodyOf()
    const [, other = ''] = signatureOf(payload, { secret: 'whsec_other' }).split(',')
    expect(read(payload, `${signatureOf(payload)},${other}`).reference).toBe('evt_1')
    expect(read(payload, signatureOf(payload).replace(',', `,${other},`)).reference).toBe('evt_1')
  })
})

describe('what is not genuine is UNAUTHENTICATED', () => {
  it('any byte altered', () => {
    const payload = bodyOf()
    const signature = signatureOf(payload)
    const bytes = Buffer.from(payload)
    for (let index = 0; index < bytes.length; index += 1) {
      const altered = Buffer.from(bytes)
      altered[index] = (altered[index] ?? 0) ^ 1
      expect(codeOf(() => readSignedEvent(account, { rawBody: altered, signature, now: NOW }))).toBe(
        'UNAUTHENTICATED',
      )
    }
  })

  it.each([-301, -86_400, 301, 86_400])('signed %i seconds from now', (seconds) => {
    const payload = bodyOf()
    const signature = signatureOf(payload, { timestamp: NOW_SECONDS + seconds })
    expect(codeOf(() => read(payload, signature))).toBe('UNAUTHENTICATED')
  })

  it('a future time behind one of now', () => {
    const payload = bodyOf()
    const future = signatureOf(payload, { timestamp: NOW_SECONDS + 86_400 })
    expect(codeOf(() => read(payload, `t=${NOW_SECONDS},${future}`))).toBe('UNAUTHENTICATED')
  })

  it('a time of now before a signature of another time', () => {
    const payload = bodyOf()
    const [, stale = ''] = signatureOf(payload, { timestamp: NOW_SECONDS - 86_400 }).split(',')
    expect(codeOf(() => read(payload, `t=${NOW_SECONDS},${stale}`))).toBe('UNAUTHENTICATED')
  })

  it.each([
    '',
    'nonsense',
    't=',
    'v1=',
    `t=${NOW_SECONDS}`,
    `t=${NOW_SECONDS},v1=`,
    `t=${NOW_SECONDS},v1=00`,
  ])('the signature %j', (signature) => {
    expect(codeOf(() => read(bodyOf(), signature))).toBe('UNAUTHENTICATED')
  })

  it('another secret, and a scheme that is not Stripe’s of today', () => {
    const payload = bodyOf()
    const other = signatureOf(payload, { secret: 'whsec_other' })
    expect(codeOf(() => read(payload, other))).toBe('UNAUTHENTICATED')
    expect(codeOf(() => read(payload, signatureOf(payload).replace('v1=', 'v0=')))).toBe('UNAUTHENTICATED')
  })

  it('and the error reveals neither secret nor signature', () => {
    const payload = bodyOf()
    try {
      read(payload, signatureOf(payload, { secret: 'whsec_other' }))
      expect.unreachable()
    } catch (error) {
      expect((error as Error).message).toBe('The signature is not valid.')
    }
  })
})

describe('what is signed', () => {
  it.each([
    ['no JSON', '{'],
    ['no object', 'null'],
    ['without an id', bodyOf({ id: 7 })],
    ['without a type', bodyOf({ type: null })],
    ['without a time', bodyOf({ created: 'today' })],
    ['of a time that no calendar has', bodyOf({ created: 1e18 })],
    ['without an object', bodyOf({ data: 7 })],
    ['with an id that is a filter', bodyOf({ id: { gte: '' } })],
    ['with an id that cannot be stored', bodyOf({ id: 'evt_\0' })],
  ])('and %s is an event that cannot be read, the same each time', (_what, payload) => {
    const event = read(payload)
    expect(event).toMatchObject({
      reference: expect.stringMatching(/^(evt_1|sha256_[0-9a-f]{64})$/),
      type: expect.stringMatching(/^(unknown|payment_intent\.succeeded)$/),
      occurredAt: expect.any(Date),
      body: Buffer.from(payload),
      subject: { kind: 'UNREADABLE' },
    })
    expect(Number.isNaN(event.occurredAt.getTime())).toBe(false)
    expect(read(payload)).toEqual(event)
  })

  it('in bytes that are not UTF-8 is verified by its bytes', () => {
    const bytes = Buffer.from([0xff, 0x00, 0x7b])
    const digest = createHmac('sha256', SECRET).update(`${NOW_SECONDS}.`).update(bytes).digest('hex')
    const signature = `t=${NOW_SECONDS},v1=${digest}`
    const event = readSignedEvent(account, { rawBody: bytes, signature, now: NOW })
    expect(event).toMatchObject({ body: bytes, subject: { kind: 'UNREADABLE' } })
    // A decoder replaces either by U+FFFD.
    const altered = Buffer.from([0xfe, 0x00, 0x7b])
    expect(codeOf(() => readSignedEvent(account, { rawBody: altered, signature, now: NOW }))).toBe(
      'UNAUTHENTICATED',
    )
  })

  it('is accepted with either of two secrets during a rotation', () => {
    const both = { ...account, webhookSecrets: ['whsec_new', SECRET] }
    const payload = bodyOf()
    expect(read(payload, signatureOf(payload), both).reference).toBe('evt_1')
    expect(read(payload, signatureOf(payload, { secret: 'whsec_new' }), both).reference).toBe('evt_1')
    const neither = { ...account, webhookSecrets: [] }
    expect(codeOf(() => read(payload, signatureOf(payload), neither))).toBe('UNAUTHENTICATED')
  })

  it.each([
    ['payment_intent.payment_failed', { ...INTENT, status: 'requires_payment_method' }, 'CHARGE', 'FAILED'],
    ['payment_intent.processing', { ...INTENT, status: 'processing' }, 'CHARGE', 'PENDING'],
    ['payment_intent.requires_action', { ...INTENT, status: 'requires_action' }, 'CHARGE', 'PENDING'],
    ['payment_intent.canceled', { ...INTENT, status: 'canceled' }, 'CHARGE', 'FAILED'],
    ['refund.created', { ...GIVEN_BACK, status: 'pending' }, 'REFUND', 'PENDING'],
    ['refund.updated', { ...GIVEN_BACK, status: 'succeeded' }, 'REFUND', 'SUCCEEDED'],
    ['refund.failed', { ...GIVEN_BACK, status: 'failed' }, 'REFUND', 'FAILED'],
    ['charge.refund.updated', { ...GIVEN_BACK, status: 'failed' }, 'REFUND', 'FAILED'],
  ])('%s: a %s', (type, object, kind, status) => {
    expect(read(bodyOf({ type, data: { object } })).subject).toMatchObject({ kind, verdict: { status } })
  })

  it.each(['PAID', 'FAILED'] as const)('a payout that is %s', (status) => {
    const lower = status.toLowerCase()
    const object = { id: 'po_1', status: lower, amount: 5_000, currency: 'eur' }
    expect(read(bodyOf({ type: `payout.${lower}`, data: { object } })).subject).toEqual({
      kind: 'PAYOUT',
      payout: { reference: 'po_1', status, amountMinor: 5_000n, currency: 'EUR' },
    })
  })

  it('names its payment or refund, or none of ours', () => {
    const refund = { ...GIVEN_BACK, status: 'succeeded' }
    const subject = (type: string, object: object) => read(bodyOf({ type, data: { object } })).subject
    const metadata = { bulkhead_tenant: TENANT, bulkhead_refund: REFUND, bulkhead_payment: PAYMENT }
    expect(subject('refund.updated', { ...refund, metadata, reason: 'fraudulent' })).toMatchObject({
      refund: {
        tenantId: TENANT,
        refundId: REFUND,
        chargeReference: 'pi_1',
        amountMinor: 500n,
        currency: 'USD',
        reason: 'FRAUD',
      },
    })
    expect(subject('refund.updated', refund)).toMatchObject({
      refund: { tenantId: null, refundId: null, reason: null },
    })
    for (const odd of [
      {},
      null,
      { bulkhead_payment: 'order 7' },
      { bulkhead_payment: PAYMENT.toUpperCase() },
    ]) {
      expect(subject('payment_intent.succeeded', { ...INTENT, metadata: odd })).toMatchObject({
        charge: { paymentId: null },
      })
    }
  })

  it('about something else is OTHER', () => {
    for (const type of ['customer.created', 'charge.succeeded', 'payment_intent.created', 'payout.created']) {
      expect(read(bodyOf({ type })).subject).toEqual({ kind: 'OTHER' })
    }
  })

  it('and malformed is stored as UNREADABLE, with the reason', () => {
    for (const object of [null, [], { id: 'po_1', status: 'paid', amount: 50_001, currency: 'isk' }]) {
      const { subject, reference } = read(bodyOf({ type: 'payout.paid', data: { object } }))
      expect([reference, subject.kind]).toEqual(['evt_1', 'UNREADABLE'])
    }
  })
})

describe('an event that others than the merchant can bring about is OTHER', () => {
  it('one of a connected account', () => {
    expect(read(bodyOf({ account: 'acct_somebody' })).subject).toEqual({ kind: 'OTHER' })
  })

  it('one of the test mode for a live account, and the other way round', () => {
    const live = { ...account, liveMode: true }
    const subjectOf = (livemode: boolean, reader: EventAccount) => {
      const payload = bodyOf({ livemode })
      return read(payload, signatureOf(payload), reader).subject.kind
    }
    expect(subjectOf(false, live)).toBe('OTHER')
    expect(subjectOf(true, account)).toBe('OTHER')
    expect(subjectOf(true, live)).toBe('CHARGE')
    expect(readEventBody(live, { body: Buffer.from(bodyOf()), receivedAt: NOW }).subject.kind).toBe('OTHER')
  })
})

describe('an object of which one field is not as it should be', () => {
  const odd = [{ gte: '' }, [], 7.5, -1, 1e300, '\0', '\ud800', 'x'.repeat(1_000)]
  it.each([
    ['payment_intent.succeeded', INTENT, ['id', 'amount', 'currency', 'status']],
    [
      'refund.updated',
      { ...GIVEN_BACK, status: 'succeeded' },
      ['id', 'amount', 'currency', 'payment_intent'],
    ],
    ['payout.paid', { id: 'po_1', amount: 1, currency: 'usd', status: 'paid' }, ['id', 'amount', 'currency']],
  ])('%s is UNREADABLE, whichever field it is', (type, object, fields) => {
    for (const field of fields) {
      for (const value of odd) {
        if (field === 'status' && typeof value === 'string' && value.length < 10) continue
        const { subject } = read(bodyOf({ type, data: { object: { ...object, [field]: value } } }))
        expect([field, value, subject.kind]).toEqual([field, value, 'UNREADABLE'])
      }
    }
    for (const key of ['bulkhead_tenant', 'bulkhead_payment', 'bulkhead_refund']) {
      const metadata = { [key]: { gte: '00000000-0000-0000-0000-000000000000' } }
      const { subject } = read(bodyOf({ type, data: { object: { ...object, metadata } } }))
      if (type !== 'payout.paid') expect(subject.kind).toBe('UNREADABLE')
    }
  })

  it('a page of another kind is not passed on to a buyer', () => {
    const next_action = { redirect_to_url: { url: 'javascript:alert(1)' } }
    const object = { ...INTENT, status: 'requires_action', next_action }
    const type = 'payment_intent.requires_action'
    expect(read(bodyOf({ type, data: { object } })).subject).toMatchObject({ verdict: { actionUrl: null } })
  })
})
