// The money of a demo shop: payments, refunds, and their entries in the ledger. All are recorded by hand, since no
// provider knows them.
import { ACCOUNT_CODES, type AccountCode } from '../ledger/chart-of-accounts.ts'
import { type EntryLine, refundLines, saleLines } from '../ledger/entry-lines.ts'
import { demoId } from './demo-id.ts'
import type { DemoOrder } from './orders.ts'
import { SIGNED_UP_MS } from './period.ts'
import { type Random, randomFrom } from './random.ts'
import type { JournalEntryRow, LedgerAccountId, PaymentRow, PostingRow, RefundRow } from './rows.ts'
import type { Shop } from './shop.ts'

export interface DemoMoney {
  accounts: LedgerAccountId[]
  payments: PaymentRow[]
  refunds: RefundRow[]
  entries: JournalEntryRow[]
  postings: PostingRow[]
}

/** Their ids are drawn first, so that an added account does not change these ids. */
const FIRST_CODES: readonly AccountCode[] = ['1010', '1020', '4010', '4020', '5010']

function accountsOf(shop: Shop, random: Random): LedgerAccountId[] {
  const first = FIRST_CODES.map((code) => ({ code, id: demoId(SIGNED_UP_MS, random) }))
  const added = Object.values(ACCOUNT_CODES)
    .filter((code) => !FIRST_CODES.includes(code))
    .map((code) => ({ code, id: demoId(SIGNED_UP_MS, randomFrom(`${shop.slug}/accounts/${code}`)) }))
  return [...first, ...added].sort((one, other) => one.code.localeCompare(other.code))
}

/** Payments, refunds, entries and postings of all orders, in order of the orders. */
export function demoMoney(shop: Shop, orders: readonly DemoOrder[]): DemoMoney {
  const random = randomFrom(`${shop.slug}/money`)
  const accounts = accountsOf(shop, random)
  const money: DemoMoney = { accounts, payments: [], refunds: [], entries: [], postings: [] }
  for (const { row, paidAtMs, refundedAtMs } of orders) {
    if (paidAtMs === null) continue
    const payment = paymentOf(row, paidAtMs, refundedAtMs, random)
    money.payments.push(payment)
    post(money, 'SALE', { type: 'Payment', row: payment }, random)
    if (refundedAtMs === null) continue
    const refund = refundOf(payment, refundedAtMs, random)
    money.refunds.push(refund)
    post(money, 'REFUND', { type: 'Refund', row: refund }, random)
  }
  return money
}

function paymentOf(
  { id: orderId, totalMinor, refundedMinor, currency }: DemoOrder['row'],
  paidAtMs: number,
  refundedAtMs: number | null,
  random: Random,
): PaymentRow {
  return {
    id: demoId(paidAtMs, random),
    orderId,
    providerKind: 'MANUAL',
    status: 'SUCCEEDED',
    amountMinor: totalMinor,
    currency,
    refundedMinor,
    feeMinor: 0n,
    method: 'manual',
    attempts: 0,
    refundPendingMinor: 0n,
    version: refundedAtMs === null ? 1 : 2,
    createdAt: new Date(paidAtMs),
    updatedAt: new Date(refundedAtMs ?? paidAtMs),
    settledAt: new Date(paidAtMs),
  }
}

function refundOf(
  { id: paymentId, refundedMinor, currency }: PaymentRow,
  refundedAtMs: number,
  random: Random,
): RefundRow {
  const at = new Date(refundedAtMs)
  return {
    id: demoId(refundedAtMs, random),
    paymentId,
    status: 'SUCCEEDED',
    amountMinor: refundedMinor,
    reducesMinor: refundedMinor,
    currency,
    attempts: 0,
    version: 1,
    createdAt: at,
    updatedAt: at,
    settledAt: at,
  }
}

function post(
  { accounts, entries, postings }: DemoMoney,
  kind: JournalEntryRow['kind'],
  source: { readonly type: string; readonly row: PaymentRow | RefundRow },
  random: Random,
): void {
  const { id: sourceId, amountMinor, currency, settledAt: postedAt } = source.row
  const linesOf = kind === 'SALE' ? saleLines : refundLines
  const lines: EntryLine[] = linesOf({ amountMinor, byHand: true })
  const id = demoId(postedAt.getTime(), random)
  entries.push({ id, kind, sourceType: source.type, sourceId, postingCount: lines.length, postedAt })
  for (const [position, line] of lines.entries()) {
    postings.push({
      id: demoId(postedAt.getTime(), random),
      entryId: id,
      position,
      accountId: accounts.find(({ code }) => code === line.account)?.id ?? '',
      currency,
      amountMinor: line.amountMinor,
      postedAt,
    })
  }
}
