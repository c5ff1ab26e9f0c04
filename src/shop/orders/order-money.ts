// Applies payments and refunds to an order: its sums, its states and its hold on stock. The order's row is the lock for
// all of its money: take it first, before a payment's row.
import { isDeepStrictEqual } from 'node:util'
import { auditOf } from '../../commands/edit.ts'
import type { AuditRecord, EventRecord } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'
import { manyRowsOf } from '../../db/reader/any-model.ts'
import type { Order } from '../../generated/prisma/client.ts'
import { endHold, RELEASE } from './hold-stock.ts'
import { keptMinor, type OrderSums, paymentStatusOf, statusAfterMoney } from './order-sums.ts'

/** The records that were written, for the audit and the outbox. */
export type Recorded = { readonly audit: readonly AuditRecord[]; readonly events: readonly EventRecord[] }

export const NOTHING_RECORDED: Recorded = { audit: [], events: [] }

export function recordedTogether(...parts: readonly Recorded[]): Recorded {
  return { audit: parts.flatMap(({ audit }) => audit), events: parts.flatMap(({ events }) => events) }
}

/** Locks the order's row until the transaction ends and returns it; null when this tenant has no such order. */
export async function lockOrder(tx: Transaction, id: string): Promise<Order | null> {
  return await manyRowsOf(tx, 'Order').lockRow<Order>(id)
}

/** The change of each sum of an order; order-sums.ts defines the sums. */
export type MoneyMoved = {
  readonly [Sum in Exclude<keyof OrderSums, 'totalMinor'>]?: bigint
} & {
  /** Whether a payment of the order is still open after this change. Default: unchanged. */
  readonly isInFlight?: boolean
}

/**
 * Books moved money on a locked order. It becomes PAID when all of it is kept. With `releases`, which says that a
 * payment has just failed, an order that keeps nothing and has no open payment releases its stock.
 */
export async function moveMoney(
  tx: Transaction,
  order: Order,
  { isInFlight = order.paymentStatus === 'PENDING', ...moved }: MoneyMoved,
  { now, releases = false }: { readonly now: Date; readonly releases?: boolean },
): Promise<Recorded> {
  const sums = movedSums(order, moved)
  const status = statusAfterMoney(order, sums)
  const paymentStatus = paymentStatusOf(sums, isInFlight)
  const lets = releases && order.holdsStock && status === 'PLACED' && keptMinor(sums) <= 0n && !isInFlight
  if (lets) await endHold(tx, order.id, RELEASE, now)
  const isPaid = status !== order.status
  const { totalMinor: _, ...changed } = sums
  await tx.order.updateMany({
    where: { id: order.id },
    data: {
      ...changed,
      status,
      paymentStatus,
      ...(lets && { holdsStock: false }),
      ...((lets || isPaid) && { holdExpiresAt: null }),
      ...(isPaid && { version: order.version + 1 }),
      updatedAt: now,
    },
  })
  const subject = { type: 'Order', id: order.id }
  const before = { status: order.status, paymentStatus: order.paymentStatus, holdsStock: order.holdsStock }
  const after = { status, paymentStatus, holdsStock: order.holdsStock && !lets }
  return {
    audit: isDeepStrictEqual(before, after) ? [] : [auditOf(subject, before, after)],
    events: isPaid ? [{ type: 'order.paid', subject, payload: { status, version: order.version + 1 } }] : [],
  }
}

function movedSums(order: OrderSums, moved: Omit<MoneyMoved, 'isInFlight'>): OrderSums {
  return {
    totalMinor: order.totalMinor,
    paidMinor: order.paidMinor + (moved.paidMinor ?? 0n),
    refundedMinor: order.refundedMinor + (moved.refundedMinor ?? 0n),
    refundPendingMinor: order.refundPendingMinor + (moved.refundPendingMinor ?? 0n),
    chargedBackMinor: order.chargedBackMinor + (moved.chargedBackMinor ?? 0n),
    reducedMinor: order.reducedMinor + (moved.reducedMinor ?? 0n),
    returnedMinor: order.returnedMinor + (moved.returnedMinor ?? 0n),
  }
}
