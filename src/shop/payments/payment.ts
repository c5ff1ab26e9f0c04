// The states of a payment and of a refund, and what a provider's word makes of them. Pure: settle-payment.ts and
// settle-refund.ts write what is decided here.
import type { UserError } from '../../commands/outcome.ts'
import type { Payment, PaymentStatus, Refund } from '../../generated/prisma/client.ts'
import { Disagreement } from './disagreement.ts'
import { type ChargeVerdict, FAILURE_CODES, type FailureCode, type RefundVerdict } from './provider.ts'

/** While one asks the provider nobody else need. Longer than a call may take, so that it never ends under one. */
export const ATTEMPT_MS = 30_000
/** How long a buyer may take to confirm a payment with their bank. */
export const BUYER_MS = 3_600_000
/** A provider remembers a key for 24 hours; beyond this, asking by the key could charge anew. */
export const KEY_REMEMBERED_MS = 23 * 3_600_000

const RETRY_BASE_MS = 5_000
const RETRY_MAX_MS = 3_600_000

/** When to ask again after so many attempts: doubling, up to an hour, for as long as it takes. */
export function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_BASE_MS * 2 ** Math.min(attempts, 20), RETRY_MAX_MS)
}

export function isSettled(status: PaymentStatus): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED'
}

/** Columns that a verdict sets; null when it is no news. */
export type PaymentChange = Pick<Payment, 'status'> &
  Partial<
    Pick<
      Payment,
      'providerReference' | 'actionUrl' | 'feeMinor' | 'failureCode' | 'failureMessage' | 'settledAt'
    >
  >

/**
 * What a verdict makes of a payment. A settled one stays as it is, whatever comes late, so that any order of the same
 * verdicts ends alike. Throws on a charge that succeeded after it had failed: the provider broke its word, and a person
 * has to look.
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

/** The same of a refund, but for one thing: a bank may send back what had succeeded, so that FAILED is the last word. */
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

/** What a client is told of a payment or refund that failed: nothing of one that did not, and to who may not read it no why. */
export function failureOf<Code extends string>(
  { failureCode, failureMessage }: Pick<Payment, 'failureCode' | 'failureMessage'>,
  field: string,
  codes: readonly Code[],
  mayRead: boolean,
): UserError<Code>[] {
  if (failureCode === null) return []
  if (!mayRead) return [{ field: [field], message: 'it failed', code: 'PROVIDER_REFUSED' as Code }]
  // Written by us, out of FAILURE_CODES; each mutation lists those that it can meet.
  const code = (codes as readonly string[]).includes(failureCode) ? failureCode : 'PROVIDER_REFUSED'
  return [{ field: [field], message: failureMessage ?? '', code: code as Code }]
}

export const CHARGE_FAILURES = FAILURE_CODES.filter(
  (code): code is Exclude<FailureCode, 'REFUND_FAILED'> => code !== 'REFUND_FAILED',
)
export const REFUND_FAILURES = ['REFUND_FAILED', 'PROVIDER_REFUSED'] as const satisfies readonly FailureCode[]
