// Maps our reasons of a refund to Stripe's three, and back: https://docs.stripe.com/api/refunds/object#refund_object-reason.
import type { RefundReason } from '../../../generated/prisma/client.ts'

type StripeReason = 'duplicate' | 'fraudulent' | 'requested_by_customer'

/**
 * Null: no reason is sent, as Stripe has none for it. Stripe blocks card and address of a refund that is `fraudulent`,
 * so no other reason becomes that.
 */
const SENT: Readonly<Record<RefundReason, StripeReason | null>> = {
  CUSTOMER_REQUEST: 'requested_by_customer',
  DAMAGED: 'requested_by_customer',
  DEFECTIVE: 'requested_by_customer',
  WRONG_ITEM: 'requested_by_customer',
  NOT_RECEIVED: 'requested_by_customer',
  DUPLICATE: 'duplicate',
  FRAUD: 'fraudulent',
  GOODWILL: null,
  OTHER: null,
}

const RECEIVED: ReadonlyMap<string, RefundReason> = new Map([
  ['requested_by_customer', 'CUSTOMER_REQUEST'],
  ['duplicate', 'DUPLICATE'],
  ['fraudulent', 'FRAUD'],
])

export function stripeReason(reason: RefundReason | null): StripeReason | null {
  return reason === null ? null : SENT[reason]
}

/** Null for reasons of Stripe's own, such as an uncaptured charge that expired. */
export function reasonOfStripe(reason: string | null | undefined): RefundReason | null {
  return RECEIVED.get(reason ?? '') ?? null
}
