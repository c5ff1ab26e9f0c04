// Records a refund that was made at the provider, in its dashboard or by its support, and settles it as any other.
import type { Transaction } from '../../../db/database.ts'
import { lockOrder, NOTHING_RECORDED, type Recorded, recordedTogether } from '../../orders/order-money.ts'
import { Disagreement } from '../disagreement.ts'
import { retryDelayMs } from '../payment.ts'
import type { RefundNotice, RefundVerdict } from '../provider.ts'
import { enqueueReconcile, RECONCILE_REFUND_TASK } from '../reconcile.ts'
import { lockPayment } from '../settle-payment.ts'
import { beginRefund, refundableMinor } from './begin-refund.ts'
import { settleRefund } from './settle-refund.ts'

/**
 * Records the refund once per reference, under the locks of order and payment, and settles it by the verdict. Throws a
 * Disagreement for more than is left of the payment, or another currency.
 */
export async function recordProviderRefund(
  tx: Transaction,
  { paymentId, orderId }: { readonly paymentId: string; readonly orderId: string },
  { reference, amountMinor, currency, reason }: RefundNotice,
  verdict: RefundVerdict,
  now: Date,
): Promise<Recorded> {
  const order = await lockOrder(tx, orderId)
  if (order === null) throw new Error(`payment ${paymentId} has no order`)
  const payment = await lockPayment(tx, paymentId)
  const known = await tx.refund.findFirst({ where: { paymentId, providerReference: reference } })
  if (known !== null && known.amountMinor !== amountMinor) throw new Disagreement('AMOUNT_DIFFERS')
  if (known !== null) return await settleRefund(tx, known.id, verdict, { now, endsAttempt: false })
  if (currency !== payment.currency) throw new Disagreement('CURRENCY_DIFFERS')
  // The payment's success must be booked first; the event is retried after that.
  if (payment.status !== 'SUCCEEDED') throw new Disagreement('PAYMENT_OPEN')
  if (amountMinor === 0n) return NOTHING_RECORDED
  if (amountMinor > refundableMinor(payment)) throw new Disagreement('TOO_MUCH_REFUNDED')
  const details = { reason, note: null, lines: [], providerReference: reference }
  const { id, recorded } = await beginRefund(tx, { order, payment, amountMinor }, details, now)
  // No event may ever report its outcome.
  await enqueueReconcile(tx, RECONCILE_REFUND_TASK, id, new Date(now.getTime() + retryDelayMs(0)))
  return recordedTogether(recorded, await settleRefund(tx, id, verdict, { now, endsAttempt: true }))
}
