// Limits what an event may say about a charge or a refund. More people than the provider may hold the signing secret,
// so no text, address or amount of an event reaches merchants, buyers or the books.
import type { ChargeVerdict, Failure, FailureCode, RefundVerdict } from '../provider.ts'

const TEXTS: Readonly<Record<FailureCode, string>> = {
  CARD_DECLINED: 'the payment was declined',
  INSUFFICIENT_FUNDS: 'the account has insufficient funds',
  CARD_EXPIRED: 'the card has expired',
  METHOD_INVALID: 'the payment method cannot be used',
  AUTHENTICATION_FAILED: 'the buyer did not confirm the payment',
  ABANDONED: 'the payment was abandoned',
  REFUND_FAILED: 'the refund failed',
  PROVIDER_REFUSED: 'the provider refused it',
}

/**
 * Without the fee, which a job asks for, and without the page for the buyer: the one from the provider's answer stays.
 */
export function eventChargeVerdict(verdict: ChargeVerdict): ChargeVerdict {
  switch (verdict.status) {
    case 'SUCCEEDED':
      return { ...verdict, feeMinor: null }
    case 'PENDING': {
      const { status, reference, actionUrl = null } = verdict
      return actionUrl === null ? verdict : { status, reference }
    }
    case 'FAILED':
      return { ...verdict, failure: toldFailure(verdict.failure) }
    case 'UNKNOWN':
      return verdict
  }
}

export function eventRefundVerdict(verdict: RefundVerdict): RefundVerdict {
  return verdict.status === 'FAILED' ? { ...verdict, failure: toldFailure(verdict.failure) } : verdict
}

function toldFailure({ code }: Failure): Failure {
  return { code, message: TEXTS[code] }
}
