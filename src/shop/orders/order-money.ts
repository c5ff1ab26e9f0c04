// What payments and refunds do to an order: its sums, its states, and its hold on stock. The order's row is the lock
// under which all of an order's money moves: whoever moves it takes that first, before any payment's row.
import { isDeepStrictEqual } from 'node:util'
import { auditOf } from '../../commands/edit.ts'
import type { AuditRecord, EventRecord } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'
import type { Order } from '../../generated/prisma/client.ts'
import { endHold, RELEASE } from './hold-stock.ts'
import { keptMinor, type OrderSums, paymentStatusOf, statusAfterMoney } from './order-sums.ts'

/** What was written, for the audit and for others. */
export type Recorded = { readonly audit: readonly AuditRecord[]; readonly events: readonly EventRecord[] }

export const NOTHING_RECORDED: Recorded = { audit: [], events: [] }

export function recordedTogether(...parts: readonly Recorded[]): Recorded {
  return { audit: parts.flatMap(({ audit }) => audit), events: parts.flatMap(({ events }) => events) }
}

/** The order, its row locked until the transaction ends; null when this tenant has none such. */
export async function lockOrder(tx: Transaction, id: string): Promise<Order | null> {
  await tx.$queryRaw`SELECT id FROM orders WHERE id = ${id}::uuid FOR NO KEY UPDATE`
  return await tx.order.findFirst({ where: { id } })
}

/** By how much each of an order's sums changes; order-sums.ts says what they are. */
export type MoneyMoved = {
  readonly [Sum in Exclude<keyof OrderSums, 'totalMinor'>]?: bigint
} & {
  /** Is a payment of it still open after this? Default: as before. */
  readonly isInFlight?: boolean
}

/**
 * Books moved money on a locked order: it becomes PAID when all of it is kept. An order of which nothing is kept, and that
 * no payment is open for, lets go of its stock when `releases` says that a payment has just failed.
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
