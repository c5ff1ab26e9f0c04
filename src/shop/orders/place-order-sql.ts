// The one statement that places an order or changes nothing.
import type { Decided } from '../../commands/attempt.ts'
import { defineWorkSql } from '../../commands/one-statement.ts'
import { newId } from '../../core/ids.ts'
import type { Money } from '../../core/money.ts'
import type { Agreed } from './agreed.ts'
import { holdEnd } from './hold-stock.ts'
import type { AskedLine } from './order.ts'

/**
 * Each part depends on the one before: the asked lines, their offers and prices, whether all can be sold, the
 * reservation under row locks, then the order number. The number's lock serialises the tenant's orders, so it is taken
 * last.
 */
const PLACE = defineWorkSql(
  'place_order',
  `customer AS (
    SELECT app.buyer_of(c) AS buyer, app.address_of(c) AS address FROM customers c WHERE c.id = $5::uuid
  ), asked AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[])
      WITH ORDINALITY AS a (line_id, movement_id, variant_id, quantity, position)
  ), priced AS (
    SELECT a.*, o.*
    FROM asked a LEFT JOIN LATERAL (
      SELECT v.sku, v.price_minor, v.currency, p.status = 'ACTIVE' AS for_sale, s.on_hand - s.reserved AS available,
        CASE WHEN EXISTS (SELECT FROM variants o WHERE o.product_id = v.product_id AND o.id <> v.id)
          THEN p.title || ' – ' || v.title ELSE p.title END AS title
      FROM variants v JOIN products p ON p.id = v.product_id JOIN stock_levels s ON s.variant_id = v.id
      WHERE v.id = a.variant_id
      -- Each line by keys. A join of lists was planned for tenants of average size, and read all of the tenant's variants.
      OFFSET 0
    ) o ON true
  ), verdict AS (
    SELECT bool_and(for_sale AND available >= quantity) AND count(sku) = count(*)
      AND count(DISTINCT variant_id) = count(*) AND count(DISTINCT currency) = 1
      AND EXISTS (SELECT FROM customer)
      AND coalesce(sum(price_minor * quantity) = $9::numeric AND min(currency) = $10, $9 IS NULL) AS sellable,
      count(*) AS line_count, min(currency) AS currency, sum(price_minor * quantity)::bigint AS total_minor
    FROM priced
  ), locked AS (
    -- One at a time in the order of their ids: an UPDATE alone locks rows in the order of its plan, so that concurrent
    -- orders of the same variants would deadlock.
    SELECT p.variant_id, p.quantity
    FROM (SELECT variant_id, quantity FROM priced WHERE (SELECT sellable FROM verdict) ORDER BY variant_id) p
    CROSS JOIN LATERAL (SELECT FROM stock_levels s WHERE s.variant_id = p.variant_id FOR NO KEY UPDATE) s
  ), reserved AS (
    UPDATE stock_levels s SET reserved = s.reserved + l.quantity
    FROM locked l
    -- By keys too: see priced.
    WHERE s.variant_id = ANY (ARRAY(SELECT variant_id FROM locked)) AND s.variant_id = l.variant_id
      AND s.on_hand - s.reserved >= l.quantity
    RETURNING s.variant_id
  ), numbered AS (
    UPDATE tenant_counters SET value = value + 1
    WHERE name = 'order' AND (SELECT sellable FROM verdict)
      AND (SELECT count(*) FROM reserved) = (SELECT line_count FROM verdict)
    RETURNING value
  ), placed AS (
    -- An order that costs nothing is paid.
    INSERT INTO orders (id, number, customer_id, status, payment_status, currency, total_minor, placed_at, updated_at,
      hold_expires_at, buyer, shipping_address, billing_address)
    SELECT $6::uuid, numbered.value, $5::uuid,
      CASE total_minor WHEN 0 THEN 'PAID' ELSE 'PLACED' END::order_status,
      CASE total_minor WHEN 0 THEN 'PAID' ELSE 'UNPAID' END::order_payment_status,
      verdict.currency, total_minor, $7::timestamptz, $7::timestamptz,
      CASE WHEN total_minor > 0 THEN $8::timestamptz END,
      coalesce($11::jsonb, buyer), coalesce($12::jsonb, address), coalesce($13::jsonb, address)
    FROM numbered, verdict, customer
    RETURNING id, number, total_minor, currency, status
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
  ), work AS (
    SELECT '{}'::jsonb AS before,
      jsonb_build_object('number', number, 'totalMinor', total_minor::text, 'currency', currency, 'status', status) AS result,
      CASE status WHEN 'PAID' THEN jsonb_build_array(jsonb_build_object(
        'id', $14::text, 'type', 'order.paid', 'subject_type', 'Order', 'subject_id', id,
        'payload', jsonb_build_object('version', 1))) ELSE '[]' END AS events
    FROM placed
  )`,
)

/** Places the order, or refuses it; its number, total, currency and status are added to its audit entry and event. */
export function placing(order: {
  readonly id: string
  readonly customerId: string
  readonly lines: readonly AskedLine[]
  readonly expectedTotal: Money | null
  readonly agreed: Agreed
  readonly now: Date
}): Omit<Decided<null>, 'done'> {
  const { id, customerId, lines, expectedTotal, agreed, now } = order
  return {
    sql: PLACE,
    values: [
      arrayOf(lines.map(() => newId())),
      arrayOf(lines.map(() => newId())),
      arrayOf(lines.map(({ variantId }) => variantId)),
      arrayOf(lines.map(({ quantity }) => quantity)),
      customerId,
      id,
      now.toISOString(),
      holdEnd(now).toISOString(),
      expectedTotal?.amountMinor.toString() ?? null,
      expectedTotal?.currency ?? null,
      documentOf(agreed.buyer),
      documentOf(agreed.shippingAddress),
      documentOf(agreed.billingAddress),
      newId(),
    ],
  }
}

function documentOf(part: object | null | undefined): string | null {
  return part == null ? null : JSON.stringify(part)
}

/** A PostgreSQL array literal. For ids and numbers only: they need no quoting. */
function arrayOf(items: readonly (string | number)[]): string {
  return `{${items.join(',')}}`
}
