// Checks orders against their lines, payments, refunds and disputes.
import { type Check, findingsOf, type Row, VIOLATIONS_MAX } from '../../integrity/check.ts'

const ordersTotal: Check = {
  name: 'orders-total',
  description:
    "An order's total is the sum of its lines, each its price times its quantity, in one currency.",
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH line AS (
        SELECT order_id, sum(total_minor) AS total_minor,
          count(*) FILTER (WHERE total_minor <> unit_price_minor * quantity) AS wrong_count,
          array_agg(DISTINCT currency) AS currencies
        FROM order_lines GROUP BY order_id
      ), violation AS (
        SELECT o.id, format('the total is %s, its lines come to %s (minor units of %s)',
          o.total_minor, coalesce(l.total_minor, 0), o.currency) AS message
        FROM orders o LEFT JOIN line l ON l.order_id = o.id
        WHERE o.total_minor <> coalesce(l.total_minor, 0)
        UNION ALL
        SELECT o.id, format('%s of its lines are not their price times their quantity', l.wrong_count)
        FROM orders o JOIN line l ON l.order_id = o.id WHERE l.wrong_count > 0
        UNION ALL
        SELECT o.id, format('it is in %s, with lines in %s', o.currency, array_to_string(l.currencies, ' and '))
        FROM orders o JOIN line l ON l.order_id = o.id WHERE l.currencies <> ARRAY[o.currency]
      )
      SELECT message, jsonb_build_object('Order', id) AS subjects, (count(*) OVER ())::int AS total
      FROM violation ORDER BY id, message LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const ordersPaid: Check = {
  name: 'orders-paid',
  description:
    'What an order says was captured, refunded, charged back and kept is what its payments, refunds and disputes say, and its states agree.',
  async run(tx) {
    // The rules are repeated here, since a check that shared code with the writing could not find its errors.
    const rows = await tx.$queryRaw<Row[]>`
      WITH refund AS (
        SELECT payment_id,
          coalesce(sum(amount_minor) FILTER (WHERE status IN ('PENDING', 'UNKNOWN')), 0) AS pending_minor,
          coalesce(sum(reduces_minor) FILTER (WHERE status <> 'FAILED'), 0) AS reduced_minor,
          coalesce(sum(amount_minor) FILTER (WHERE status = 'FAILED'), 0) AS returned_minor
        FROM refunds GROUP BY payment_id
      ), dispute AS (
        SELECT payment_id, sum(reinstated_minor) AS reinstated_minor FROM disputes GROUP BY payment_id
      ), payment AS (
        SELECT p.order_id,
          coalesce(sum(p.amount_minor) FILTER (WHERE p.status = 'SUCCEEDED'), 0) AS paid_minor,
          coalesce(sum(p.refunded_minor) FILTER (WHERE p.status = 'SUCCEEDED'), 0) AS refunded_minor,
          sum(p.charged_back_minor) AS charged_back_minor,
          coalesce(sum(r.pending_minor), 0) AS pending_minor,
          coalesce(sum(r.reduced_minor), 0) AS reduced_minor,
          coalesce(sum(r.returned_minor), 0) + coalesce(sum(d.reinstated_minor), 0) AS returned_minor,
          bool_or(p.status IN ('PENDING', 'UNKNOWN')) AS in_flight
        FROM payments p LEFT JOIN refund r ON r.payment_id = p.id LEFT JOIN dispute d ON d.payment_id = p.id
        GROUP BY p.order_id
      ), known AS (
        SELECT o.id, o.status, o.payment_status, o.holds_stock, o.currency, o.total_minor,
          coalesce(p.in_flight, false) AS in_flight, coalesce(p.paid_minor, 0) AS paid_minor,
          coalesce(p.refunded_minor, 0) AS refunded_minor, coalesce(p.reduced_minor, 0) AS reduced_minor,
          coalesce(p.paid_minor - p.refunded_minor - p.pending_minor - p.charged_back_minor, 0) AS kept_minor,
          coalesce(p.charged_back_minor, 0) AS charged_back_minor, coalesce(p.pending_minor, 0) AS pending_minor,
          sums.*
        FROM orders o LEFT JOIN payment p ON p.order_id = o.id
        CROSS JOIN LATERAL (VALUES
          ('was captured', o.paid_minor, coalesce(p.paid_minor, 0)),
          ('was refunded', o.refunded_minor, coalesce(p.refunded_minor, 0)),
          ('is being refunded', o.refund_pending_minor, coalesce(p.pending_minor, 0)),
          ('was charged back', o.charged_back_minor, coalesce(p.charged_back_minor, 0)),
          ('of its price was lowered by refunds', o.reduced_minor, coalesce(p.reduced_minor, 0)),
          ('came back of refunds and disputes', o.returned_minor, coalesce(p.returned_minor, 0))
        ) AS sums (what, order_minor, found_minor)
      ), judged AS (
        SELECT DISTINCT id, status, payment_status, currency, total_minor, paid_minor, reduced_minor, kept_minor,
          CASE
            WHEN in_flight THEN 'PENDING'
            WHEN kept_minor >= total_minor - reduced_minor THEN
              CASE WHEN reduced_minor = 0 THEN 'PAID' WHEN kept_minor > 0 THEN 'PARTIALLY_REFUNDED' ELSE 'REFUNDED' END
            WHEN kept_minor > 0 THEN 'PARTIALLY_PAID'
            WHEN paid_minor > 0 THEN 'REFUNDED'
            ELSE 'UNPAID'
          END AS due_payment_status,
          CASE status
            WHEN 'PLACED' THEN reduced_minor = 0 AND (kept_minor < total_minor OR NOT holds_stock)
            WHEN 'CANCELLED' THEN kept_minor <= 0 AND pending_minor = 0
            ELSE kept_minor + charged_back_minor + reduced_minor >= total_minor
          END AS is_status_due
        FROM known
      ), violation AS (
        SELECT id, format('it says that %s %s, its payments say %s (minor units of %s)', order_minor, what, found_minor, currency) AS message
        FROM known WHERE order_minor <> found_minor
        UNION ALL
        SELECT id, format('its payment status is %s, by its payments it should be %s', payment_status, due_payment_status)
        FROM judged WHERE payment_status::text <> due_payment_status
        UNION ALL
        SELECT id, format('it is %s with %s kept of %s captured, and costs %s less %s (minor units of %s)',
          status, kept_minor, paid_minor, total_minor, reduced_minor, currency)
        FROM judged WHERE NOT is_status_due
      )
      SELECT message, jsonb_build_object('Order', id) AS subjects, (count(*) OVER ())::int AS total
      FROM violation ORDER BY id, message LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

export const ORDER_CHECKS: readonly Check[] = [ordersTotal, ordersPaid]
