// The port to a payment provider: what Bulkhead asks of one, and what it may hear. Shapes only; Stripe's side of it is
// gateway.ts's. Nothing here is called inside a transaction.

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
  | { readonly status: 'PENDING'; readonly reference: string; readonly actionUrl: string | null }
  | { readonly status: 'FAILED'; readonly reference: string | null; readonly failure: Failure }
  | { readonly status: 'UNKNOWN'; readonly reason: string }

/** What is to be given back of a charge. The same `refundId` is the same refund. */
export type ProviderRefund = {
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

/** What a provider's event is about. Ids that are null are not ours: something else uses the same account. */
export type EventSubject =
  | { readonly kind: 'CHARGE'; readonly paymentId: string | null; readonly verdict: ChargeVerdict }
  | { readonly kind: 'REFUND'; readonly refundId: string | null; readonly verdict: RefundVerdict }
  | { readonly kind: 'PAYOUT'; readonly payout: PayoutNotice }
  | { readonly kind: 'OTHER' }
  /** Of a kind that is known, and not as it should be: kept, until the code can read it. */
  | { readonly kind: 'UNREADABLE'; readonly reason: string }

export type IncomingEvent = {
  /** The provider's id of the event: the same in each of its deliveries. */
  readonly reference: string
  readonly type: string
  readonly occurredAt: Date
  readonly payload: unknown
  readonly subject: EventSubject
}

/** A charge as the provider's books have it. */
export type BookedCharge = {
  readonly reference: string
  readonly paymentId: string | null
  readonly status: 'SUCCEEDED' | 'PENDING' | 'FAILED'
  readonly amountMinor: bigint
  readonly currency: string
  readonly refundedMinor: bigint
}

/** One merchant's account with a provider. No call throws for what the provider or the network does, unless it says so. */
export type ProviderAccount = {
  charge(charge: Charge): Promise<ChargeVerdict>
  /** Looks a charge up by its reference, else by its payment's id: for when its key may be forgotten. Null: none. */
  findCharge(charge: {
    readonly paymentId: string
    readonly reference: string | null
    readonly createdAfter: Date
  }): Promise<ChargeVerdict | null>
  /** Makes sure that a charge which waits for its buyer will never happen; answers what it then is. */
  cancelCharge(reference: string): Promise<ChargeVerdict>
  refund(refund: ProviderRefund): Promise<RefundVerdict>
  findRefund(refund: ProviderRefund & { readonly reference: string | null }): Promise<RefundVerdict | null>
  /** Minor units; null while the provider has not worked it out. Throws SERVICE_UNAVAILABLE when it cannot be asked. */
  feeOf(chargeReference: string): Promise<bigint | null>
  /**
   * Reads a signed event. Throws UNAUTHENTICATED for a signature that is wrong or outside the tolerance in time,
   * BAD_USER_INPUT for what is no event.
   */
  readEvent(rawBody: Uint8Array, signature: string, now: Date): IncomingEvent
  /** Reads an event that was kept: its signature was checked when it came. */
  readStoredEvent(payload: unknown): IncomingEvent
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
  open(secrets: AccountSecrets): ProviderAccount
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
