// The sums of an order's money: captured, kept, due and outstanding. They are defined only here; the order's statuses,
// its hold on stock, cancelling, fulfilling and the amount left to pay follow from them. The database enforces the same
// rules by CHECKs (orders_amounts_check, orders_status_check, orders_payment_status_check). No I/O.
import type { Order, OrderPaymentStatus, OrderStatus } from '../../generated/prisma/client.ts'

/**
 * The sums in an order's row, in minor units of its currency, none of them negative. `paidMinor`: captured by its
 * payments. `refundedMinor`: refunds that succeeded. `refundPendingMinor`: refunds whose outcome is open.
 * `chargedBackMinor`: charged back by the buyers' banks, less what they returned. `reducedMinor`: by how much refunds
 * after payment have lowered the price. `returnedMinor`: paid out and come back (a refund that failed, a dispute that
 * was won).
 */
export type OrderSums = Pick<
  Order,
  | 'totalMinor'
  | 'paidMinor'
  | 'refundedMinor'
  | 'refundPendingMinor'
  | 'chargedBackMinor'
  | 'reducedMinor'
  | 'returnedMinor'
>

/**
 * The amount that the merchant keeps. A refund counts from the moment it begins, since money on its way back pays for
 * nothing. Negative when a bank charged back what was already refunded.
 */
export function keptMinor({
  paidMinor,
  refundedMinor,
  refundPendingMinor,
  chargedBackMinor,
}: OrderSums): bigint {
  return paidMinor - refundedMinor - refundPendingMinor - chargedBackMinor
}

/** What the order costs now. A refund of a paid order lowers its price, so that the money does not become due again. */
function dueMinor({ totalMinor, reducedMinor }: OrderSums): bigint {
  return totalMinor - reducedMinor
}

/** The amount left to pay; zero for a cancelled order. */
export function outstandingMinor(order: OrderSums & { readonly status: OrderStatus }): bigint {
  const leftMinor = order.status === 'CANCELLED' ? 0n : dueMinor(order) - keptMinor(order)
  return atLeastNothing(leftMinor)
}

/**
 * The amount kept beyond what is due, which is to be refunded: at most what was returned. For a cancelled order, all
 * that is kept.
 */
export function overpaidMinor(order: OrderSums & { readonly status: OrderStatus }): bigint {
  const overMinor = keptMinor(order) - (order.status === 'CANCELLED' ? 0n : dueMinor(order))
  return atLeastNothing(overMinor)
}

/**
 * By how much a refund that begins now lowers the price. Zero for an order that is not paid yet: there the refund adds
 * to what is left to pay. An overpaid amount is refunded first, without lowering the price.
 */
export function reductionMinor(
  order: OrderSums & { readonly status: OrderStatus },
  refundMinor: bigint,
): bigint {
  if (order.status !== 'PAID' && order.status !== 'FULFILLED') return 0n
  const beyondMinor = atLeastNothing(refundMinor - overpaidMinor(order))
  const dearest = dueMinor(order)
  if (beyondMinor > dearest) return dearest
  return beyondMinor
}

function atLeastNothing(amountMinor: bigint): bigint {
  return amountMinor > 0n ? amountMinor : 0n
}

/** The payment status that follows from the sums. */
export function paymentStatusOf(sums: OrderSums, isInFlight: boolean): OrderPaymentStatus {
  if (isInFlight) return 'PENDING'
  const kept = keptMinor(sums)
  if (kept < dueMinor(sums)) {
    if (kept > 0n) return 'PARTIALLY_PAID'
    return sums.paidMinor === 0n ? 'UNPAID' : 'REFUNDED'
  }
  if (sums.reducedMinor === 0n) return 'PAID'
  return kept > 0n ? 'PARTIALLY_REFUNDED' : 'REFUNDED'
}

/**
 * The status after money has moved: a placed order that holds its stock is PAID once all of it is kept. It never goes
 * back: a later refund lowers the price, and a chargeback becomes outstanding.
 */
export function statusAfterMoney(
  { status, holdsStock }: Pick<Order, 'status' | 'holdsStock'>,
  sums: OrderSums,
): OrderStatus {
  return status === 'PLACED' && holdsStock && keptMinor(sums) >= dueMinor(sums) ? 'PAID' : status
}
