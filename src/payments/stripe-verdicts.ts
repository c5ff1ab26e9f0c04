// What Stripe's objects and errors mean for a payment or a refund. Pure; the calls are stripe-account.ts's.
import Stripe from 'stripe'
import { AppError } from '../core/errors.ts'
import type {
  BookedCharge,
  ChargeVerdict,
  Failure,
  FailureCode,
  PayoutNotice,
  RefundVerdict,
} from './provider.ts'
import { fromStripeAmount, fromStripeFee } from './stripe-amount.ts'

/** Where our ids stand in Stripe's objects. */
export const PAYMENT_KEY = 'bulkhead_payment'
export const REFUND_KEY = 'bulkhead_refund'

type Intent = Stripe.PaymentIntent

/** By decline code first, then by code: https://docs.stripe.com/declines/codes. */
const FAILURES: Readonly<Record<string, FailureCode>> = {
  insufficient_funds: 'INSUFFICIENT_FUNDS',
  expired_card: 'CARD_EXPIRED',
  card_declined: 'CARD_DECLINED',
  authentication_required: 'AUTHENTICATION_FAILED',
  payment_intent_authentication_failure: 'AUTHENTICATION_FAILED',
  payment_method_unactivated: 'METHOD_INVALID',
  payment_method_provider_decline: 'CARD_DECLINED',
}
const MESSAGE_LENGTH_MAX = 500

export function chargeVerdictOf(intent: Intent): ChargeVerdict {
  const { id: reference } = intent
  switch (intent.status) {
    case 'succeeded':
      return { status: 'SUCCEEDED', reference, feeMinor: feeOf(intent) }
    case 'canceled':
      return {
        status: 'FAILED',
        reference,
        failure: { code: 'ABANDONED', message: 'the payment was given up' },
      }
    case 'requires_payment_method':
      // Nobody will try another way within the same charge: that is another payment here.
      return {
        status: 'FAILED',
        reference,
        failure: failureOf(intent.last_payment_error ?? { message: 'the way to pay was refused' }),
      }
    case 'requires_action':
      return {
        status: 'PENDING',
        reference,
        actionUrl: intent.next_action?.redirect_to_url?.url ?? null,
      }
    default:
      return { status: 'PENDING', reference, actionUrl: null }
  }
}

/** Null while the charge's place in the provider's balance is not known, or was not asked for. */
function feeOf({ latest_charge: charge, currency }: Intent): bigint | null {
  if (charge == null || typeof charge === 'string') return null
  const transaction = charge.balance_transaction
  if (transaction == null || typeof transaction === 'string') return null
  // An account may be settled in another currency than its customers pay in: the fee is then not in the sale's.
  return transaction.currency === currency ? fromStripeFee(transaction.fee, currency.toUpperCase()) : 0n
}

export function refundVerdictOf(refund: Stripe.Refund): RefundVerdict {
  const { id: reference } = refund
  switch (refund.status) {
    case 'succeeded':
      return { status: 'SUCCEEDED', reference }
    case 'failed':
    case 'canceled': {
      const message = refund.failure_reason ?? `the refund was ${refund.status}`
      return { status: 'FAILED', reference, failure: { code: 'REFUND_FAILED', message } }
    }
    default:
      return { status: 'PENDING', reference }
  }
}

export function payoutNoticeOf(payout: Stripe.Payout): PayoutNotice {
  const currency = payout.currency.toUpperCase()
  return {
    reference: payout.id,
    status: payout.status === 'failed' || payout.status === 'canceled' ? 'FAILED' : 'PAID',
    amountMinor: fromStripeAmount(payout.amount, currency),
    currency,
  }
}

/** Asked for with its latest charge. */
export function bookedChargeOf(intent: Intent): BookedCharge {
  const currency = intent.currency.toUpperCase()
  const verdict = chargeVerdictOf(intent)
  const charge = typeof intent.latest_charge === 'string' ? null : intent.latest_charge
  return {
    reference: intent.id,
    paymentId: intent.metadata[PAYMENT_KEY] ?? null,
    status: verdict.status === 'UNKNOWN' ? 'PENDING' : verdict.status,
    amountMinor: fromStripeAmount(intent.amount, currency),
    currency,
    refundedMinor: fromStripeAmount(charge?.amount_refunded ?? 0, currency),
  }
}

/**
 * What an error says about the thing that was asked for. Only two kinds say anything: the bank's or Stripe's refusal
 * (402), and a request that could never have been carried out (400). Whatever else comes back leaves open what an
 * earlier call with the same key has done: no answer, a fault, too many requests, a key in use (409) or used for
 * something else, and a secret key that is refused (401, 403), which may have been good when it was first sent.
 */
export function failureOfError(error: unknown): Failure | null {
  if (error instanceof Stripe.errors.StripeCardError) return failureOf(error)
  if (error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 400) {
    const isMethod = error.param?.startsWith('payment_method') === true
    return { code: isMethod ? 'METHOD_INVALID' : 'PROVIDER_REFUSED', message: cut(error.message) }
  }
  return null
}

/** Without what it was sent: a reason is kept and shown. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message
  if (!(error instanceof Stripe.errors.StripeError)) return 'the provider was not understood'
  const status = error.statusCode === undefined ? '' : ` (${error.statusCode})`
  return `${error.type}${status}`
}

function failureOf(error: {
  readonly code?: string | undefined
  readonly decline_code?: string | undefined
  readonly message?: string | undefined
}): Failure {
  const code = FAILURES[error.decline_code ?? ''] ?? FAILURES[error.code ?? ''] ?? 'CARD_DECLINED'
  return { code, message: cut(error.message ?? 'the payment was declined') }
}

function cut(message: string): string {
  return message.slice(0, MESSAGE_LENGTH_MAX)
}
