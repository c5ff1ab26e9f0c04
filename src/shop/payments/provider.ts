// The interface to a payment provider: the calls that Bulkhead makes, and the answers and events that it may get. Types
// only; gateway.ts implements it for Stripe. Never called inside a transaction.

import type { DisputeStatus, RefundReason } from '../../generated/prisma/client.ts'

/** Why a payment or refund failed, as clients see it. */
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

/** A charge to make. The provider's idempotency key is made of `paymentId`, so the same id is the same charge. */
export type Charge = {
  /** Sent to the provider with the payment's id, since several tenants may use one account. */
  readonly tenantId: string
  readonly paymentId: string
  readonly amountMinor: bigint
  /** ISO 4217. */
  readonly currency: string
  /** The provider's id of a payment method, made by its library in the browser: `pm_card_visa`. */
  readonly method: string
  readonly returnUrl: string | null
  readonly description: string
}

/**
 * The provider's answer about a charge. UNKNOWN: no reliable answer (a time-out, a lost connection, a fault of its
 * own), so the charge may have happened.
 */
export type ChargeVerdict =
  | { readonly status: 'SUCCEEDED'; readonly reference: string; readonly feeMinor: bigint | null }
  /** Without `actionUrl`, the known page for the buyer stays. */
  | { readonly status: 'PENDING'; readonly reference: string; readonly actionUrl?: string | null }
  | { readonly status: 'FAILED'; readonly reference: string | null; readonly failure: Failure }
  | { readonly status: 'UNKNOWN'; readonly reason: string }

/** A refund to make. The same `refundId` is the same refund. */
export type ProviderRefund = {
  readonly tenantId: string
  readonly refundId: string
  readonly paymentId: string
  /** The provider's id of the charge. */
  readonly chargeReference: string
  readonly amountMinor: bigint
  /** ISO 4217. */
  readonly currency: string
  readonly reason: RefundReason | null
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

/** The tenant that an object at the provider names. Null: none, or not an id of ours. */
type Named = { readonly tenantId: string | null }

/** The data of a charge besides its state. */
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
  /** The charge that it refunds. */
  readonly chargeReference: string | null
  readonly amountMinor: bigint
  /** ISO 4217. */
  readonly currency: string
  readonly reason: RefundReason | null
}

/** A movement that a dispute made on the account: a negative amount was withdrawn, a positive one reinstated. */
export type DisputeMovement = {
  readonly reference: string
  readonly amountMinor: bigint
  /** The provider's fee for it; negative where a fee is returned. */
  readonly feeMinor: bigint
}

/** A dispute at the provider as of `toldAt`, with all of its movements until then. */
export type DisputeNotice = {
  readonly reference: string
  /** The disputed charge. */
  readonly chargeReference: string | null
  readonly status: DisputeStatus
  readonly amountMinor: bigint
  /** ISO 4217; also of the movements. */
  readonly currency: string
  /** The provider's reason code: `fraudulent`. */
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
  /** Does not have the form of its type: stored until the code can read it. `detail` is for the log. */
  | { readonly kind: 'UNREADABLE'; readonly detail: string }

export type IncomingEvent = {
  /** The provider's id of the event, the same in each delivery. Without one: a hash of the body. */
  readonly reference: string
  readonly type: string
  readonly occurredAt: Date
  /** The bytes that were signed. */
  readonly body: Uint8Array
  readonly subject: EventSubject
}

/** The account by which events are verified and read. */
export type EventAccount = {
  /** The secrets that are valid now: two during a rotation. */
  readonly webhookSecrets: readonly string[]
  readonly liveMode: boolean
}

export type SignedBody = {
  readonly rawBody: Uint8Array
  readonly signature: string
  readonly now: Date
}

/** A charge in the provider's books. */
export type BookedCharge = Named & {
  readonly reference: string
  readonly paymentId: string | null
  readonly status: 'SUCCEEDED' | 'PENDING' | 'FAILED'
  readonly amountMinor: bigint
  readonly currency: string
  readonly refundedMinor: bigint
  readonly isDisputed: boolean
}

/**
 * One merchant's account with a provider. Calls do not throw for faults of the provider or the network, except where
 * they say so.
 */
export type ProviderAccount = {
  charge(charge: Charge): Promise<ChargeVerdict>
  /**
   * Finds a charge by its reference, else by its payment's id, for when the provider may have forgotten the key. Null:
   * none.
   */
  findCharge(
    charge: Pick<Charge, 'paymentId' | 'amountMinor' | 'currency'> & {
      readonly reference: string | null
      readonly createdAfter: Date
    },
  ): Promise<ChargeVerdict | null>
  /** Cancels a charge that waits for its buyer; returns its verdict after that. */
  cancelCharge(reference: string): Promise<ChargeVerdict>
  refund(refund: ProviderRefund): Promise<RefundVerdict>
  findRefund(refund: ProviderRefund & { readonly reference: string | null }): Promise<RefundVerdict | null>
  /**
   * Minor units; null while the provider has not computed it. Throws SERVICE_UNAVAILABLE when the provider does not
   * answer.
   */
  feeOf(chargeReference: string): Promise<bigint | null>
  /** All charges since then. Throws SERVICE_UNAVAILABLE when the provider does not answer. */
  bookedCharges(since: Date): AsyncIterable<BookedCharge>
}

/** What opening an account needs. Only here are the secrets in the clear. */
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

/** The endpoint's reference and its signing secret, or the reason why the provider does not send to the address. */
export type Subscribed =
  | { readonly reference: string; readonly webhookSecret: string }
  | { readonly reference: null; readonly reason: string }

/** The access to all providers. */
export type ProviderGateway = {
  /** Whether there is a sandbox; never in production. */
  readonly hasSandbox: boolean
  open(secrets: Pick<AccountSecrets, 'kind' | 'secretKey'>): ProviderAccount
  /**
   * Reads a signed event, whatever it contains. Throws UNAUTHENTICATED for a signature that fits none of the secrets,
   * or whose time is outside the tolerance.
   */
  readEvent(account: EventAccount, signed: SignedBody): IncomingEvent
  /** Reads a stored event, whose signature was checked when it came. */
  readStoredEvent(
    account: Pick<EventAccount, 'liveMode'>,
    stored: { readonly body: Uint8Array; readonly receivedAt: Date },
  ): IncomingEvent
  /**
   * The account that a key opens. Throws BAD_USER_INPUT when it opens none, SERVICE_UNAVAILABLE when the provider does
   * not answer.
   */
  examine(kind: AccountSecrets['kind'], secretKey: string): Promise<NewAccount>
  /** Asks the provider to send events to `url`. Throws as `examine`. */
  subscribe(kind: AccountSecrets['kind'], secretKey: string, url: string): Promise<Subscribed>
  /** Changes the address to which events are sent. Throws as `examine`. */
  moveSubscription(
    kind: AccountSecrets['kind'],
    secretKey: string,
    endpointReference: string,
    url: string,
  ): Promise<void>
  /** Ends a subscription; one that no longer exists is no error. */
  unsubscribe(kind: AccountSecrets['kind'], secretKey: string, endpointReference: string): Promise<void>
}
