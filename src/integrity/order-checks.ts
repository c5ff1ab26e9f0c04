// Orders against their lines and against the money that was taken for them.
import { type Check, findingsOf, type Row, VIOLATIONS_MAX } from './check.ts'

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
  description: 'What an order says was paid and refunded is what its payments say, and its states agree.',
  async run(tx) {
    // The rules stand here again, and not by way of the code that writes: a proof that uses what it proves is none.
    const rows = await tx.$queryRaw<Row[]>`
      WITH payment AS (
        SELECT order_id,
          coalesce(sum(amount_minor) FILTER (WHERE status = 'SUCCEEDED'), 0) AS paid_minor,
          coalesce(sum(refunded_minor) FILTER (WHERE status = 'SUCCEEDED'), 0) AS refunded_minor,
          bool_or(status IN ('PENDING', 'UNKNOWN')) AS in_flight
        FROM payments GROUP BY order_id
      ), known AS (
        SELECT o.id, o.status, o.payment_status, o.currency, o.total_minor,
          o.paid_minor AS told_paid_minor, o.refunded_minor AS told_refunded_minor,
          coalesce(p.paid_minor, 0) AS paid_minor, coalesce(p.refunded_minor, 0) AS refunded_minor,
          coalesce(p.in_flight, false) AS in_flight
        FROM orders o LEFT JOIN payment p ON p.order_id = o.id
      ), judged AS (
        SELECT *,
          CASE
            WHEN in_flight THEN 'PENDING'
            WHEN paid_minor = 0 THEN 'UNPAID'
            WHEN refunded_minor = paid_minor THEN 'REFUNDED'
            WHEN refunded_minor > 0 THEN 'PARTIALLY_REFUNDED'
            WHEN paid_minor < total_minor THEN 'PARTIALLY_PAID'
            ELSE 'PAID'
          END AS due_payment_status,
          CASE status
            WHEN 'PLACED' THEN paid_minor < total_minor OR total_minor = 0
            WHEN 'CANCELLED' THEN paid_minor = refunded_minor
            ELSE paid_minor = total_minor
          END AS is_status_due
        FROM known
      ), violation AS (
        SELECT id, format('it says that %s was paid, its payments came to %s (minor units of %s)',
          told_paid_minor, paid_minor, currency) AS message
        FROM judged WHERE told_paid_minor <> paid_minor
        UNION ALL
        SELECT id, format('it says that %s was refunded, of its payments %s was (minor units of %s)',
          told_refunded_minor, refunded_minor, currency)
        FROM judged WHERE told_refunded_minor <> refunded_minor
        UNION ALL
        SELECT id, format('its payment status is %s, by its payments it should be %s', payment_status, due_payment_status)
        FROM judged WHERE payment_status::text <> due_payment_status
        UNION ALL
        SELECT id, format('it is %s with %s paid and %s refunded of %s (minor units of %s)',
          status, paid_minor, refunded_minor, total_minor, currency)
        FROM judged WHERE NOT is_status_due
      )
      SELECT message, jsonb_build_object('Order', id) AS subjects, (count(*) OVER ())::int AS total
      FROM violation ORDER BY id, message LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

export const ORDER_CHECKS: readonly Check[] = [ordersTotal, ordersPaid]
