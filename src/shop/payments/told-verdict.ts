// What an event may say of a charge or a refund: less than the answer to a call of ours. Its signature is that of a secret that
// more people may hold than the provider, so no text, address or sum of its own goes on to merchants, buyers or the books.
import type { ChargeVerdict, Failure, FailureCode, RefundVerdict } from './provider.ts'

const TEXTS: Readonly<Record<FailureCode, string>> = {
  CARD_DECLINED: 'the payment was declined',
  INSUFFICIENT_FUNDS: 'the account has too little money',
  CARD_EXPIRED: 'the card has expired',
  METHOD_INVALID: 'the way to pay cannot be used',
  AUTHENTICATION_FAILED: 'the buyer did not confirm the payment',
  ABANDONED: 'the payment was given up',
  REFUND_FAILED: 'the refund failed',
  PROVIDER_REFUSED: 'the provider refused it',
}

/** Without the fee, which is asked for, and without the page for the buyer, which stays the one that the provider answered. */
export function toldCharge(verdict: ChargeVerdict): ChargeVerdict {
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

export function toldRefund(verdict: RefundVerdict): RefundVerdict {
  return verdict.status === 'FAILED' ? { ...verdict, failure: toldFailure(verdict.failure) } : verdict
}

function toldFailure({ code }: Failure): Failure {
  return { code, message: TEXTS[code] }
}
