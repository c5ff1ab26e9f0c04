// The states of a payment and of a refund, and how a provider's verdict changes them. Pure; settle-payment.ts and
// refunds/settle-refund.ts write the change.
import type { UserError } from '../../commands/outcome.ts'
import type { Payment, PaymentStatus, Refund } from '../../generated/prisma/client.ts'
import { Disagreement } from './disagreement.ts'
import { type ChargeVerdict, FAILURE_CODES, type FailureCode, type RefundVerdict } from './provider.ts'

/** How long an attempt is claimed. Longer than a provider call may take, so that no claim expires during a call. */
export const ATTEMPT_MS = 30_000
/** How long a buyer may take to confirm a payment with their bank. */
export const BUYER_MS = 3_600_000
/** A provider remembers an idempotency key for 24 hours. After that, a call with the key could charge again. */
export const KEY_REMEMBERED_MS = 23 * 3_600_000

const RETRY_BASE_MS = 5_000
const RETRY_MAX_MS = 3_600_000

/** The delay before the next attempt: doubles, up to an hour, without an end. */
export function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_BASE_MS * 2 ** Math.min(attempts, 20), RETRY_MAX_MS)
}

export function isSettled(status: PaymentStatus): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED'
}

/** The columns that a verdict changes; null when it changes nothing. */
export type PaymentChange = Pick<Payment, 'status'> &
  Partial<
    Pick<
      Payment,
      'providerReference' | 'actionUrl' | 'feeMinor' | 'failureCode' | 'failureMessage' | 'settledAt'
    >
  >

/**
 * The change that a verdict makes to a payment. A settled payment stays as it is, so that the same verdicts end alike
 * in any order. Throws when a charge succeeds after it had failed: the provider contradicts itself, and a person has to
 * look.
 */
export function changeOf(payment: Payment, verdict: ChargeVerdict, now: Date): PaymentChange | null {
  if (payment.status === 'SUCCEEDED') {
    const hasNewFee = verdict.status === 'SUCCEEDED' && verdict.feeMinor !== null && payment.feeMinor === null
    return hasNewFee ? { status: 'SUCCEEDED', feeMinor: verdict.feeMinor } : null
  }
  if (payment.status === 'FAILED') {
    if (verdict.status === 'SUCCEEDED') throw new Disagreement('SUCCEEDED_AFTER_FAILURE', payment.id)
    return null
  }
  switch (verdict.status) {
    case 'SUCCEEDED':
      return {
        status: 'SUCCEEDED',
        providerReference: verdict.reference,
        feeMinor: verdict.feeMinor,
        actionUrl: null,
        settledAt: now,
      }
    case 'FAILED':
      return {
        status: 'FAILED',
        providerReference: verdict.reference ?? payment.providerReference,
        failureCode: verdict.failure.code,
        failureMessage: verdict.failure.message,
        actionUrl: null,
        settledAt: now,
      }
    case 'PENDING':
      return {
        status: 'PENDING',
        providerReference: verdict.reference,
        ...(verdict.actionUrl !== undefined && { actionUrl: verdict.actionUrl }),
      }
    case 'UNKNOWN':
      return { status: 'UNKNOWN' }
  }
}

export type RefundChange = Pick<Refund, 'status'> &
  Partial<Pick<Refund, 'providerReference' | 'failureCode' | 'failureMessage' | 'settledAt'>>

/**
 * As changeOf, for a refund, with one difference: a bank may return a refund that had succeeded, so FAILED is final.
 */
export function refundChangeOf(refund: Refund, verdict: RefundVerdict, now: Date): RefundChange | null {
  if (refund.status === 'FAILED') return null
  if (verdict.status === 'FAILED') {
    return {
      status: 'FAILED',
      providerReference: verdict.reference ?? refund.providerReference,
      failureCode: verdict.failure.code,
      failureMessage: verdict.failure.message,
      settledAt: now,
    }
  }
  if (refund.status === 'SUCCEEDED') return null
  if (verdict.status === 'UNKNOWN') return { status: 'UNKNOWN' }
  return {
    status: verdict.status,
    providerReference: verdict.reference,
    ...(verdict.status === 'SUCCEEDED' && { settledAt: now }),
  }
}

/** The user errors of a failed payment or refund; none for any other. A caller who may not read it gets no reason. */
export function failureOf<Code extends string>(
  { failureCode, failureMessage }: Pick<Payment, 'failureCode' | 'failureMessage'>,
  field: string,
  codes: readonly Code[],
  mayRead: boolean,
): UserError<Code>[] {
  if (failureCode === null) return []
  if (!mayRead) return [{ field: [field], message: 'it failed', code: 'PROVIDER_REFUSED' as Code }]
  // The code is one of FAILURE_CODES, which we wrote; each mutation lists those that it can return.
  const code = (codes as readonly string[]).includes(failureCode) ? failureCode : 'PROVIDER_REFUSED'
  return [{ field: [field], message: failureMessage ?? '', code: code as Code }]
}

export const CHARGE_FAILURES = FAILURE_CODES.filter(
  (code): code is Exclude<FailureCode, 'REFUND_FAILED'> => code !== 'REFUND_FAILED',
)
export const REFUND_FAILURES = ['REFUND_FAILED', 'PROVIDER_REFUSED'] as const satisfies readonly FailureCode[]
