// Writes journal entries: a business event once, and its reversal once. Knows no business event.
import { newId } from '../core/ids.ts'
import type { Transaction } from '../db/database.ts'
import type { JournalEntryKind } from '../generated/prisma/client.ts'
import type { EntryLine } from './posting.ts'

/** What an entry is about; with its kind, it is posted once. */
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

/**
 * Posts a balanced entry, minor units; answers its id, or null when its source has posted this kind already. Opens the
 * currency's accounts when there are none yet. Takes no lock beyond the entry's own. Throws LEDGER_UNBALANCED for lines
 * that do not come to zero.
 */
export async function postEntry(tx: Transaction, entry: NewEntry): Promise<string | null> {
  const { kind, source, currency, lines, description = '', postedAt } = entry
  checkBalance(lines)
  const id = newId()
  const opened = await openAccounts(tx, currency)
  const [posted] = await tx.$queryRaw<{ id: string; posting_count: bigint }[]>`
    WITH entry AS (
      INSERT INTO journal_entries (id, kind, source_type, source_id, description, posting_count, posted_at)
      VALUES (${id}::uuid, ${kind}::journal_entry_kind, ${source.type}, ${source.id}, ${description}, ${lines.length},
        ${postedAt})
      ON CONFLICT (tenant_id, kind, source_type, source_id) DO NOTHING
      RETURNING id, posted_at
    ), line AS (
      SELECT * FROM unnest(${lines.map(({ account }) => account)}::text[],
          ${lines.map(({ amountMinor }) => amountMinor.toString())}::bigint[])
        WITH ORDINALITY AS l (code, amount_minor, position)
    ), posting AS (
      INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
      SELECT gen_random_uuid(), entry.id, line.position - 1, a.id, a.currency, line.amount_minor, entry.posted_at
      FROM entry, line JOIN ledger_accounts a ON a.code = line.code AND a.currency = ${currency}
      RETURNING id
    )
    SELECT entry.id, (SELECT count(*) FROM posting) AS posting_count FROM entry`
  if (posted === undefined) return null
  // COMMIT would say so, too, but not which account.
  if (Number(posted.posting_count) !== lines.length) {
    throw new Error(`an account of ${currency} is missing (${opened} were opened)`)
  }
  return posted.id
}

/**
 * Posts the reversal of an entry: every posting negated. Answers its id; null when there is nothing to reverse, or it was
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
      SELECT gen_random_uuid(), entry.id, p.position, p.account_id, p.currency, -p.amount_minor, entry.posted_at
      FROM entry JOIN postings p ON p.entry_id = entry.reverses_id
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

/** Opens the chart of accounts in a currency that has none yet; answers how many accounts there are then. */
async function openAccounts(tx: Transaction, currency: string): Promise<number> {
  const count = await tx.ledgerAccount.count({ where: { currency } })
  if (count > 0) return count
  await tx.$executeRaw`SELECT app.open_accounts(app.tenant_id(), ${currency})`
  return await tx.ledgerAccount.count({ where: { currency } })
}
