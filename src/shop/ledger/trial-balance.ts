// The trial balance: the debits and credits of each account at an instant, and whether their sums are equal.
import type { Money } from '../../core/money.ts'
import type { TenantClient } from '../../db/database.ts'

type Sides = { readonly debit: Money; readonly credit: Money }

/** `balance` is debits less credits. */
export type TrialBalanceRow = Sides & { readonly accountId: string; readonly balance: Money }

export type TrialBalanceTotal = Sides & { readonly currency: string }

export type TrialBalance = {
  readonly asOf: Date
  /** One for each account, also without postings, by currency and code. */
  readonly rows: readonly TrialBalanceRow[]
  /** One for each currency. */
  readonly totals: readonly TrialBalanceTotal[]
  /** In each currency debits equal credits. */
  readonly balanced: boolean
}

/** Sums all postings up to that instant, inclusive, by one statement, so that it sees one state of the books. */
export async function trialBalance(db: TenantClient, asOf: Date): Promise<TrialBalance> {
  const found = await db.$queryRaw<{ id: string; currency: string; debit: string; credit: string }[]>`
    SELECT a.id, a.currency, coalesce(p.debit, 0)::text AS debit, coalesce(p.credit, 0)::text AS credit
    FROM ledger_accounts a LEFT JOIN (
      SELECT account_id, sum(amount_minor) FILTER (WHERE amount_minor > 0) AS debit,
        -sum(amount_minor) FILTER (WHERE amount_minor < 0) AS credit
      FROM postings WHERE posted_at <= ${asOf}::timestamptz GROUP BY account_id
    ) p ON p.account_id = a.id
    ORDER BY a.currency, a.code`
  const rows = found.map(({ id, currency, debit, credit }) => {
    const money = (amountMinor: bigint): Money => ({ amountMinor, currency })
    const [debitMinor, creditMinor] = [BigInt(debit), BigInt(credit)]
    const balance = money(debitMinor - creditMinor)
    return { accountId: id, debit: money(debitMinor), credit: money(creditMinor), balance }
  })
  const totals = [...Map.groupBy(rows, ({ balance }) => balance.currency)].map(([currency, ofCurrency]) => ({
    currency,
    debit: sumOf(ofCurrency, currency, 'debit'),
    credit: sumOf(ofCurrency, currency, 'credit'),
  }))
  const balanced = totals.every(({ debit, credit }) => debit.amountMinor === credit.amountMinor)
  return { asOf, rows, totals, balanced }
}

function sumOf(rows: readonly Sides[], currency: string, side: keyof Sides): Money {
  return { amountMinor: rows.reduce((sum, row) => sum + row[side].amountMinor, 0n), currency }
}
