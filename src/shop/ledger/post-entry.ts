// Posts journal entries: each business event once, and its reversal once. Independent of the kinds of events.
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import type { JournalEntryKind } from '../../generated/prisma/client.ts'
import type { EntryLine } from './entry-lines.ts'

/** The business event of an entry; it is posted once per kind of entry. */
export type EntrySource = { readonly type: string; readonly id: string }

export type NewEntry = {
  readonly kind: Exclude<JournalEntryKind, 'REVERSAL'>
  readonly source: EntrySource
  /** ISO 4217; of all lines. */
  readonly currency: string
  readonly lines: readonly EntryLine[]
  readonly description?: string
  readonly postedAt: Date
}

/** The table's bound. */
const ENTRY_POSTINGS_MAX = 100

/**
 * Posts a balanced entry, in minor units; returns its id, or null when its source has posted this kind already. One
 * statement, except for the first entry in a currency, which opens the currency's accounts. Takes no lock besides the
 * entry's own. Throws LEDGER_UNBALANCED for lines whose sum is not zero.
 */
export async function postEntry(tx: Transaction, entry: NewEntry): Promise<string | null> {
  checkBalance(entry.lines)
  let posted = await insertEntry(tx, entry)
  if (posted.missing > 0) {
    await tx.$executeRaw`SELECT app.open_accounts(app.tenant_id(), ${entry.currency})`
    posted = await insertEntry(tx, entry)
  }
  // COMMIT would refuse the entry too, but without the reason.
  if (posted.missing > 0) throw new Error(`an account of ${entry.currency} is missing`)
  return posted.id
}

/**
 * The id of the new entry, if one was made, and the number of lines without an account; if there are any, no entry is
 * made.
 */
async function insertEntry(
  tx: Transaction,
  { kind, source, currency, lines, description = '', postedAt }: NewEntry,
): Promise<{ readonly id: string | null; readonly missing: number }> {
  const [answer] = await tx.$queryRaw<[{ id: string | null; missing: number }]>`
    WITH line AS (
      SELECT l.*, a.id AS account_id
      FROM unnest(${postingIds(lines.length)}::uuid[], ${lines.map(({ account }) => account)}::text[],
          ${lines.map(({ amountMinor }) => amountMinor.toString())}::bigint[])
        WITH ORDINALITY AS l (id, code, amount_minor, position)
      LEFT JOIN ledger_accounts a ON a.code = l.code AND a.currency = ${currency}
    ), entry AS (
      INSERT INTO journal_entries (id, kind, source_type, source_id, description, posting_count, posted_at)
      SELECT ${newId()}::uuid, ${kind}::journal_entry_kind, ${source.type}, ${source.id}, ${description}, count(*),
        ${postedAt}::timestamptz
      FROM line HAVING count(*) = count(account_id)
      ON CONFLICT (tenant_id, kind, source_type, source_id) DO NOTHING
      RETURNING id, posted_at
    ), posting AS (
      INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
      SELECT line.id, entry.id, line.position - 1, line.account_id, ${currency}, line.amount_minor, entry.posted_at
      FROM entry, line
    )
    SELECT (SELECT id FROM entry) AS id, (SELECT count(*) - count(account_id) FROM line)::int AS missing`
  return answer
}

/** Ascending over all postings of the entry: an account's postings at one instant are ordered by their ids. */
function postingIds(count: number): string[] {
  return Array.from({ length: count }, newId)
}

/**
 * Posts the reversal of an entry, with every posting negated. Returns its id; null when there is no entry, or it is
 * reversed already.
 */
export async function reverseEntry(
  tx: Transaction,
  {
    kind,
    source,
    postedAt,
    description = '',
  }: Pick<NewEntry, 'kind' | 'source' | 'postedAt' | 'description'>,
): Promise<string | null> {
  const [reversal] = await tx.$queryRaw<{ id: string }[]>`
    WITH original AS (
      SELECT id, posting_count FROM journal_entries
      WHERE kind = ${kind}::journal_entry_kind AND source_type = ${source.type} AND source_id = ${source.id}
    ), entry AS (
      INSERT INTO journal_entries
        (id, kind, source_type, source_id, description, reverses_id, posting_count, posted_at)
      SELECT ${newId()}::uuid, 'REVERSAL', 'JournalEntry', original.id::text, ${description}, original.id,
        original.posting_count, ${postedAt}
      FROM original
      ON CONFLICT DO NOTHING
      RETURNING id, reverses_id, posted_at
    ), posting AS (
      INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
      SELECT fresh.id, entry.id, p.position, p.account_id, p.currency, -p.amount_minor, entry.posted_at
      FROM entry JOIN postings p ON p.entry_id = entry.reverses_id
      JOIN unnest(${postingIds(ENTRY_POSTINGS_MAX)}::uuid[]) WITH ORDINALITY AS fresh (id, number)
        ON fresh.number = p.position + 1
    )
    SELECT id FROM entry`
  return reversal?.id ?? null
}

function checkBalance(lines: readonly EntryLine[]): void {
  const sum = lines.reduce((total, { amountMinor }) => total + amountMinor, 0n)
  if (lines.length < 2 || sum !== 0n || lines.some(({ amountMinor }) => amountMinor === 0n)) {
    throw new Error(`LEDGER_UNBALANCED: ${lines.length} lines that come to ${sum}`)
  }
}
