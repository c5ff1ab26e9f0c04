// The port to a payment provider: what Bulkhead asks of one, and what it may hear. Shapes only; Stripe's side of it is
// gateway.ts's. Nothing here is called inside a transaction.

import type { DisputeStatus } from '../../generated/prisma/client.ts'

/** Why money was not taken or given back, as far as a client is told. */
export const FAILURE_CODES = [
  'CARD_DECLINED',
  'INSUFFICIENT_FUNDS',
  'CARD_EXPIRED',
  'METHOD_INVALID',
  'AUTHENTICATION_FAILED',
  'ABANDONED',
  'REFUND_FAILED',
  'PROVIDER_REFUSED',
] as const
export type FailureCode = (typeof FAILURE_CODES)[number]
export type Failure = { readonly code: FailureCode; readonly message: string }

/** What is to be charged. Sent again with the same `paymentId`, it is the same charge: the provider's key is made of it. */
export type Charge = {
  /** Told to the provider with the payment's id: several tenants may use one account. */
  readonly tenantId: string
  readonly paymentId: string
  readonly amountMinor: bigint
  /** ISO 4217. */
  readonly currency: string
  /** The provider's own word for a way to pay, made by its library in the browser: `pm_card_visa`. */
  readonly method: string
  readonly returnUrl: string | null
  readonly description: string
}

/**
 * What the provider says of a charge. UNKNOWN: it said nothing that can be relied on (a time-out, a lost connection,
 * a failure of its own), so the charge may have happened.
 */
export type ChargeVerdict =
  | { readonly status: 'SUCCEEDED'; readonly reference: string; readonly feeMinor: bigint | null }
  /** Without `actionUrl`, the page for the buyer stays the one that is known. */
  | { readonly status: 'PENDING'; readonly reference: string; readonly actionUrl?: string | null }
  | { readonly status: 'FAILED'; readonly reference: string | null; readonly failure: Failure }
  | { readonly status: 'UNKNOWN'; readonly reason: string }

/** What is to be given back of a charge. The same `refundId` is the same refund. */
export type ProviderRefund = {
  readonly tenantId: string
  readonly refundId: string
  readonly paymentId: string
  /** The provider's own id of the charge. */
  readonly chargeReference: string
  readonly amountMinor: bigint
  /** ISO 4217. */
  readonly currency: string
}

export type RefundVerdict =
  | { readonly status: 'SUCCEEDED'; readonly reference: string }
  | { readonly status: 'PENDING'; readonly reference: string }
  | { readonly status: 'FAILED'; readonly reference: string | null; readonly failure: Failure }
  | { readonly status: 'UNKNOWN'; readonly reason: string }

export type PayoutNotice = {
  readonly reference: string
  readonly status: 'PAID' | 'FAILED'
  readonly amountMinor: bigint
  readonly currency: string
}

/** Whose a thing at the provider says it is. Null: it does not say, or says what is no id of ours. */
type Named = { readonly tenantId: string | null }

/** What a charge says of itself beside its state. */
export type ChargeNotice = Named & {
  readonly paymentId: string | null
  readonly reference: string
  readonly amountMinor: bigint
  /** ISO 4217. */
  readonly currency: string
}

export type RefundNotice = Named & {
  readonly refundId: string | null
  readonly reference: string
  /** Of the charge that it gives back. */
  readonly chargeReference: string | null
  readonly amountMinor: bigint
  /** ISO 4217. */
  readonly currency: string
}

/** What a dispute moved on the account: a negative amount was withdrawn, a positive one reinstated. */
export type DisputeMovement = {
  readonly reference: string
  readonly amountMinor: bigint
  /** What the provider charges for it; negative where it gives a fee back. */
  readonly feeMinor: bigint
}

/** A dispute as the provider has it at `toldAt`, with all that has moved until then. */
export type DisputeNotice = {
  readonly reference: string
  /** Of the charge that is disputed. */
  readonly chargeReference: string | null
  readonly status: DisputeStatus
  readonly amountMinor: bigint
  /** ISO 4217; of the movements, too. */
  readonly currency: string
  /** The provider's word for it: `fraudulent`. */
  readonly reason: string
  readonly evidenceDueAt: Date | null
  readonly movements: readonly DisputeMovement[]
  readonly openedAt: Date
  readonly toldAt: Date
}

/** What a provider's event is about. */
export type EventSubject =
  | { readonly kind: 'CHARGE'; readonly charge: ChargeNotice; readonly verdict: ChargeVerdict }
  | { readonly kind: 'REFUND'; readonly refund: RefundNotice; readonly verdict: RefundVerdict }
  | { readonly kind: 'PAYOUT'; readonly payout: PayoutNotice }
  | { readonly kind: 'DISPUTE'; readonly dispute: DisputeNotice }
  | { readonly kind: 'OTHER' }
  /** Not as an event of its type should be: kept, until the code can read it. `detail` is for the log. */
  | { readonly kind: 'UNREADABLE'; readonly detail: string }

export type IncomingEvent = {
  /** The provider's id of the event: the same in each of its deliveries. Of the body, where it has none. */
  readonly reference: string
  readonly type: string
  readonly occurredAt: Date
  /** As it was signed. */
  readonly body: Uint8Array
  readonly subject: EventSubject
}

/** What an account's events are read by. */
export type EventAccount = {
  /** Those that count now: two, while one takes the other's place. */
  readonly webhookSecrets: readonly string[]
  readonly liveMode: boolean
}

export type SignedBody = {
  readonly rawBody: Uint8Array
  readonly signature: string
  readonly now: Date
}

/** A charge as the provider's books have it. */
export type BookedCharge = Named & {
  readonly reference: string
  readonly paymentId: string | null
  readonly status: 'SUCCEEDED' | 'PENDING' | 'FAILED'
  readonly amountMinor: bigint
  readonly currency: string
  readonly refundedMinor: bigint
  readonly isDisputed: boolean
}

/** One merchant's account with a provider. No call throws for what the provider or the network does, unless it says so. */
export type ProviderAccount = {
  charge(charge: Charge): Promise<ChargeVerdict>
  /** Looks a charge up by its reference, else by its payment's id: for when its key may be forgotten. Null: none. */
  findCharge(
    charge: Pick<Charge, 'paymentId' | 'amountMinor' | 'currency'> & {
      readonly reference: string | null
      readonly createdAfter: Date
    },
  ): Promise<ChargeVerdict | null>
  /** Makes sure that a charge which waits for its buyer will never happen; answers what it then is. */
  cancelCharge(reference: string): Promise<ChargeVerdict>
  refund(refund: ProviderRefund): Promise<RefundVerdict>
  findRefund(refund: ProviderRefund & { readonly reference: string | null }): Promise<RefundVerdict | null>
  /** Minor units; null while the provider has not worked it out. Throws SERVICE_UNAVAILABLE when it cannot be asked. */
  feeOf(chargeReference: string): Promise<bigint | null>
  /** All charges since then. Throws SERVICE_UNAVAILABLE when the provider cannot be asked. */
  bookedCharges(since: Date): AsyncIterable<BookedCharge>
}

/** What opening an account needs; the secrets are in the clear here, and nowhere else. */
export type AccountSecrets = {
  readonly kind: 'STRIPE' | 'SANDBOX'
  readonly secretKey: string
  readonly webhookSecret: string
}

export type NewAccount = {
  readonly reference: string
  readonly name: string
  readonly liveMode: boolean
}

/** The endpoint's reference and its signing secret; or why there is none: an address that the provider will not send to. */
export type Subscribed =
  | { readonly reference: string; readonly webhookSecret: string }
  | { readonly reference: null; readonly reason: string }

/** The way to all providers. */
export type ProviderGateway = {
  /** Is there a sandbox? Not in production. */
  readonly hasSandbox: boolean
  open(secrets: Pick<AccountSecrets, 'kind' | 'secretKey'>): ProviderAccount
  /**
   * Reads a signed event, whatever is in it. Throws UNAUTHENTICATED for a signature that is of none of the secrets, or
   * outside the tolerance in time.
   */
  readEvent(account: EventAccount, signed: SignedBody): IncomingEvent
  /** Reads an event that was kept: its signature was checked when it came. */
  readStoredEvent(
    account: Pick<EventAccount, 'liveMode'>,
    stored: { readonly body: Uint8Array; readonly receivedAt: Date },
  ): IncomingEvent
  /** Whose account a key opens. Throws BAD_USER_INPUT when it opens none, SERVICE_UNAVAILABLE when it cannot be asked. */
  examine(kind: AccountSecrets['kind'], secretKey: string): Promise<NewAccount>
  /** Asks the provider to send events to `url`. Throws as `examine`. */
  subscribe(kind: AccountSecrets['kind'], secretKey: string, url: string): Promise<Subscribed>
  /** Has events sent elsewhere from now on. Throws as `examine`. */
  moveSubscription(
    kind: AccountSecrets['kind'],
    secretKey: string,
    endpointReference: string,
    url: string,
  ): Promise<void>
  /** Ends a subscription; one that is gone already is fine. */
  unsubscribe(kind: AccountSecrets['kind'], secretKey: string, endpointReference: string): Promise<void>
}
