// Why a provider's word is not acted on: a fixed list of reasons in words that a merchant reads. What the program or the
// database said of it is for the log alone.

const DISAGREEMENTS = {
  UNREADABLE: 'it is not in the form that is expected of an event of its type',
  PAYMENT_MISSING: 'it names a payment of this shop that is not in the books',
  REFUND_MISSING: 'it names a refund of this shop that is not in the books',
  OTHER_ACCOUNT: 'it comes from another account than the payment that it names',
  AMOUNT_DIFFERS: 'its amount is not the one that was asked for',
  CURRENCY_DIFFERS: 'its currency is not the one that was asked for',
  CHARGE_DIFFERS: 'it names another charge than the payment has',
  REFUND_DIFFERS: 'it names another refund at the provider than the one that was made',
  PAYMENT_OPEN: 'it gives back or disputes a payment whose outcome is not known here yet',
  TOO_MUCH_REFUNDED: 'it gives back more than what is left of the payment',
  CHARGED_BACK_TOO_MUCH: 'it takes back more than the payment came to',
  REINSTATED_TOO_MUCH: 'it returns more than was taken back',
  PAYOUT_TOO_LARGE: 'its sum is more than the books have with the provider in its currency',
  SUCCEEDED_AFTER_FAILURE: 'the payment had failed for good, and succeeded afterwards: a person has to look',
  NOT_BOOKED: 'it could not be booked: the log of the server says why',
} as const

export type DisagreementCode = keyof typeof DISAGREEMENTS

/** What may be otherwise later, with the same event: rows that are restored, code that learns to read. */
const MAY_CHANGE: ReadonlySet<DisagreementCode> = new Set([
  'UNREADABLE',
  'PAYMENT_MISSING',
  'REFUND_MISSING',
  'PAYMENT_OPEN',
  'TOO_MUCH_REFUNDED',
  'CHARGED_BACK_TOO_MUCH',
  'REINSTATED_TOO_MUCH',
  'PAYOUT_TOO_LARGE',
  'NOT_BOOKED',
])

/** Thrown where a provider's word does not fit what was asked of it. `detail` is for the log. */
export class Disagreement extends Error {
  override readonly name = 'Disagreement'
  readonly code: DisagreementCode
  readonly detail: string | null

  constructor(code: DisagreementCode, detail: string | null = null, options?: ErrorOptions) {
    super(DISAGREEMENTS[code], options)
    this.code = code
    this.detail = detail
  }

  /** Is it worth trying again later? */
  get mayChange(): boolean {
    return MAY_CHANGE.has(this.code)
  }
}

/** Whatever was thrown while an event was acted on, as one of the reasons. */
export function disagreementOf(error: unknown): Disagreement {
  return error instanceof Disagreement ? error : new Disagreement('NOT_BOOKED', null, { cause: error })
}
