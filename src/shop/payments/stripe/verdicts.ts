// What Stripe's objects and errors mean for a payment or a refund. Pure; account.ts makes the calls.
import Stripe from 'stripe'
import { AppError } from '../../../core/errors.ts'
import type { DisputeStatus } from '../../../generated/prisma/client.ts'
import type {
  BookedCharge,
  ChargeNotice,
  ChargeVerdict,
  DisputeMovement,
  DisputeNotice,
  Failure,
  FailureCode,
  PayoutNotice,
  RefundNotice,
  RefundVerdict,
} from '../provider.ts'
import { fromStripeAmount, fromStripeFee } from './amount.ts'
import {
  errorSchema,
  type Intent,
  intentSchema,
  type Payout,
  type StripeDispute,
  type StripeProblem,
  type StripeRefund,
} from './objects.ts'
import { reasonOfStripe } from './refund-reason.ts'

/** By decline code first, then by code: https://docs.stripe.com/declines/codes. */
const FAILURES: ReadonlyMap<string, FailureCode> = new Map([
  ['insufficient_funds', 'INSUFFICIENT_FUNDS'],
  ['expired_card', 'CARD_EXPIRED'],
  ['card_declined', 'CARD_DECLINED'],
  ['authentication_required', 'AUTHENTICATION_FAILED'],
  ['payment_intent_authentication_failure', 'AUTHENTICATION_FAILED'],
  ['payment_method_unactivated', 'METHOD_INVALID'],
  ['payment_method_provider_decline', 'CARD_DECLINED'],
])

export function chargeVerdictOf(intent: Intent): ChargeVerdict {
  const { id: reference } = intent
  switch (intent.status) {
    case 'succeeded':
      return { status: 'SUCCEEDED', reference, feeMinor: feeOf(intent) }
    case 'canceled':
      return {
        status: 'FAILED',
        reference,
        failure: { code: 'ABANDONED', message: 'the payment was abandoned' },
      }
    case 'requires_payment_method':
      // A second attempt of the buyer is another payment here, so no retry happens within the same charge.
      return {
        status: 'FAILED',
        reference,
        failure: failureOf(intent.last_payment_error ?? { message: 'the payment method was refused' }),
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

/** Null while the charge is not in the provider's balance yet, or its balance transaction was not expanded. */
function feeOf({ latest_charge: charge, currency }: Intent): bigint | null {
  if (charge == null || typeof charge === 'string') return null
  const transaction = charge.balance_transaction
  if (transaction == null || typeof transaction === 'string') return null
  // An account may settle in another currency than its customers pay in: the fee is then not in the sale's currency.
  return transaction.currency === currency ? fromStripeFee(transaction.fee, currency.toUpperCase()) : 0n
}

export function refundVerdictOf(refund: StripeRefund): RefundVerdict {
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

/** The data of a charge, to be compared with what was asked. */
export function chargeNoticeOf(intent: Intent): ChargeNotice {
  const { tenantId, paymentId } = intent.metadata
  const currency = intent.currency.toUpperCase()
  // The received amount is less than the asked one where only a part was captured.
  const isTaken = intent.status === 'succeeded'
  const amount = isTaken ? (intent.amount_received ?? intent.amount) : intent.amount
  return {
    tenantId,
    paymentId,
    reference: intent.id,
    amountMinor: fromStripeAmount(amount, currency),
    currency,
  }
}

export function refundNoticeOf(refund: StripeRefund): RefundNotice {
  const { tenantId, refundId } = refund.metadata
  const currency = refund.currency.toUpperCase()
  return {
    tenantId,
    refundId,
    reference: refund.id,
    chargeReference: refund.payment_intent ?? null,
    amountMinor: fromStripeAmount(refund.amount, currency),
    currency,
    reason: reasonOfStripe(refund.reason),
  }
}

export function payoutNoticeOf(payout: Payout): PayoutNotice {
  const currency = payout.currency.toUpperCase()
  return {
    reference: payout.id,
    status: payout.status === 'failed' || payout.status === 'canceled' ? 'FAILED' : 'PAID',
    amountMinor: fromStripeAmount(payout.amount, currency),
    currency,
  }
}

const DISPUTE_STATUSES: ReadonlyMap<string, DisputeStatus> = new Map([
  ['warning_needs_response', 'INQUIRY'],
  ['warning_under_review', 'INQUIRY'],
  ['warning_closed', 'CLOSED'],
  ['needs_response', 'NEEDS_RESPONSE'],
  ['under_review', 'UNDER_REVIEW'],
  // Settled with the buyer's bank before it became a dispute.
  ['prevented', 'CLOSED'],
  ['lost', 'LOST'],
  ['won', 'WON'],
])

/** Throws a plain Error for an unknown status. */
export function disputeNoticeOf(dispute: StripeDispute, toldAt: Date): DisputeNotice {
  const status = DISPUTE_STATUSES.get(dispute.status)
  if (status === undefined) throw new Error(`a dispute that is ${dispute.status}`)
  const currency = dispute.currency.toUpperCase()
  const dueBy = dispute.evidence_details?.due_by ?? null
  return {
    reference: dispute.id,
    chargeReference: dispute.payment_intent ?? null,
    status,
    amountMinor: fromStripeAmount(dispute.amount, currency),
    currency,
    reason: dispute.reason,
    evidenceDueAt: dueBy === null ? null : new Date(dueBy * 1_000),
    movements: dispute.balance_transactions.map((moved) => movementOf(moved, dispute)),
    openedAt: new Date(dispute.created * 1_000),
    toldAt,
  }
}

/**
 * An account that settles in another currency has the disputed amount in that one; here the buyer's currency counts.
 */
function movementOf(
  { id: reference, amount, fee, currency }: StripeDispute['balance_transactions'][number],
  dispute: StripeDispute,
): DisputeMovement {
  const own = dispute.currency.toUpperCase()
  if (currency !== dispute.currency) {
    return { reference, amountMinor: fromStripeAmount(Math.sign(amount) * dispute.amount, own), feeMinor: 0n }
  }
  return { reference, amountMinor: fromStripeAmount(amount, own), feeMinor: fromStripeFee(fee, own) }
}

/** The intent must come with its latest charge. */
export function bookedChargeOf(intent: Intent): BookedCharge {
  const currency = intent.currency.toUpperCase()
  const verdict = chargeVerdictOf(intent)
  const charge = typeof intent.latest_charge === 'string' ? null : intent.latest_charge
  return {
    reference: intent.id,
    tenantId: intent.metadata.tenantId,
    paymentId: intent.metadata.paymentId,
    status: verdict.status === 'UNKNOWN' ? 'PENDING' : verdict.status,
    amountMinor: fromStripeAmount(intent.amount, currency),
    currency,
    refundedMinor: fromStripeAmount(charge?.amount_refunded ?? 0, currency),
    isDisputed: charge?.disputed ?? false,
  }
}

/**
 * The failure that an error proves. Only two kinds prove one: a refusal by the bank or Stripe (402), and a request that
 * could never have been carried out (400). All others leave open what an earlier call with the same key has done: no
 * answer, a fault, too many requests, a key in use (409) or used for something else, and a refused secret key (401,
 * 403), which may have been valid at the first call.
 */
export function failureOfError(error: unknown): Failure | null {
  if (error instanceof Stripe.errors.StripeCardError) return failureOf(problemOf(error))
  if (error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 400) {
    const { param, message } = problemOf(error)
    const isMethod = param?.startsWith('payment_method') === true
    return { code: isMethod ? 'METHOD_INVALID' : 'PROVIDER_REFUSED', message: message ?? '' }
  }
  return null
}

/** The charge that a refusal names, if any. */
export function referenceIn(error: unknown): string | null {
  if (!(error instanceof Stripe.errors.StripeError)) return null
  const intent = intentSchema.shape.id.safeParse(error.payment_intent?.id)
  return intent.success ? intent.data : null
}

/** The library's message may contain what we sent; the reason is stored and shown, so it has only the kind of error. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message
  if (!(error instanceof Stripe.errors.StripeError)) return 'the answer of the provider could not be read'
  const status = error.statusCode === undefined ? '' : ` (${error.statusCode})`
  return `${error.type}${status}`
}

/** The fields of a refusal, which the library copies from the answer unchecked. */
function problemOf({ code, decline_code, message, param }: Stripe.errors.StripeError): StripeProblem {
  const problem = errorSchema.safeParse({ code, decline_code, message, param })
  return problem.success ? problem.data : {}
}

function failureOf(error: StripeProblem): Failure {
  const code = FAILURES.get(error.decline_code ?? '') ?? FAILURES.get(error.code ?? '') ?? 'CARD_DECLINED'
  return { code, message: error.message ?? 'the payment was declined' }
}
