// What there is of an order's money: captured, kept, due and outstanding, each defined here and nowhere else. The order's
// statuses, its hold on stock, cancelling, fulfilling and "all that is left to pay" follow from them. The database holds
// the same by CHECKs (orders_amounts_check, orders_status_check, orders_payment_status_check). No I/O.
import type { Order, OrderPaymentStatus, OrderStatus } from '../../generated/prisma/client.ts'

/**
 * The sums of an order's row, in minor units of its currency, none of them negative. Captured: `paidMinor`, all that its
 * payments took. `refundedMinor`: refunds that succeeded. `refundPendingMinor`: refunds begun whose outcome is open.
 * `chargedBackMinor`: taken back by the buyers' banks, less what they gave back. `reducedMinor`: by how much refunds after
 * the order was paid have lowered its price. `returnedMinor`: left the merchant, and came back (a refund that failed, a
 * dispute that was won).
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
 * What the merchant has of it and keeps. A refund counts from the moment it is begun: money that is on its way back pays
 * for nothing. Negative when a bank took back what was refunded already.
 */
export function keptMinor({
  paidMinor,
  refundedMinor,
  refundPendingMinor,
  chargedBackMinor,
}: OrderSums): bigint {
  return paidMinor - refundedMinor - refundPendingMinor - chargedBackMinor
}

/** What the order costs by now. A refund of a paid order lowers its price; it does not ask for the money again. */
function dueMinor({ totalMinor, reducedMinor }: OrderSums): bigint {
  return totalMinor - reducedMinor
}

/** What is left to pay. Nothing of a cancelled order. */
export function outstandingMinor(order: OrderSums & { readonly status: OrderStatus }): bigint {
  const leftMinor = order.status === 'CANCELLED' ? 0n : dueMinor(order) - keptMinor(order)
  return atLeastNothing(leftMinor)
}

/** What is kept beyond what is due, and to be given back: at most what was returned. Of a cancelled order, all. */
export function overpaidMinor(order: OrderSums & { readonly status: OrderStatus }): bigint {
  const overMinor = keptMinor(order) - (order.status === 'CANCELLED' ? 0n : dueMinor(order))
  return atLeastNothing(overMinor)
}

/**
 * By how much a refund that is begun now lowers the price. Of an order that is not paid yet: not at all, so that more is
 * left to pay. What is overpaid goes back first, and lowers nothing.
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

/** What an order's money comes to, in one word. */
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
 * The status after money has moved: a placed order whose pieces are held is PAID once all of it is kept. It never goes
 * back: what is refunded then lowers its price, and what a bank takes back is outstanding.
 */
export function statusAfterMoney(
  { status, holdsStock }: Pick<Order, 'status' | 'holdsStock'>,
  sums: OrderSums,
): OrderStatus {
  return status === 'PLACED' && holdsStock && keptMinor(sums) >= dueMinor(sums) ? 'PAID' : status
}
