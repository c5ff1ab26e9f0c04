// The only transition of a refund, as settle-payment.ts is for a payment: books the refund, its payment, the order, the
// pieces that go back into stock, and the ledger together.
import { auditOf } from '../../../commands/edit.ts'
import type { Transaction } from '../../../db/database.ts'
import type { Refund } from '../../../generated/prisma/client.ts'
import { refundLines } from '../../ledger/entry-lines.ts'
import { postEntry, reverseEntry } from '../../ledger/post-entry.ts'
import {
  lockOrder,
  moveMoney,
  NOTHING_RECORDED,
  type Recorded,
  recordedTogether,
} from '../../orders/order-money.ts'
import { releaseRefundLines, restockRefundLines } from '../../orders/refund-lines.ts'
import { isCash } from '../manual.ts'
import { isSettled, refundChangeOf } from '../payment.ts'
import type { RefundVerdict } from '../provider.ts'
import { lockPayment } from '../settle-payment.ts'

/** Locks order, payment and refund, in this order. Throws a plain Error for a missing refund. */
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
  const restocks = change.status === 'SUCCEEDED' && (await restockRefundLines(tx, order, refundId, now))
  if (change.status === 'FAILED') {
    await releaseRefundLines(tx, refundId, { wasOpen: !isSettled(refund.status) })
  }
  await tx.refund.updateMany({
    where: { id: refundId },
    data: {
      ...change,
      ...(restocks && { restocked: true }),
      ...(endsAttempt && { attemptExpiresAt: null }),
      version,
      updatedAt: now,
    },
  })
  const sums = sumsMoved(refund, change.status)
  const { refundedMinor } = sums
  if (isSettled(change.status)) {
    await tx.payment.updateMany({
      where: { id: payment.id },
      data: {
        refundedMinor: payment.refundedMinor + refundedMinor,
        refundPendingMinor: payment.refundPendingMinor + sums.refundPendingMinor,
        version: payment.version + 1,
        updatedAt: now,
      },
    })
  }
  if (refundedMinor > 0n) {
    await postEntry(tx, {
      kind: 'REFUND',
      source: { type: 'Refund', id: refundId },
      currency: refund.currency,
      lines: refundLines({
        amountMinor: refundedMinor,
        byHand: payment.providerKind === 'MANUAL',
        inCash: isCash(refund.manualMethod ?? payment.method),
      }),
      postedAt: now,
    })
  } else if (refundedMinor < 0n) {
    await reverseEntry(tx, { kind: 'REFUND', source: { type: 'Refund', id: refundId }, postedAt: now })
  }
  const moved = isSettled(change.status) ? await moveMoney(tx, order, sums, { now }) : NOTHING_RECORDED
  return recordedTogether(recordOf(refund, { status: change.status, version, restocks }), moved)
}

/** The change of the order's sums when a refund's status changes: the pending amount is refunded, or freed. */
function sumsMoved(
  { status: before, amountMinor, reducesMinor }: Refund,
  status: Refund['status'],
): { refundedMinor: bigint; refundPendingMinor: bigint; reducedMinor: bigint; returnedMinor: bigint } {
  const wasOpen = !isSettled(before)
  const sums = { refundedMinor: 0n, refundPendingMinor: 0n, reducedMinor: 0n, returnedMinor: 0n }
  if (!isSettled(status)) return sums
  const ends = { ...sums, refundPendingMinor: wasOpen ? -amountMinor : 0n }
  if (status === 'SUCCEEDED') return { ...ends, refundedMinor: amountMinor }
  return {
    ...ends,
    refundedMinor: wasOpen ? 0n : -amountMinor,
    reducedMinor: -reducesMinor,
    returnedMinor: amountMinor,
  }
}

function recordOf(
  refund: Refund,
  {
    status,
    version,
    restocks,
  }: { readonly status: Refund['status']; readonly version: number; readonly restocks: boolean },
): Recorded {
  if (status === refund.status) return NOTHING_RECORDED
  const subject = { type: 'Refund', id: refund.id }
  return {
    audit: [auditOf(subject, { status: refund.status }, { status, ...(restocks && { restocked: true }) })],
    events: [{ type: `refund.${status.toLowerCase()}`, subject, payload: { version } }],
  }
}
