// Checks of the ledger: it balances, and posts every payment and refund once. The chart of accounts is repeated here by
// its codes, since a check that shared code with the posting could not find its errors.
import { type Check, findingsOf, type Row, VIOLATIONS_MAX } from '../../integrity/check.ts'

const ledgerBalanced: Check = {
  name: 'ledger-balanced',
  description:
    'Every entry has all of its postings, of its own time, whose sum is zero in each currency, as is the sum of the whole ledger; and a reversal negates its entry.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH entry AS (
        SELECT e.id, e.posting_count, count(p.id) AS found_count,
          count(*) FILTER (WHERE p.posted_at <> e.posted_at) AS wrong_time_count
        FROM journal_entries e LEFT JOIN postings p ON p.entry_id = e.id
        GROUP BY e.tenant_id, e.id
      ), undone AS (
        SELECT r.id, p.account_id, p.currency, sum(p.amount_minor) AS off_minor
        FROM journal_entries r CROSS JOIN LATERAL (VALUES (r.id), (r.reverses_id)) AS part (entry_id)
        JOIN postings p ON p.entry_id = part.entry_id
        WHERE r.reverses_id IS NOT NULL
        GROUP BY r.id, p.account_id, p.currency HAVING sum(p.amount_minor) <> 0
      ), violation AS (
        SELECT id, format('it has %s postings, not %s', found_count, posting_count) AS message
        FROM entry WHERE found_count <> posting_count
        UNION ALL
        SELECT id, format('%s of its postings have another time', wrong_time_count)
        FROM entry WHERE wrong_time_count > 0
        UNION ALL
        SELECT entry_id, format('its postings come to %s (minor units of %s) instead of zero', sum(amount_minor), currency)
        FROM postings GROUP BY entry_id, currency HAVING sum(amount_minor) <> 0
        UNION ALL
        SELECT u.id, format('it leaves %s (minor units of %s) on account %s of what it reverses', off_minor, u.currency, a.code)
        FROM undone u JOIN ledger_accounts a ON a.id = u.account_id
        UNION ALL
        SELECT NULL, format('the whole ledger comes to %s (minor units of %s) instead of zero', sum(amount_minor), currency)
        FROM postings GROUP BY currency HAVING sum(amount_minor) <> 0
      )
      SELECT message, jsonb_strip_nulls(jsonb_build_object('JournalEntry', id)) AS subjects,
        (count(*) OVER ())::int AS total
      FROM violation ORDER BY id, message LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const paymentsPosted: Check = {
  name: 'payments-posted',
  description:
    'Every payment that succeeded is posted once as a sale, and what the provider kept of it as a fee; nothing else is posted as either.',
  async run(tx) {
    // Compares the expected balance per account with the posted one. A reversed entry does not count.
    const rows = await tx.$queryRaw<Row[]>`
      WITH due AS (
        SELECT 'Payment' AS source_type, p.id::text AS source_id, 'SALE' AS kind, line.code, p.currency,
          line.sign * p.amount_minor AS amount_minor
        FROM payments p CROSS JOIN LATERAL (VALUES
          (CASE WHEN p.provider_kind <> 'MANUAL' THEN '1020' WHEN p.method = 'CASH' THEN '1000' ELSE '1010' END, 1), ('4010', -1)) AS line (code, sign)
        WHERE p.status = 'SUCCEEDED'
        UNION ALL
        SELECT 'Payment', p.id::text, 'FEE', line.code, p.currency, line.sign * p.fee_minor
        FROM payments p CROSS JOIN (VALUES ('5010', 1), ('1020', -1)) AS line (code, sign)
        WHERE p.status = 'SUCCEEDED' AND p.fee_minor > 0
      ), posted AS (
        SELECT e.source_type, e.source_id, e.kind::text AS kind, a.code, p.currency,
          sum(p.amount_minor) AS amount_minor
        FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN ledger_accounts a ON a.id = p.account_id
        WHERE e.kind IN ('SALE', 'FEE')
          AND NOT EXISTS (SELECT FROM journal_entries r WHERE r.reverses_id = e.id)
        GROUP BY 1, 2, 3, 4, 5
      ), difference AS (
        SELECT source_type, source_id, kind,
          string_agg(format('%s on account %s, not %s (minor units of %s)',
            coalesce(posted.amount_minor, 0), code, coalesce(due.amount_minor, 0), currency), '; ' ORDER BY code) AS differences
        FROM due FULL JOIN posted USING (source_type, source_id, kind, code, currency)
        WHERE due.amount_minor IS DISTINCT FROM posted.amount_minor
        GROUP BY source_type, source_id, kind
      )
      SELECT format('posted as %s of %s: %s', d.kind,
          CASE WHEN p.id IS NULL THEN format('%s %s, which is no payment', d.source_type, d.source_id)
            ELSE format('a payment that is %s', p.status) END, d.differences) AS message,
        jsonb_strip_nulls(jsonb_build_object('Payment', p.id, 'JournalEntry', (
          SELECT jsonb_agg(e.id ORDER BY e.id) FROM journal_entries e
          WHERE e.kind = d.kind::journal_entry_kind AND e.source_type = d.source_type AND e.source_id = d.source_id
        ))) AS subjects,
        (count(*) OVER ())::int AS total
      FROM difference d LEFT JOIN payments p ON d.source_type = 'Payment' AND p.id::text = d.source_id
      ORDER BY d.source_id, d.kind LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const refundsPosted: Check = {
  name: 'refunds-posted',
  description: 'Every refund that succeeded is posted once; one that did not is not, or not any more.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH due AS (
        SELECT 'Refund' AS source_type, r.id::text AS source_id, line.code, r.currency,
          line.sign * r.amount_minor AS amount_minor
        FROM refunds r JOIN payments p ON p.id = r.payment_id CROSS JOIN LATERAL (VALUES
          ('4020', 1), (CASE WHEN p.provider_kind <> 'MANUAL' THEN '1020'
            WHEN coalesce(r.manual_method, p.method) = 'CASH' THEN '1000' ELSE '1010' END, -1)) AS line (code, sign)
        WHERE r.status = 'SUCCEEDED'
      ), posted AS (
        SELECT e.source_type, e.source_id, a.code, p.currency,
          sum(p.amount_minor) AS amount_minor
        FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN ledger_accounts a ON a.id = p.account_id
        WHERE e.kind = 'REFUND' AND NOT EXISTS (SELECT FROM journal_entries r WHERE r.reverses_id = e.id)
        GROUP BY 1, 2, 3, 4
      ), difference AS (
        SELECT source_type, source_id,
          string_agg(format('%s on account %s, not %s (minor units of %s)',
            coalesce(posted.amount_minor, 0), code, coalesce(due.amount_minor, 0), currency), '; ' ORDER BY code) AS differences
        FROM due FULL JOIN posted USING (source_type, source_id, code, currency)
        WHERE due.amount_minor IS DISTINCT FROM posted.amount_minor
        GROUP BY source_type, source_id
      )
      SELECT format('posted of %s: %s',
          CASE WHEN r.id IS NULL THEN format('%s %s, which is no refund', d.source_type, d.source_id)
            ELSE format('a refund that is %s', r.status) END, d.differences) AS message,
        jsonb_strip_nulls(jsonb_build_object('Refund', r.id, 'JournalEntry', (
          SELECT jsonb_agg(e.id ORDER BY e.id) FROM journal_entries e
          WHERE e.kind = 'REFUND' AND e.source_type = d.source_type AND e.source_id = d.source_id
        ))) AS subjects,
        (count(*) OVER ())::int AS total
      FROM difference d LEFT JOIN refunds r ON d.source_type = 'Refund' AND r.id::text = d.source_id
      ORDER BY d.source_id LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

const disputesPosted: Check = {
  name: 'disputes-posted',
  description: 'Every movement of a dispute is posted once, and the postings come to what the dispute says.',
  async run(tx) {
    const rows = await tx.$queryRaw<Row[]>`
      WITH movement AS (
        SELECT d.id, d.currency, moved.reference FROM disputes d CROSS JOIN LATERAL unnest(d.movements) AS moved (reference)
      ), posted AS (
        SELECT e.id AS entry_id, e.source_type, e.source_id, p.currency,
          sum(-p.amount_minor) FILTER (WHERE a.code = '5020') AS moved_minor,
          sum(p.amount_minor) FILTER (WHERE a.code = '5030') AS fee_minor,
          count(*) FILTER (WHERE a.code NOT IN ('5020', '5030', '1020')) AS wrong_count
        FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN ledger_accounts a ON a.id = p.account_id
        WHERE e.kind = 'DISPUTE' AND NOT EXISTS (SELECT FROM journal_entries r WHERE r.reverses_id = e.id)
        GROUP BY e.tenant_id, e.id, p.currency
      ), found AS (
        SELECT m.id, count(*) FILTER (WHERE p.entry_id IS NULL) AS missing_count,
          coalesce(sum(-p.moved_minor) FILTER (WHERE p.moved_minor < 0), 0) AS withdrawn_minor,
          coalesce(sum(p.moved_minor) FILTER (WHERE p.moved_minor > 0), 0) AS reinstated_minor,
          coalesce(sum(p.fee_minor), 0) AS fee_minor
        FROM movement m LEFT JOIN posted p
          ON p.source_type = 'DisputeMovement' AND p.source_id = m.reference AND p.currency = m.currency
        GROUP BY m.id
      ), violation AS (
        SELECT jsonb_build_object('Dispute', d.id) AS subjects,
          format('it says that %s was withdrawn, %s reinstated and %s charged for it, its entries say %s, %s and %s (minor units of %s); %s of its movements have none',
            d.withdrawn_minor, d.reinstated_minor, d.fee_minor, coalesce(f.withdrawn_minor, 0), coalesce(f.reinstated_minor, 0),
            coalesce(f.fee_minor, 0), d.currency, coalesce(f.missing_count, 0)) AS message
        FROM disputes d LEFT JOIN found f ON f.id = d.id
        WHERE coalesce(f.missing_count, 0) > 0 OR (d.withdrawn_minor, d.reinstated_minor, d.fee_minor)
          <> (coalesce(f.withdrawn_minor, 0), coalesce(f.reinstated_minor, 0), coalesce(f.fee_minor, 0))
        UNION ALL
        SELECT jsonb_build_object('JournalEntry', p.entry_id),
          format('posted as DISPUTE of %s %s, which is no movement of a dispute', p.source_type, p.source_id)
        FROM posted p WHERE p.source_type <> 'DisputeMovement'
          OR NOT EXISTS (SELECT FROM movement m WHERE m.reference = p.source_id AND m.currency = p.currency)
        UNION ALL
        SELECT jsonb_build_object('JournalEntry', p.entry_id),
          format('%s of its postings are on accounts that no dispute moves', p.wrong_count)
        FROM posted p WHERE p.wrong_count > 0
      )
      SELECT message, subjects, (count(*) OVER ())::int AS total
      FROM violation ORDER BY message, subjects::text LIMIT ${VIOLATIONS_MAX}`
    return findingsOf(rows)
  },
}

export const LEDGER_CHECKS: readonly Check[] = [ledgerBalanced, paymentsPosted, refundsPosted, disputesPosted]
