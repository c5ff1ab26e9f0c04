// The test payment methods: the result of charging each, and of refunding or disputing its payment.
import type { DisputeReason } from './disputes.ts'

export type Decline = { readonly code: string; readonly declineCode: string; readonly message: string }

export type PaymentMethod = {
  readonly does: string
  readonly charge:
    | { readonly outcome: 'SUCCEEDS' }
    | { readonly outcome: 'DECLINED'; readonly decline: Decline }
    | { readonly outcome: 'PROCESSES'; readonly end: 'SUCCEEDS' | 'FAILS' }
    | { readonly outcome: 'ASKS_THE_BUYER' }
  /** For the first calls of each idempotency key: the request is lost, the answer is lost, or the answer is a fault. */
  readonly fault?: 'LOST_BEFORE' | 'LOST_AFTER' | 'FAULT_AFTER'
  readonly refund?: 'PENDING' | 'FAILS' | 'LOST_AFTER'
  /** Opened as soon as the charge succeeds. */
  readonly dispute?: { readonly reason: DisputeReason; readonly inquiry: boolean }
}

const SUCCEEDS = { outcome: 'SUCCEEDS' } as const

function declined(declineCode: string, message: string, code = 'card_declined'): PaymentMethod['charge'] {
  return { outcome: 'DECLINED', decline: { code, declineCode, message } }
}

const DECLINED: PaymentMethod = {
  does: 'is declined',
  charge: declined('generic_decline', 'Your card was declined.'),
}
const NO_FUNDS: PaymentMethod = {
  does: 'is declined for want of funds',
  charge: declined('insufficient_funds', 'Your card has insufficient funds.'),
}

export const PAYMENT_METHODS: Readonly<Record<string, PaymentMethod>> = {
  pm_card_visa: { does: 'succeeds', charge: SUCCEEDS },
  pm_card_mastercard: { does: 'succeeds', charge: SUCCEEDS },
  pm_card_chargeDeclined: DECLINED,
  pm_card_visa_chargeDeclined: DECLINED,
  pm_card_chargeDeclinedInsufficientFunds: NO_FUNDS,
  pm_card_visa_chargeDeclinedInsufficientFunds: NO_FUNDS,
  pm_card_chargeDeclinedExpiredCard: {
    does: 'is declined, for it has expired',
    charge: declined('expired_card', 'Your card has expired.', 'expired_card'),
  },
  pm_card_processing: {
    does: 'takes a while, then succeeds',
    charge: { outcome: 'PROCESSES', end: 'SUCCEEDS' },
  },
  pm_card_processingFails: {
    does: 'takes a while, then is declined',
    charge: { outcome: 'PROCESSES', end: 'FAILS' },
  },
  pm_card_authenticationRequired: {
    does: 'waits until the buyer confirms it with their bank',
    charge: { outcome: 'ASKS_THE_BUYER' },
  },
  pm_card_timeout_after_charge: {
    does: 'succeeds, and the answer is lost (twice for each key)',
    charge: SUCCEEDS,
    fault: 'LOST_AFTER',
  },
  pm_card_timeout_before_charge: {
    does: 'is lost on the way there (twice for each key), then succeeds',
    charge: SUCCEEDS,
    fault: 'LOST_BEFORE',
  },
  pm_card_error500_after_charge: {
    does: 'succeeds, and the answer is a fault (once for each key)',
    charge: SUCCEEDS,
    fault: 'FAULT_AFTER',
  },
  pm_card_refundPending: { does: 'succeeds; its refunds take a while', charge: SUCCEEDS, refund: 'PENDING' },
  pm_card_refundFail: { does: 'succeeds; its refunds fail after a while', charge: SUCCEEDS, refund: 'FAILS' },
  pm_card_refundTimeout: {
    does: 'succeeds; its refunds are made, and the answer is lost (twice for each key)',
    charge: SUCCEEDS,
    refund: 'LOST_AFTER',
  },
  pm_card_createDispute: {
    does: 'succeeds, and is then disputed as fraudulent',
    charge: SUCCEEDS,
    dispute: { reason: 'fraudulent', inquiry: false },
  },
  pm_card_createDisputeProductNotReceived: {
    does: 'succeeds, and is then disputed: the product was not received',
    charge: SUCCEEDS,
    dispute: { reason: 'product_not_received', inquiry: false },
  },
  pm_card_createDisputeInquiry: {
    does: 'succeeds, and the bank then inquires about it: nothing is withdrawn',
    charge: SUCCEEDS,
    dispute: { reason: 'general', inquiry: true },
  },
}
