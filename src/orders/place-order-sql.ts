// The one statement that places an order or leaves everything as it was.
import { newId } from '../core/ids.ts'
import type { Statement } from '../db/database.ts'
import { holdEnd } from './hold-stock.ts'
import type { AskedLine } from './order.ts'

/**
 * Every part depends on the one before: what was asked, what it is and costs, whether all of it can be sold, the
 * reservation under the rows' locks, then the number, whose lock serialises the tenant's orders and so comes last.
 */
const PLACE_SQL = `
  WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[])
      WITH ORDINALITY AS a (line_id, movement_id, variant_id, quantity, position)
  ), priced AS (
    SELECT a.*, v.sku, v.price_minor, v.currency, p.status = 'ACTIVE' AS for_sale, s.on_hand - s.reserved AS available,
      CASE WHEN EXISTS (SELECT FROM variants o WHERE o.product_id = v.product_id AND o.id <> v.id)
        THEN p.title || ' – ' || v.title ELSE p.title END AS title
    FROM asked a
    LEFT JOIN variants v ON v.id = a.variant_id
    LEFT JOIN products p ON p.id = v.product_id
    LEFT JOIN stock_levels s ON s.variant_id = v.id
  ), verdict AS (
    SELECT bool_and(for_sale AND available >= quantity) AND count(sku) = count(*)
      AND count(DISTINCT variant_id) = count(*) AND count(DISTINCT currency) = 1
      AND EXISTS (SELECT FROM customers WHERE id = $5::uuid) AS sellable,
      count(*) AS line_count, min(currency) AS currency, sum(price_minor * quantity)::bigint AS total_minor
    FROM priced
  ), locked AS (
    -- One by one in the order of their ids: an UPDATE alone would lock them in whatever order its plan meets them,
    -- and rivals for several of the same variants would deadlock.
    SELECT s.variant_id, p.quantity
    FROM priced p JOIN stock_levels s ON s.variant_id = p.variant_id
    WHERE (SELECT sellable FROM verdict)
    ORDER BY s.variant_id FOR NO KEY UPDATE OF s
  ), reserved AS (
    UPDATE stock_levels s SET reserved = s.reserved + l.quantity
    FROM locked l
    WHERE s.variant_id = l.variant_id AND s.on_hand - s.reserved >= l.quantity
    RETURNING s.variant_id
  ), numbered AS (
    UPDATE tenant_counters SET value = value + 1
    WHERE name = 'order' AND (SELECT sellable FROM verdict)
      AND (SELECT count(*) FROM reserved) = (SELECT line_count FROM verdict)
    RETURNING value
  ), placed AS (
    INSERT INTO orders (id, number, customer_id, currency, total_minor, placed_at, updated_at, hold_expires_at)
    SELECT $6::uuid, numbered.value, $5::uuid, verdict.currency, verdict.total_minor, $7::timestamptz, $7::timestamptz,
      $8::timestamptz
    FROM numbered, verdict
    RETURNING id, number, total_minor, currency
  ), lines AS (
    INSERT INTO order_lines
      (id, order_id, position, variant_id, sku, title, quantity, currency, unit_price_minor, total_minor)
    SELECT p.line_id, placed.id, p.position, p.variant_id, p.sku, p.title, p.quantity, p.currency, p.price_minor,
      p.price_minor * p.quantity
    FROM priced p, placed
  ), movements AS (
    INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id, created_at)
    SELECT p.movement_id, p.variant_id, 'RESERVATION', 0, p.quantity, placed.id, $7::timestamptz
    FROM priced p, placed
  )
  SELECT app.leave_result((
    SELECT jsonb_build_object('number', number, 'totalMinor', total_minor::text, 'currency', currency) FROM placed
  ))`

/** Places the order and leaves its number, total and currency, or refuses it and leaves that. */
export function placeStatement(order: {
  readonly id: string
  readonly customerId: string
  readonly lines: readonly AskedLine[]
  readonly now: Date
}): Statement {
  const { id, customerId, lines, now } = order
  return {
    name: 'bulkhead_place_order',
    text: PLACE_SQL,
    values: [
      arrayOf(lines.map(() => newId())),
      arrayOf(lines.map(() => newId())),
      arrayOf(lines.map(({ variantId }) => variantId)),
      arrayOf(lines.map(({ quantity }) => quantity)),
      customerId,
      id,
      now.toISOString(),
      holdEnd(now).toISOString(),
    ],
  }
}

/** An array as PostgreSQL reads it. For ids and numbers only: nothing in them needs quoting. */
function arrayOf(items: readonly (string | number)[]): string {
  return `{${items.join(',')}}`
}
