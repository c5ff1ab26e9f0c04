// What payments and refunds do to an order: its sums, its states, and its hold on stock. The order's row is the lock
// under which all of an order's money moves: whoever moves it takes that first, before any payment's row.
import { auditOf } from '../commands/edit.ts'
import type { AuditRecord, EventRecord } from '../commands/outcome.ts'
import type { Transaction } from '../db/database.ts'
import type { Order } from '../generated/prisma/client.ts'
import { endHold, RELEASE } from './hold-stock.ts'
import { type OrderSums, paymentStatusOf, statusAfterPayment } from './order.ts'

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

export type MoneyMoved = {
  /** Taken, less what turned out not to be. */
  readonly paidMinor?: bigint
  readonly refundedMinor?: bigint
  /** Is a payment of it still open after this? */
  readonly isInFlight: boolean
}

/**
 * Books moved money on a locked order: it becomes PAID when all of it is paid. An order of which nothing was paid, and
 * that no payment is open for, lets go of its stock when `releases` says that a payment has just failed.
 */
export async function moveMoney(
  tx: Transaction,
  order: Order,
  { paidMinor = 0n, refundedMinor = 0n, isInFlight }: MoneyMoved,
  { now, releases = false }: { readonly now: Date; readonly releases?: boolean },
): Promise<Recorded> {
  const sums: OrderSums = {
    totalMinor: order.totalMinor,
    paidMinor: order.paidMinor + paidMinor,
    refundedMinor: order.refundedMinor + refundedMinor,
  }
  const status = statusAfterPayment(order.status, sums)
  const lets = releases && order.holdsStock && status === 'PLACED' && sums.paidMinor === 0n && !isInFlight
  if (lets) await endHold(tx, order.id, RELEASE, now)
  const moved = status !== order.status
  const paymentStatus = paymentStatusOf(sums, isInFlight)
  await tx.order.updateMany({
    where: { id: order.id },
    data: {
      paidMinor: sums.paidMinor,
      refundedMinor: sums.refundedMinor,
      status,
      paymentStatus,
      ...(lets && { holdsStock: false, holdExpiresAt: null }),
      ...(moved && { version: order.version + 1 }),
      updatedAt: now,
    },
  })
  const subject = { type: 'Order', id: order.id }
  return {
    audit: [
      auditOf(
        subject,
        { status: order.status, paymentStatus: order.paymentStatus, holdsStock: order.holdsStock },
        { status, paymentStatus, holdsStock: order.holdsStock && !lets },
      ),
    ],
    events: moved ? [{ type: 'order.paid', subject, payload: { status, version: order.version + 1 } }] : [],
  }
}
