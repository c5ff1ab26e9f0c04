// Checks that sales by day are the same by the payments and refunds, from which src/shop/figures reads them, and by the
// ledger: that both say the same amounts is what payments-posted and refunds-posted check.
import { type Check, findingsOf, type Row, VIOLATIONS_MAX } from '../../integrity/check.ts'

const salesDays: Check = {
  name: 'sales-days',
  description:
    'Every payment and refund that succeeded is posted at the time when it was settled, so that the sales of a day are the same by payments and by the ledger.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH settled AS (
        SELECT 'Payment' AS type, id, 'SALE' AS kind, settled_at FROM payments WHERE status = 'SUCCEEDED'
        UNION ALL
        SELECT 'Refund', id, 'REFUND', settled_at FROM refunds WHERE status = 'SUCCEEDED'
      )
      SELECT format('it was settled at %s and is posted at %s', coalesce(s.settled_at::text, 'no time'), e.posted_at) AS message,
        jsonb_build_object(s.type, s.id, 'JournalEntry', e.id) AS subjects, (count(*) OVER ())::int AS total
      FROM settled s
      JOIN journal_entries e ON e.kind::text = s.kind AND e.source_type = s.type AND e.source_id = s.id::text
      WHERE e.posted_at IS DISTINCT FROM s.settled_at
      ORDER BY s.id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

export const FIGURE_CHECKS: readonly Check[] = [salesDays]
