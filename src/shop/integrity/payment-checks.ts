// Checks payments against their refunds and disputes, and finds outcomes and events that are open for too long.
// provider-records.ts compares with the provider's books.
import { type Check, findingsOf, type Row, VIOLATIONS_MAX } from '../../integrity/check.ts'

/** By then the buyer has left the page, and every outcome was asked for many times. */
const STUCK_AFTER_MS = 24 * 3_600_000

const paymentsRefunds: Check = {
  name: 'payments-refunds',
  description: 'What a payment says was refunded, and is being refunded, is what its refunds say.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH refund AS (
        SELECT payment_id,
          coalesce(sum(amount_minor) FILTER (WHERE status = 'SUCCEEDED'), 0) AS refunded_minor,
          coalesce(sum(amount_minor) FILTER (WHERE status IN ('PENDING', 'UNKNOWN')), 0) AS pending_minor
        FROM refunds GROUP BY payment_id
      ), compared AS (
        SELECT p.id, p.currency, p.refunded_minor AS told_refunded_minor, p.refund_pending_minor AS told_pending_minor,
          coalesce(r.refunded_minor, 0) AS refunded_minor, coalesce(r.pending_minor, 0) AS pending_minor
        FROM payments p LEFT JOIN refund r ON r.payment_id = p.id
      )
      SELECT format('it says that %s was refunded and %s is under way, its refunds say %s and %s (minor units of %s)',
          told_refunded_minor, told_pending_minor, refunded_minor, pending_minor, currency) AS message,
        jsonb_build_object('Payment', id) AS subjects, (count(*) OVER ())::int AS total
      FROM compared WHERE (told_refunded_minor, told_pending_minor) <> (refunded_minor, pending_minor)
      ORDER BY id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const refundsLines: Check = {
  name: 'refunds-lines',
  description:
    "As many pieces of a line were refunded, and put back into stock, as the refunds of its order's payments say.",
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH refund AS (
        SELECT r.line_id, p.order_id,
          coalesce(sum(r.quantity) FILTER (WHERE f.status <> 'FAILED'), 0) AS refunded,
          coalesce(sum(r.quantity) FILTER (WHERE r.restock AND f.status IN ('PENDING', 'UNKNOWN')), 0) AS restocking,
          coalesce(sum(r.quantity) FILTER (WHERE r.restock AND f.restocked), 0) AS restocked
        FROM refund_lines r JOIN refunds f ON f.id = r.refund_id JOIN payments p ON p.id = f.payment_id
        GROUP BY r.line_id, p.order_id
      ), violation AS (
        SELECT l.order_id, l.sku, format('%s of %s are refunded, %s being restocked and %s restocked, its refunds say %s, %s and %s',
          l.refunded_quantity, l.sku, l.restocking_quantity, l.restocked_quantity,
          coalesce(r.refunded, 0), coalesce(r.restocking, 0), coalesce(r.restocked, 0)) AS message
        FROM order_lines l LEFT JOIN refund r ON r.line_id = l.id AND r.order_id = l.order_id
        WHERE (l.refunded_quantity, l.restocking_quantity, l.restocked_quantity)
          <> (coalesce(r.refunded, 0), coalesce(r.restocking, 0), coalesce(r.restocked, 0))
        UNION ALL
        SELECT r.order_id, l.sku, format('a refund of it is for %s of another order', l.sku)
        FROM refund r JOIN order_lines l ON l.id = r.line_id WHERE l.order_id <> r.order_id
      )
      SELECT message, jsonb_build_object('Order', order_id) AS subjects, (count(*) OVER ())::int AS total
      FROM violation ORDER BY order_id, sku, message LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const paymentsDisputes: Check = {
  name: 'payments-disputes',
  description: 'What a payment says was charged back is what its disputes say.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH compared AS (
        SELECT p.id, p.currency, p.charged_back_minor AS told_minor,
          coalesce(sum(d.withdrawn_minor - d.reinstated_minor), 0) AS found_minor
        FROM payments p LEFT JOIN disputes d ON d.payment_id = p.id GROUP BY p.tenant_id, p.id
      )
      SELECT format('it says that %s was charged back, its disputes say %s (minor units of %s)',
          told_minor, found_minor, currency) AS message,
        jsonb_build_object('Payment', id) AS subjects, (count(*) OVER ())::int AS total
      FROM compared WHERE told_minor <> found_minor
      ORDER BY id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const stuckPayments: Check = {
  name: 'stuck-payments',
  description: 'No payment and no refund waits for an outcome for more than 24 hours.',
  async run(tx, now) {
    const before = new Date(now.getTime() - STUCK_AFTER_MS)
    // By creation time, since the time of the last change is only that of the last attempt.
    const rows = await tx.$queryRaw<Row[]>`
      WITH open AS (
        SELECT 'Payment' AS type, id, status, attempts, created_at FROM payments WHERE status IN ('PENDING', 'UNKNOWN')
        UNION ALL
        SELECT 'Refund', id, status, attempts, created_at FROM refunds WHERE status IN ('PENDING', 'UNKNOWN')
      )
      SELECT format('%s since %s, asked of the provider %s times', status,
          to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), attempts) AS message,
        jsonb_build_object(type, id) AS subjects, (count(*) OVER ())::int AS total
      FROM open WHERE created_at < ${before}
      ORDER BY created_at, id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const providerEvents: Check = {
  name: 'provider-events',
  description: 'Every event that a payment provider sent was processed.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      SELECT format('%s (%s) failed %s times: %s', type, reference, attempts, coalesce(error, 'unknown reason')) AS message,
        jsonb_build_object('ProviderEvent', id) AS subjects, (count(*) OVER ())::int AS total
      FROM provider_events WHERE status = 'FAILED'
      ORDER BY received_at, id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

export const PAYMENT_CHECKS: readonly Check[] = [
  paymentsRefunds,
  refundsLines,
  paymentsDisputes,
  stuckPayments,
  providerEvents,
]
