// A refund that was made at the provider by somebody else than us: in its dashboard, or by its support. It is recorded as
// what a merchant asked for, and then settled as any other.
import { auditOf } from '../commands/edit.ts'
import { newId } from '../core/ids.ts'
import type { Transaction } from '../db/database.ts'
import {
  lockOrder,
  moveMoney,
  NOTHING_RECORDED,
  type Recorded,
  recordedTogether,
} from '../orders/order-money.ts'
import { reductionMinor } from '../orders/order-sums.ts'
import { Disagreement } from './disagreement.ts'
import { retryDelayMs } from './payment.ts'
import type { RefundNotice, RefundVerdict } from './provider.ts'
import { enqueueReconcile, RECONCILE_REFUND_TASK } from './reconcile.ts'
import { lockPayment } from './settle-payment.ts'
import { settleRefund } from './settle-refund.ts'

/**
 * Records the refund under its order's and payment's locks, once by its reference, and settles it by the verdict. Throws a
 * Disagreement for more than what is left of the payment, or another currency.
 */
export async function recordProviderRefund(
  tx: Transaction,
  { paymentId, orderId }: { readonly paymentId: string; readonly orderId: string },
  { reference, amountMinor, currency }: RefundNotice,
  verdict: RefundVerdict,
  now: Date,
): Promise<Recorded> {
  const order = await lockOrder(tx, orderId)
  if (order === null) throw new Error(`payment ${paymentId} has no order`)
  const payment = await lockPayment(tx, paymentId)
  const how = { now, endsAttempt: false } as const
  const known = await tx.refund.findFirst({ where: { paymentId, providerReference: reference } })
  if (known !== null && known.amountMinor !== amountMinor) throw new Disagreement('AMOUNT_DIFFERS')
  if (known !== null) return await settleRefund(tx, known.id, verdict, how)
  if (currency !== payment.currency) throw new Disagreement('CURRENCY_DIFFERS')
  // A payment whose success is still to be told comes first: the event is tried again after it.
  if (payment.status !== 'SUCCEEDED') throw new Disagreement('PAYMENT_OPEN')
  const leftMinor = payment.amountMinor - payment.refundedMinor - payment.refundPendingMinor
  if (amountMinor === 0n) return NOTHING_RECORDED
  if (amountMinor > leftMinor) throw new Disagreement('TOO_MUCH_REFUNDED')
  const id = newId()
  const reducesMinor = reductionMinor(order, amountMinor)
  await tx.payment.updateMany({
    where: { id: paymentId },
    data: { refundPendingMinor: payment.refundPendingMinor + amountMinor },
  })
  await tx.refund.create({
    data: {
      id,
      paymentId,
      amountMinor,
      reducesMinor,
      currency,
      providerReference: reference,
      createdAt: now,
      updatedAt: now,
    },
  })
  // Whose outcome no event may ever tell.
  await enqueueReconcile(tx, RECONCILE_REFUND_TASK, id, new Date(now.getTime() + retryDelayMs(0)))
  const moved = await moveMoney(
    tx,
    order,
    { refundPendingMinor: amountMinor, reducedMinor: reducesMinor },
    { now },
  )
  const subject = { type: 'Refund', id }
  const after = {
    status: 'PENDING',
    paymentId,
    amountMinor: amountMinor.toString(),
    currency,
    madeAtProvider: true,
  }
  const begun = {
    audit: [auditOf(subject, null, after)],
    events: [{ type: 'refund.pending', subject, payload: { version: 1 } }],
  }
  return recordedTogether(begun, moved, await settleRefund(tx, id, verdict, how))
}
