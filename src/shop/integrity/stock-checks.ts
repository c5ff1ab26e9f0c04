// Checks stock levels against their movements and the orders that hold stock.
import { type Check, findingsOf, type Row, VIOLATIONS_MAX } from '../../integrity/check.ts'

const stockMovements: Check = {
  name: 'stock-movements',
  description: "A variant's pieces on hand and reserved are the sums of its movements.",
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH moved AS (
        SELECT variant_id, sum(on_hand_delta) AS on_hand, sum(reserved_delta) AS reserved
        FROM stock_movements GROUP BY variant_id
      ), compared AS (
        SELECT variant_id, coalesce(s.on_hand, 0) AS on_hand, coalesce(s.reserved, 0) AS reserved,
          coalesce(m.on_hand, 0) AS moved_on_hand, coalesce(m.reserved, 0) AS moved_reserved
        FROM stock_levels s FULL JOIN moved m USING (variant_id)
      )
      SELECT format('%s on hand and %s reserved, its movements come to %s and %s',
          on_hand, reserved, moved_on_hand, moved_reserved) AS message,
        jsonb_build_object('Variant', variant_id) AS subjects, (count(*) OVER ())::int AS total
      FROM compared WHERE (on_hand, reserved) <> (moved_on_hand, moved_reserved)
      ORDER BY variant_id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const stockReserved: Check = {
  name: 'stock-reserved',
  description:
    'As many pieces of a variant are reserved as the orders that hold stock have in their lines, less those that refunds put back.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH held AS (
        SELECT l.variant_id, sum(l.quantity - l.restocked_quantity) AS quantity
        FROM orders o JOIN order_lines l ON l.order_id = o.id
        WHERE o.holds_stock GROUP BY l.variant_id
      ), compared AS (
        SELECT variant_id, coalesce(s.reserved, 0) AS reserved, coalesce(h.quantity, 0) AS held
        FROM stock_levels s FULL JOIN held h USING (variant_id)
      )
      SELECT format('%s reserved, orders hold %s', reserved, held) AS message,
        jsonb_build_object('Variant', variant_id) AS subjects, (count(*) OVER ())::int AS total
      FROM compared WHERE reserved <> held
      ORDER BY variant_id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

export const STOCK_CHECKS: readonly Check[] = [stockMovements, stockReserved]
