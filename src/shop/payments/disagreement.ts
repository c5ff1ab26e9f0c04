// Why a provider's event or answer is not acted on: a fixed list of reasons that merchants read. Messages of the
// program or the database go to the log only.

const DISAGREEMENTS = {
  UNREADABLE: 'it does not have the form of its event type',
  PAYMENT_MISSING: 'it names a payment of this shop that is not in the books',
  REFUND_MISSING: 'it names a refund of this shop that is not in the books',
  OTHER_ACCOUNT: 'it comes from another account than the payment that it names',
  AMOUNT_DIFFERS: 'its amount is not the one that was asked for',
  CURRENCY_DIFFERS: 'its currency is not the one that was asked for',
  CHARGE_DIFFERS: 'it names another charge than the payment has',
  REFUND_DIFFERS: 'it names another refund at the provider than the one that was made',
  PAYMENT_OPEN: 'it refunds or disputes a payment whose outcome is not known yet',
  TOO_MUCH_REFUNDED: 'it refunds more than is left of the payment',
  CHARGED_BACK_TOO_MUCH: 'it charges back more than the payment',
  REINSTATED_TOO_MUCH: 'it reinstates more than was charged back',
  PAYOUT_TOO_LARGE: 'its sum is more than the books have with the provider in its currency',
  SUCCEEDED_AFTER_FAILURE: 'the payment succeeded after it had failed: a person has to look',
  NOT_BOOKED: 'it could not be booked: see the server log',
} as const

export type DisagreementCode = keyof typeof DISAGREEMENTS

/** The reasons that may vanish later for the same event: rows may be restored, or the code may learn to read it. */
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

/** Thrown where a provider's event or answer does not fit what was asked. `detail` is for the log. */
export class Disagreement extends Error {
  override readonly name = 'Disagreement'
  readonly code: DisagreementCode
  readonly detail: string | null

  constructor(code: DisagreementCode, detail: string | null = null, options?: ErrorOptions) {
    super(DISAGREEMENTS[code], options)
    this.code = code
    this.detail = detail
  }

  /** Whether a later retry may succeed. */
  get mayChange(): boolean {
    return MAY_CHANGE.has(this.code)
  }
}

/** Maps any error of acting on an event to one of the reasons. */
export function disagreementOf(error: unknown): Disagreement {
  return error instanceof Disagreement ? error : new Disagreement('NOT_BOOKED', null, { cause: error })
}
