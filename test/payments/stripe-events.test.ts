// Signed events: which are genuine and of now, whose they are, and what they are about. Case 40.
import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { createGateway } from '../../src/payments/gateway.ts'
import type { IncomingEvent } from '../../src/payments/provider.ts'

const SECRET = 'whsec_4eC39HqLyjWDarjtT1zdp7dc'
const NOW = new Date('2026-03-01T12:00:00.900Z')
const NOW_SECONDS = Math.floor(NOW.getTime() / 1_000)
const gateway = createGateway({ sandboxUrl: null })
const open = (secretKey: string) => gateway.open({ kind: 'STRIPE', secretKey, webhookSecret: SECRET })
const account = open('sk_test_abcdefgh')

const INTENT = {
  id: 'pi_1',
  status: 'succeeded',
  currency: 'usd',
  metadata: { bulkhead_payment: 'payment-1' },
}

function bodyOf(fields: object = {}): string {
  const event = { id: 'evt_1', object: 'event', created: NOW_SECONDS, livemode: false }
  return JSON.stringify({ ...event, type: 'payment_intent.succeeded', data: { object: INTENT }, ...fields })
}

function signatureOf(payload: string, { secret = SECRET, timestamp = NOW_SECONDS } = {}): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp })
}

function read(payload: string, signature = signatureOf(payload), reader = account): IncomingEvent {
  return reader.readEvent(Buffer.from(payload), signature, NOW)
}

/** The code of what is thrown. */
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
      payload: JSON.parse(payload),
      subject: {
        kind: 'CHARGE',
        paymentId: 'payment-1',
        verdict: { status: 'SUCCEEDED', reference: 'pi_1', feeMinor: null },
      },
    })
  })

  it('says the same when it was kept and is read again', () => {
    const event = read(bodyOf())
    expect(account.readStoredEvent(event.payload)).toEqual(event)
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
      expect(codeOf(() => account.readEvent(altered, signature, NOW))).toBe('UNAUTHENTICATED')
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

  it('and the error tells neither secret nor signature', () => {
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
    ['without an object', bodyOf({ data: {} })],
  ])('and %s is no event: BAD_USER_INPUT', (_what, payload) => {
    expect(codeOf(() => read(payload))).toBe('BAD_USER_INPUT')
  })

  it.each([
    ['payment_intent.payment_failed', { ...INTENT, status: 'requires_payment_method' }, 'CHARGE', 'FAILED'],
    ['payment_intent.processing', { ...INTENT, status: 'processing' }, 'CHARGE', 'PENDING'],
    ['payment_intent.requires_action', { ...INTENT, status: 'requires_action' }, 'CHARGE', 'PENDING'],
    ['payment_intent.canceled', { ...INTENT, status: 'canceled' }, 'CHARGE', 'FAILED'],
    ['refund.created', { id: 're_1', status: 'pending' }, 'REFUND', 'PENDING'],
    ['refund.updated', { id: 're_1', status: 'succeeded' }, 'REFUND', 'SUCCEEDED'],
    ['refund.failed', { id: 're_1', status: 'failed' }, 'REFUND', 'FAILED'],
    ['charge.refund.updated', { id: 're_1', status: 'failed' }, 'REFUND', 'FAILED'],
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
    const refund = { id: 're_1', status: 'succeeded' }
    const subject = (type: string, object: object) => read(bodyOf({ type, data: { object } })).subject
    const metadata = { bulkhead_refund: 'refund-1', bulkhead_payment: 'payment-1' }
    expect(subject('refund.updated', { ...refund, metadata })).toMatchObject({ refundId: 'refund-1' })
    expect(subject('refund.updated', refund)).toMatchObject({ refundId: null })
    expect(subject('payment_intent.succeeded', { ...INTENT, metadata: {} })).toMatchObject({
      paymentId: null,
    })
  })

  it('about something else is OTHER', () => {
    for (const type of ['customer.created', 'charge.succeeded', 'payment_intent.created', 'payout.created']) {
      expect(read(bodyOf({ type })).subject).toEqual({ kind: 'OTHER' })
    }
  })

  it('and not as it should be is kept as UNREADABLE, with the reason', () => {
    for (const object of [null, { id: 'po_1', status: 'paid', amount: 50_001, currency: 'isk' }]) {
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
    const live = open('rk_live_abcdefgh')
    const subjectOf = (livemode: boolean, reader: typeof live) => {
      const payload = bodyOf({ livemode })
      return read(payload, signatureOf(payload), reader).subject.kind
    }
    expect(subjectOf(false, live)).toBe('OTHER')
    expect(subjectOf(true, account)).toBe('OTHER')
    expect(subjectOf(true, live)).toBe('CHARGE')
    expect(live.readStoredEvent(JSON.parse(bodyOf())).subject.kind).toBe('OTHER')
  })
})
