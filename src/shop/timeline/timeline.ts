// The history of orders: what happened to each, when, and who did it, read from the rows of the order, its payments, refunds,
// disputes and notes. The names, and the changes of tags, come from the audit. Nothing here writes.
import type { TenantClient } from '../../db/database.ts'
import type { ModelName } from '../../db/register.ts'
import type { RefundReason } from '../../generated/prisma/client.ts'

/** In the order of the events of one instant. */
export const TIMELINE_KINDS = [
  'PLACED',
  'PAYMENT_FAILED',
  'PAID',
  'FULFILLED',
  'REFUNDED',
  'REFUND_FAILED',
  'DISPUTE_OPENED',
  'DISPUTE_CLOSED',
  'DISPUTE_LOST',
  'DISPUTE_WON',
  'CANCELLED',
  'NOTE_ADDED',
  'TAGS_CHANGED',
] as const
export type TimelineKind = (typeof TIMELINE_KINDS)[number]

export type TimelineEntry = {
  /** Sorts the entries of one instant. Only cursors contain it. */
  readonly id: string
  readonly occurredAt: Date
  readonly kind: TimelineKind
  /** Null: the system, or a payment provider. */
  readonly actorLabel: string | null
  readonly amountMinor: bigint | null
  readonly currency: string
  readonly text: string | null
  /** Of REFUNDED only. */
  readonly reason: RefundReason | null
  /** What it happened to: the order, or a payment, refund, dispute or note of it. */
  readonly subjectType: ModelName
  readonly subjectId: string
}

/** The entry of a cursor. */
type Place = { readonly value: unknown; readonly id: string }

/**
 * The latest `take` entries, or with `backward` the earliest ones; only those after, and before, the entries of cursors.
 * `showsPayments`: with those about payments, refunds and disputes.
 */
type TimelinePage = {
  readonly take: number
  readonly backward: boolean
  readonly after: Place | null
  readonly before: Place | null
  readonly showsPayments: boolean
}

/** A page of one order's history, and the number of all its entries. */
export type Timeline = { readonly entries: readonly TimelineEntry[]; readonly total: number }

type EntryRow = Omit<TimelineEntry, 'id' | 'amountMinor'> & {
  readonly orderId: string
  readonly total: number
  /** Null: the page is empty. */
  readonly id: string | null
  readonly amountMinor: string | null
}

/**
 * One page of each order's history, latest first, by one statement. A refund that failed after it had succeeded is two entries; the time of the first is in the ledger.
 */
export async function timelinesOf(
  db: TenantClient,
  orderIds: readonly string[],
  { take, backward, after, before, showsPayments }: TimelinePage,
): Promise<Map<string, Timeline>> {
  const rows = await db.$queryRaw<EntryRow[]>`
    WITH asked AS (
      SELECT id, currency, total_minor, placed_at, fulfilled_at, cancelled_at, cancel_reason
      FROM orders WHERE id = ANY (${orderIds}::uuid[])
    ), payment AS (
      SELECT order_id, id, currency, amount_minor, status, settled_at, failure_message, note
      FROM payments WHERE ${showsPayments} AND order_id = ANY (${orderIds}::uuid[])
    ), refund AS (
      SELECT p.order_id, r.* FROM payment p JOIN refunds r ON r.payment_id = p.id
    ), dispute AS (
      SELECT p.order_id, d.* FROM payment p JOIN disputes d ON d.payment_id = p.id
    ), happened (order_id, occurred_at, kind, action, subject_type, subject_id, amount_minor, currency, text, reason, audit_id) AS (
      SELECT id, placed_at, 'PLACED', 'orderPlace', 'Order', id, total_minor, currency, NULL, NULL, NULL::uuid FROM asked
      UNION ALL
      SELECT id, fulfilled_at, 'FULFILLED', 'orderFulfill', 'Order', id, NULL, currency, NULL, NULL, NULL
      FROM asked WHERE fulfilled_at IS NOT NULL
      UNION ALL
      SELECT id, cancelled_at, 'CANCELLED', 'orderCancel', 'Order', id, NULL, currency, cancel_reason, NULL, NULL
      FROM asked WHERE cancelled_at IS NOT NULL
      UNION ALL
      SELECT order_id, settled_at, CASE status WHEN 'SUCCEEDED' THEN 'PAID' ELSE 'PAYMENT_FAILED' END, NULL, 'Payment', id,
        amount_minor, currency, CASE status WHEN 'SUCCEEDED' THEN note ELSE failure_message END, NULL, NULL
      FROM payment WHERE settled_at IS NOT NULL
      UNION ALL
      SELECT r.order_id, e.posted_at, 'REFUNDED', NULL, 'Refund', r.id, r.amount_minor, r.currency, r.note, r.reason::text, NULL
      FROM refund r
      JOIN journal_entries e ON e.kind = 'REFUND' AND e.source_type = 'Refund' AND e.source_id = r.id::text
      UNION ALL
      SELECT order_id, settled_at, 'REFUND_FAILED', NULL, 'Refund', id, amount_minor, currency, failure_message, NULL, NULL
      FROM refund WHERE status = 'FAILED'
      UNION ALL
      SELECT order_id, opened_at, 'DISPUTE_OPENED', NULL, 'Dispute', id, amount_minor, currency, reason, NULL, NULL FROM dispute
      UNION ALL
      SELECT order_id, told_at, 'DISPUTE_' || status, NULL, 'Dispute', id, amount_minor, currency, NULL, NULL, NULL
      FROM dispute WHERE status IN ('CLOSED', 'LOST', 'WON')
      UNION ALL
      SELECT n.order_id, n.created_at, 'NOTE_ADDED', NULL, 'OrderNote', n.id, NULL, a.currency, n.text, NULL, NULL
      FROM asked a JOIN order_notes n ON n.order_id = a.id
      UNION ALL
      SELECT a.id, e.created_at, 'TAGS_CHANGED', NULL, 'Order', a.id, NULL, a.currency,
        (SELECT string_agg(tag, ', ' ORDER BY place) FROM jsonb_array_elements_text(e.after -> 'tags') WITH ORDINALITY t (tag, place)),
        NULL, e.id
      FROM asked a
      JOIN audit_entries e ON e.subject_type = 'Order' AND e.subject_id = a.id AND e.action = 'orderTagsSet'
    ), event AS (
      SELECT h.*, (lpad(to_hex(array_position(${TIMELINE_KINDS}::text[], h.kind)), 2, '0')
        || substr(md5(h.kind || coalesce(h.audit_id, h.subject_id)), 3))::uuid AS id
      FROM happened h
    ), page AS (
      SELECT event.*, row_number() OVER (PARTITION BY order_id ORDER BY
        CASE WHEN ${backward} THEN occurred_at END, CASE WHEN ${backward} THEN id END, occurred_at DESC, id DESC) AS place
      FROM event
      WHERE (${after?.id ?? null}::uuid IS NULL
          OR (occurred_at, id) < (${after?.value ?? null}::timestamptz, ${after?.id ?? null}::uuid))
        AND (${before?.id ?? null}::uuid IS NULL
          OR (occurred_at, id) > (${before?.value ?? null}::timestamptz, ${before?.id ?? null}::uuid))
    )
    SELECT o.id AS "orderId", (SELECT count(*) FROM happened h WHERE h.order_id = o.id)::int AS total, p.id,
      p.occurred_at AS "occurredAt", p.kind, p.amount_minor::text AS "amountMinor", p.currency, p.text, p.reason,
      p.subject_type AS "subjectType", p.subject_id AS "subjectId", nullif(author.actor_label, '') AS "actorLabel"
    FROM asked o
    LEFT JOIN page p ON p.order_id = o.id AND p.place <= ${take}
    -- The caller who placed, ended or wrote it, or began the payment or refund.
    LEFT JOIN LATERAL (
      SELECT a.actor_label FROM audit_entries a
      WHERE a.subject_type = p.subject_type AND a.subject_id = p.subject_id
        AND (p.action IS NULL OR a.action = p.action) AND (p.audit_id IS NULL OR a.id = p.audit_id)
      ORDER BY a.created_at LIMIT 1
    ) author ON true
    ORDER BY o.id, p.place`
  return new Map(
    [...Map.groupBy(rows, ({ orderId }) => orderId)].map(([orderId, found]) => [
      orderId,
      { entries: found.flatMap(entryOf), total: found[0]?.total ?? 0 },
    ]),
  )
}

function entryOf({ orderId: _order, total: _total, id, amountMinor, ...row }: EntryRow): TimelineEntry[] {
  return id === null ? [] : [{ ...row, id, amountMinor: amountMinor === null ? null : BigInt(amountMinor) }]
}
