// An order's hold on stock: taking it again, letting go of it, and handing the pieces over. Placing takes the first one
// itself, in its own statement.
import type { Transaction } from '../../db/database.ts'

/** How long an unpaid order holds its stock: time enough for a bank transfer to be promised, not for one to arrive. */
const HOLD_MS = 24 * 3_600_000

/** When a hold that begins now ends, unless something was paid by then. */
export function holdEnd(now: Date): Date {
  return new Date(now.getTime() + HOLD_MS)
}

/** How an order's hold ends. */
export type HoldEnd = { readonly reason: 'RELEASE' | 'FULFILMENT'; readonly takesOnHand: boolean }

export const RELEASE: HoldEnd = { reason: 'RELEASE', takesOnHand: false }
export const FULFILMENT: HoldEnd = { reason: 'FULFILMENT', takesOnHand: true }

/**
 * Ends the reservations of an order's lines. The order's row must be locked, and hold stock. Locks the stock in the
 * order of its ids, so that rivals do not deadlock.
 */
export async function endHold(
  tx: Transaction,
  orderId: string,
  { reason, takesOnHand }: HoldEnd,
  now: Date,
): Promise<void> {
  await tx.$executeRaw`
    WITH line AS (
      SELECT s.variant_id, l.quantity
      FROM order_lines l JOIN stock_levels s ON s.variant_id = l.variant_id
      WHERE l.order_id = ${orderId}::uuid
      ORDER BY s.variant_id FOR NO KEY UPDATE OF s
    ), level AS (
      UPDATE stock_levels s
      SET reserved = s.reserved - line.quantity,
          on_hand = s.on_hand - CASE WHEN ${takesOnHand} THEN line.quantity ELSE 0 END
      FROM line WHERE s.variant_id = line.variant_id
    )
    INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id, created_at)
    SELECT gen_random_uuid(), variant_id, ${reason}::stock_reason,
      CASE WHEN ${takesOnHand} THEN -quantity ELSE 0 END, -quantity, ${orderId}::uuid, ${now}
    FROM line`
}

/**
 * Reserves an order's lines anew. The order's row must be locked, and hold none. False, with part of it written, when
 * not all of it is left: the caller rolls back. Locks the stock in the order of its ids.
 */
export async function takeHold(tx: Transaction, orderId: string, now: Date): Promise<boolean> {
  const [taken] = await tx.$queryRaw<{ all: boolean }[]>`
    WITH line AS (
      SELECT s.variant_id, l.quantity
      FROM order_lines l JOIN stock_levels s ON s.variant_id = l.variant_id
      WHERE l.order_id = ${orderId}::uuid
      ORDER BY s.variant_id FOR NO KEY UPDATE OF s
    ), level AS (
      UPDATE stock_levels s SET reserved = s.reserved + line.quantity
      FROM line WHERE s.variant_id = line.variant_id AND s.on_hand - s.reserved >= line.quantity
      RETURNING s.variant_id
    ), movement AS (
      INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id, created_at)
      SELECT gen_random_uuid(), variant_id, 'RESERVATION', 0, quantity, ${orderId}::uuid, ${now} FROM line
    )
    SELECT (SELECT count(*) FROM level) = (SELECT count(*) FROM line) AS all`
  return taken?.all === true
}
