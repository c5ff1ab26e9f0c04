// Whether an order can be paid now, up to which amount, and whether its stock is held. The use cases take the payment.
import type { JsonObject, Reason } from '../../commands/outcome.ts'
import { formatMoney, moneyParams } from '../../core/money.ts'
import type { Transaction } from '../../db/database.ts'
import type { Order, OrderStatus } from '../../generated/prisma/client.ts'
import { holdEnd, takeHold } from '../orders/hold-stock.ts'
import { outstandingMinor } from '../orders/order-sums.ts'
import type { AskedAmount } from './amount-input.ts'

export const PAYABLE_ERRORS = [
  'NOT_FOUND',
  'WRONG_STATUS',
  'PAYMENT_IN_PROGRESS',
  'AMOUNT_TOO_LARGE',
  'CURRENCY_MISMATCH',
  'STOCK_INSUFFICIENT',
] as const
export type PayableErrorCode = (typeof PAYABLE_ERRORS)[number]

/** The reason when an order has nothing left to pay. */
const NOTHING_TO_PAY: Readonly<Record<OrderStatus, string>> = {
  PLACED: 'there is nothing to pay',
  PAID: 'it is paid already',
  FULFILLED: 'it is paid and fulfilled already',
  CANCELLED: 'it was cancelled',
}

/** Why `amount` of a locked order, or all that is left, cannot be paid now. */
export function payableRefusals(order: Order, amount: AskedAmount | null): Reason<PayableErrorCode>[] {
  const { status, paymentStatus, currency } = order
  const leftMinor = outstandingMinor(order)
  if (leftMinor === 0n) return [refusal('orderId', NOTHING_TO_PAY[status], 'WRONG_STATUS')]
  if (paymentStatus === 'PENDING') {
    return [refusal('orderId', 'another payment of it is under way', 'PAYMENT_IN_PROGRESS')]
  }
  if (amount !== null && amount.currency !== currency) {
    const message = `the order is in ${currency}, not ${amount.currency}`
    return [refusal('amount', message, 'CURRENCY_MISMATCH', { currency })]
  }
  if (amount !== null && amount.amountMinor > leftMinor) {
    const left = { amountMinor: leftMinor, currency }
    const message = `only ${formatMoney(left)} is left to pay`
    return [refusal('amount', message, 'AMOUNT_TOO_LARGE', { max: moneyParams(left) })]
  }
  return []
}

export const SOLD_MEANWHILE: Reason<PayableErrorCode> = {
  field: ['orderId'],
  message: 'not enough of the ordered stock is left',
  code: 'STOCK_INSUFFICIENT',
  detail: {
    message: 'its pieces were sold to somebody else after an earlier payment of it had failed',
    needs: ['orders:read'],
  },
}

/** The order with its stock held, which a placed order needs before it is paid; null when the stock is sold. */
export async function withHold(tx: Transaction, order: Order, now: Date): Promise<Order | null> {
  if (order.holdsStock || order.status !== 'PLACED') return order
  if (!(await takeHold(tx, order.id, now))) return null
  const hold = { holdsStock: true, holdExpiresAt: holdEnd(now) }
  await tx.order.updateMany({ where: { id: order.id }, data: { ...hold, updatedAt: now } })
  return { ...order, ...hold }
}

const NOT_AS_IT_STANDS: Readonly<Partial<Record<PayableErrorCode, string>>> = {
  CURRENCY_MISMATCH: 'the order is in another currency',
  AMOUNT_TOO_LARGE: 'less than that is left to pay',
}

/** `detail` reveals the order, so it is for callers who may read orders. */
function refusal(
  field: string,
  detail: string,
  code: PayableErrorCode,
  params?: JsonObject,
): Reason<PayableErrorCode> {
  const message = NOT_AS_IT_STANDS[code] ?? 'the order cannot be paid in its current state'
  return {
    field: [field],
    message,
    code,
    detail: { message: detail, ...(params && { params }), needs: ['orders:read'] },
  }
}
