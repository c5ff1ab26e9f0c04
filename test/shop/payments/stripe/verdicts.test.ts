// What Stripe's objects mean for a payment, a refund, a payout and the comparison of books: one line each.
import { describe, expect, it } from 'vitest'
import {
  type Intent,
  intentSchema,
  payoutSchema,
  refundSchema,
} from '../../../../src/shop/payments/stripe/objects.ts'
import {
  bookedChargeOf,
  chargeVerdictOf,
  payoutNoticeOf,
  refundVerdictOf,
} from '../../../../src/shop/payments/stripe/verdicts.ts'

const TENANT = '0190a0c0-0000-7000-8000-0000000000aa'
const PAYMENT = '0190a0c0-0000-7000-8000-000000000001'
const reference = 'pi_1'

function intent(fields: Record<string, unknown>): Intent {
  const whole = {
    id: reference,
    amount: 2_000,
    currency: 'usd',
    metadata: {},
    latest_charge: null,
    ...fields,
  }
  return intentSchema.parse(whole)
}

const failed = (code: string, message: string) => ({
  status: 'FAILED',
  reference,
  failure: { code, message },
})
const charged = (transaction: unknown) => ({
  latest_charge: { id: 'ch_1', balance_transaction: transaction },
})

describe('a payment intent that', () => {
  it.each([
    ['processes', { status: 'processing' }, { status: 'PENDING', reference, actionUrl: null }],
    [
      'waits for a capture',
      { status: 'requires_capture' },
      { status: 'PENDING', reference, actionUrl: null },
    ],
    ['was cancelled', { status: 'canceled' }, failed('ABANDONED', 'the payment was abandoned')],
    [
      'waits for its buyer',
      { status: 'requires_action', next_action: { redirect_to_url: { url: 'https://bank.example' } } },
      { status: 'PENDING', reference, actionUrl: 'https://bank.example' },
    ],
    [
      'waits for its buyer without a page of the bank',
      { status: 'requires_action', next_action: { type: 'use_stripe_sdk' } },
      { status: 'PENDING', reference, actionUrl: null },
    ],
    [
      'was declined',
      {
        status: 'requires_payment_method',
        last_payment_error: { code: 'card_declined', decline_code: 'generic_decline', message: 'no' },
      },
      failed('CARD_DECLINED', 'no'),
    ],
    [
      'has lost its way to pay, nobody says why',
      { status: 'requires_payment_method', last_payment_error: null },
      failed('CARD_DECLINED', 'the payment method was refused'),
    ],
    [
      'has a state that nobody here knows',
      { status: 'requires_a_miracle' },
      { status: 'PENDING', reference, actionUrl: null },
    ],
  ])('%s', (_what, fields, verdict) => {
    expect(chargeVerdictOf(intent(fields))).toEqual(verdict)
  })

  it.each([
    ['generic_decline', 'card_declined', 'CARD_DECLINED'],
    ['insufficient_funds', 'card_declined', 'INSUFFICIENT_FUNDS'],
    ['expired_card', 'expired_card', 'CARD_EXPIRED'],
    ['authentication_required', 'authentication_required', 'AUTHENTICATION_FAILED'],
    [undefined, 'payment_intent_authentication_failure', 'AUTHENTICATION_FAILED'],
    [undefined, 'expired_card', 'CARD_EXPIRED'],
    ['never_heard_of', 'insufficient_funds', 'INSUFFICIENT_FUNDS'],
    [undefined, undefined, 'CARD_DECLINED'],
  ])('was declined with %s and %s has failed with %s', (decline_code, code, failureCode) => {
    const last_payment_error = { code, decline_code, message: 'no' }
    const verdict = chargeVerdictOf(intent({ status: 'requires_payment_method', last_payment_error }))
    expect(verdict).toEqual(failed(failureCode, 'no'))
  })

  it('was declined at length says so in short', () => {
    const last_payment_error = { code: 'card_declined', message: 'x'.repeat(10_000) }
    const verdict = chargeVerdictOf(intent({ status: 'requires_payment_method', last_payment_error }))
    expect(verdict).toEqual(failed('CARD_DECLINED', 'x'.repeat(500)))
  })

  it.each([
    ['with its fee', charged({ fee: 88, currency: 'usd' }), 88n],
    ['without its charge, as in an event', { latest_charge: 'ch_1' }, null],
    ['before it is in the balance', charged(null), null],
    ['without its place in the balance', charged('txn_1'), null],
    ['settled in another currency', charged({ fee: 88, currency: 'eur' }), 0n],
  ])('succeeded, %s', (_what, fields, feeMinor) => {
    const verdict = chargeVerdictOf(intent({ status: 'succeeded', ...fields }))
    expect(verdict).toEqual({ status: 'SUCCEEDED', reference, feeMinor })
  })
})

describe('a refund that', () => {
  const failure = (message: string) => ({
    status: 'FAILED',
    reference: 're_1',
    failure: { code: 'REFUND_FAILED', message },
  })
  it.each([
    [{ status: 'succeeded' }, { status: 'SUCCEEDED', reference: 're_1' }],
    [{ status: 'pending' }, { status: 'PENDING', reference: 're_1' }],
    [{ status: 'requires_action' }, { status: 'PENDING', reference: 're_1' }],
    [{ status: null }, { status: 'PENDING', reference: 're_1' }],
    [{ status: 'failed', failure_reason: 'lost_or_stolen_card' }, failure('lost_or_stolen_card')],
    [{ status: 'canceled' }, failure('the refund was canceled')],
  ])('says %j', (fields, verdict) => {
    expect(
      refundVerdictOf(refundSchema.parse({ id: 're_1', amount: 500, currency: 'usd', ...fields })),
    ).toEqual(verdict)
  })
})

describe('a payout that', () => {
  it.each([
    ['paid', 'PAID'],
    ['in_transit', 'PAID'],
    ['failed', 'FAILED'],
    ['canceled', 'FAILED'],
  ])('is %s is %s', (status, told) => {
    const payout = payoutSchema.parse({ id: 'po_1', status, amount: 700, currency: 'jpy' })
    expect(payoutNoticeOf(payout)).toEqual({
      reference: 'po_1',
      status: told,
      amountMinor: 700n,
      currency: 'JPY',
    })
  })
})

describe('in the books a charge', () => {
  it.each([
    ['succeeded', { amount_refunded: 300, disputed: true }, 'SUCCEEDED', 300n],
    ['requires_payment_method', { amount_refunded: 0 }, 'FAILED', 0n],
    ['requires_action', null, 'PENDING', 0n],
    ['processing', 'ch_1', 'PENDING', 0n],
  ])('that is %s, with %j, is %s', (status, latest_charge, told, refundedMinor) => {
    const metadata = { bulkhead_tenant: TENANT, bulkhead_payment: PAYMENT }
    expect(bookedChargeOf(intent({ status, latest_charge, metadata }))).toEqual({
      reference,
      tenantId: TENANT,
      paymentId: PAYMENT,
      status: told,
      amountMinor: 2_000n,
      currency: 'USD',
      refundedMinor,
      isDisputed: status === 'succeeded',
    })
  })

  it('that is none of ours has no payment', () => {
    expect(bookedChargeOf(intent({ status: 'succeeded' })).paymentId).toBeNull()
    const metadata = { bulkhead_payment: 'order 7' }
    expect(bookedChargeOf(intent({ status: 'succeeded', metadata })).paymentId).toBeNull()
  })
})
