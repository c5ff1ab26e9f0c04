// An order's hold on stock: reserve it again, release it, or fulfil it. Placing an order reserves the stock in its own
// statement (place-order-sql.ts).
import type { Transaction } from '../../db/database.ts'

/** How long an unpaid order holds its stock: enough for a buyer to start a bank transfer, not for it to arrive. */
const HOLD_MS = 24 * 3_600_000

/** When a hold that begins now ends, if the order stays unpaid. */
export function holdEnd(now: Date): Date {
  return new Date(now.getTime() + HOLD_MS)
}

/** How a hold ends: the reason of the stock movement, and whether the pieces leave the stock on hand. */
export type HoldEnd = { readonly reason: 'RELEASE' | 'FULFILMENT'; readonly takesOnHand: boolean }

export const RELEASE: HoldEnd = { reason: 'RELEASE', takesOnHand: false }
export const FULFILMENT: HoldEnd = { reason: 'FULFILMENT', takesOnHand: true }

/**
 * Ends the reservations of an order's lines, of all pieces that refunds have not put back into stock before. The order's
 * row must be locked, and must hold stock. Locks the stock rows
 * in the order of their ids, so that concurrent transactions do not deadlock.
 */
export async function endHold(
  tx: Transaction,
  orderId: string,
  { reason, takesOnHand }: HoldEnd,
  now: Date,
): Promise<void> {
  await tx.$executeRaw`
    WITH line AS (
      SELECT s.variant_id, l.quantity - l.restocked_quantity AS quantity
      FROM order_lines l JOIN stock_levels s ON s.variant_id = l.variant_id
      WHERE l.order_id = ${orderId}::uuid AND l.quantity > l.restocked_quantity
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
 * Reserves an order's lines again. The order's row must be locked, and must hold no stock. Returns false when not
 * everything is available; part of it may be written by then, so the caller rolls back. Locks the stock rows in the
 * order of their ids.
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
