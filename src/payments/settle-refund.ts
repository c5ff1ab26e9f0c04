// The one transition of a refund, as settle-payment.ts is of a payment: its payment, order and the ledger together.
import { auditOf } from '../commands/edit.ts'
import type { Transaction } from '../db/database.ts'
import type { Payment, Refund } from '../generated/prisma/client.ts'
import { postEntry, reverseEntry } from '../ledger/post-entry.ts'
import { refundLines } from '../ledger/posting.ts'
import {
  lockOrder,
  moveMoney,
  NOTHING_RECORDED,
  type Recorded,
  recordedTogether,
} from '../orders/order-money.ts'
import { isSettled, refundChangeOf } from './payment.ts'
import type { RefundVerdict } from './provider.ts'
import { lockPayment } from './settle-payment.ts'

/** Locks order, payment and refund, in this order. Throws a plain Error for a refund that is not there. */
export async function settleRefund(
  tx: Transaction,
  refundId: string,
  verdict: RefundVerdict,
  { now, endsAttempt }: { readonly now: Date; readonly endsAttempt: boolean },
): Promise<Recorded> {
  const found = await tx.refund.findFirstOrThrow({
    where: { id: refundId },
    select: { payment: { select: { id: true, orderId: true } } },
  })
  const order = await lockOrder(tx, found.payment.orderId)
  if (order === null) throw new Error(`refund ${refundId} has no order`)
  const payment = await lockPayment(tx, found.payment.id)
  const refund = await tx.refund.findFirstOrThrow({ where: { id: refundId } })
  const change = refundChangeOf(refund, verdict, now)
  if (change === null) return NOTHING_RECORDED
  const version = refund.version + 1
  await tx.refund.updateMany({
    where: { id: refundId },
    data: { ...change, ...(endsAttempt && { attemptExpiresAt: null }), version, updatedAt: now },
  })
  const refundedMinor = await moveSums(tx, payment, refund, change.status, now)
  if (refundedMinor > 0n) {
    await postEntry(tx, {
      kind: 'REFUND',
      source: { type: 'Refund', id: refundId },
      currency: refund.currency,
      lines: refundLines({ amountMinor: refundedMinor, byHand: payment.providerKind === 'MANUAL' }),
      postedAt: now,
    })
  } else if (refundedMinor < 0n) {
    await reverseEntry(tx, { kind: 'REFUND', source: { type: 'Refund', id: refundId }, postedAt: now })
  }
  const isInFlight = order.paymentStatus === 'PENDING'
  const moved =
    refundedMinor === 0n
      ? NOTHING_RECORDED
      : await moveMoney(tx, order, { refundedMinor, isInFlight }, { now })
  return recordedTogether(recordOf(refund, change.status, version), moved)
}

/** Moves the refund's amount from pending to refunded, or back; answers by how much the refunded sum went up. */
async function moveSums(
  tx: Transaction,
  payment: Payment,
  refund: Refund,
  status: Refund['status'],
  now: Date,
): Promise<bigint> {
  const { amountMinor } = refund
  const wasOpen = !isSettled(refund.status)
  const isOpen = !isSettled(status)
  if (wasOpen && isOpen) return 0n
  const refundedBy = status === 'SUCCEEDED' ? amountMinor : refund.status === 'SUCCEEDED' ? -amountMinor : 0n
  await tx.payment.updateMany({
    where: { id: payment.id },
    data: {
      refundedMinor: payment.refundedMinor + refundedBy,
      refundPendingMinor: payment.refundPendingMinor - (wasOpen ? amountMinor : 0n),
      version: payment.version + 1,
      updatedAt: now,
    },
  })
  return refundedBy
}

function recordOf(refund: Refund, status: Refund['status'], version: number): Recorded {
  if (status === refund.status) return NOTHING_RECORDED
  const subject = { type: 'Refund', id: refund.id }
  return {
    audit: [auditOf(subject, { status: refund.status }, { status })],
    events: [{ type: `refund.${status.toLowerCase()}`, subject, payload: { version } }],
  }
}
