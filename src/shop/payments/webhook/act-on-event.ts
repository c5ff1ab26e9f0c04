// Applies a provider's event: finds the payment, refund or dispute that it is about, checks that it fits, and makes the
// transition. receive-event.ts reads and stores events.
import type { Transaction } from '../../../db/database.ts'
import type { Payment, PaymentProvider } from '../../../generated/prisma/client.ts'
import { accountBalance } from '../../ledger/balances.ts'
import { ACCOUNT_CODES } from '../../ledger/chart-of-accounts.ts'
import { payoutLines } from '../../ledger/entry-lines.ts'
import { postEntry, reverseEntry } from '../../ledger/post-entry.ts'
import { NOTHING_RECORDED, type Recorded } from '../../orders/order-money.ts'
import { Disagreement } from '../disagreement.ts'
import type {
  ChargeNotice,
  ChargeVerdict,
  DisputeNotice,
  EventSubject,
  PayoutNotice,
  RefundNotice,
  RefundVerdict,
} from '../provider.ts'
import { recordDispute } from '../record-dispute.ts'
import { recordProviderRefund } from '../refunds/record-provider-refund.ts'
import { settleRefund } from '../refunds/settle-refund.ts'
import { settlePayment } from '../settle-payment.ts'
import { eventChargeVerdict, eventRefundVerdict } from './event-verdict.ts'

/** The account with whose secret an event was signed. */
export type EventOrigin = Pick<PaymentProvider, 'tenantId' | 'id' | 'kind' | 'accountReference' | 'createdAt'>

/**
 * Applies the event. Null: it concerns nothing of ours, or another record of the account handles it. Throws a
 * Disagreement for an event that does not fit what was asked; nothing is written then.
 */
export async function actOnEvent(
  tx: Transaction,
  subject: EventSubject,
  origin: EventOrigin,
  now: Date,
): Promise<Recorded | null> {
  switch (subject.kind) {
    case 'CHARGE':
      return await actOnCharge(tx, subject.charge, eventChargeVerdict(subject.verdict), origin, now)
    case 'REFUND':
      return await actOnRefund(tx, subject.refund, eventRefundVerdict(subject.verdict), origin, now)
    case 'PAYOUT':
      return await bookPayout(tx, subject.payout, now)
    case 'DISPUTE':
      return await actOnDispute(tx, subject.dispute, origin, now)
    case 'OTHER':
      return null
    case 'UNREADABLE':
      throw new Disagreement('UNREADABLE', subject.detail)
  }
}

async function actOnCharge(
  tx: Transaction,
  charge: ChargeNotice,
  verdict: ChargeVerdict,
  origin: EventOrigin,
  now: Date,
): Promise<Recorded | null> {
  const { paymentId } = charge
  if (paymentId === null || belongsToAnotherTenant(charge, origin)) return null
  const payment = await tx.payment.findFirst({ where: { id: paymentId } })
  if (payment === null) return missing(charge, 'PAYMENT_MISSING')
  if (!(await mayReportOn(tx, origin, payment))) return null
  checkSums(charge, payment)
  checkReference(charge.reference, payment.providerReference, 'CHARGE_DIFFERS')
  return await settlePayment(tx, paymentId, verdict, { now, endsAttempt: false })
}

async function actOnRefund(
  tx: Transaction,
  notice: RefundNotice,
  verdict: RefundVerdict,
  origin: EventOrigin,
  now: Date,
): Promise<Recorded | null> {
  const { refundId } = notice
  if (belongsToAnotherTenant(notice, origin)) return null
  if (refundId === null) return await actOnExternalRefund(tx, notice, verdict, origin, now)
  const refund = await tx.refund.findFirst({ where: { id: refundId }, include: { payment: true } })
  if (refund === null) return missing(notice, 'REFUND_MISSING')
  if (!(await mayReportOn(tx, origin, refund.payment))) return null
  checkSums(notice, refund)
  checkReference(notice.chargeReference, refund.payment.providerReference, 'CHARGE_DIFFERS')
  checkReference(notice.reference, refund.providerReference, 'REFUND_DIFFERS')
  return await settleRefund(tx, refundId, verdict, { now, endsAttempt: false })
}

/** A refund made at the provider, not by us: found by the charge that it refunds. */
async function actOnExternalRefund(
  tx: Transaction,
  notice: RefundNotice,
  verdict: RefundVerdict,
  origin: EventOrigin,
  now: Date,
): Promise<Recorded | null> {
  const payment = await paymentOfCharge(tx, notice.chargeReference, origin)
  if (payment === null) return null
  const { id: paymentId, orderId } = payment
  return await recordProviderRefund(tx, { paymentId, orderId }, notice, verdict, now)
}

/** A dispute is opened by the bank and names no id of ours: found by its charge. */
async function actOnDispute(
  tx: Transaction,
  notice: DisputeNotice,
  origin: EventOrigin,
  now: Date,
): Promise<Recorded | null> {
  const payment = await paymentOfCharge(tx, notice.chargeReference, origin)
  return payment === null ? null : await recordDispute(tx, payment, notice, now)
}

/**
 * The payment of a charge at the account; null where this shop has none, or another record of the account handles it.
 */
async function paymentOfCharge(
  tx: Transaction,
  chargeReference: string | null,
  origin: EventOrigin,
): Promise<Payment | null> {
  if (chargeReference === null) return null
  const { kind, accountReference } = origin
  const payment = await tx.payment.findFirst({
    where: { providerReference: chargeReference, provider: { kind, accountReference } },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
  })
  return payment !== null && (await mayReportOn(tx, origin, payment)) ? payment : null
}

type Sums = Pick<Payment, 'amountMinor' | 'currency'>

/**
 * Whether it names another tenant. Several tenants may use one account, and a restored tenant uses that of the
 * original.
 */
function belongsToAnotherTenant(
  { tenantId }: { readonly tenantId: string | null },
  origin: EventOrigin,
): boolean {
  return tenantId !== null && tenantId !== origin.tenantId
}

/** A row is committed before its provider is called, so an id that names this tenant and has no row was lost. */
function missing(
  { tenantId }: { readonly tenantId: string | null },
  code: 'PAYMENT_MISSING' | 'REFUND_MISSING',
): null {
  if (tenantId === null) return null
  throw new Disagreement(code)
}

/**
 * Whether an event from this account applies to a payment: to its own payments, and to those taken with an earlier key
 * of the same account at the provider. Not the other way round: the newer record receives the same event, and an
 * earlier record's secret may have leaked.
 */
async function mayReportOn(tx: Transaction, origin: EventOrigin, { providerId }: Payment): Promise<boolean> {
  if (providerId === origin.id) return true
  const taker = providerId === null ? null : await tx.paymentProvider.findFirst({ where: { id: providerId } })
  if (taker?.kind !== origin.kind || taker.accountReference !== origin.accountReference) {
    throw new Disagreement('OTHER_ACCOUNT')
  }
  return taker.createdAt < origin.createdAt
}

function checkSums(reported: Sums, asked: Sums): void {
  if (reported.currency !== asked.currency) throw new Disagreement('CURRENCY_DIFFERS')
  if (reported.amountMinor !== asked.amountMinor) throw new Disagreement('AMOUNT_DIFFERS')
}

function checkReference(
  reported: string | null,
  known: string | null,
  code: 'CHARGE_DIFFERS' | 'REFUND_DIFFERS',
): void {
  if (reported !== null && known !== null && reported !== known) throw new Disagreement(code)
}

/**
 * Books a failed payout and its reversal, so that the books end alike in either order of its two events. A payout names
 * nothing that we asked for, so its only bound is the provider's balance in the books. One payout at a time, since two
 * at once could both pass that bound.
 */
async function bookPayout(
  tx: Transaction,
  { reference, status, amountMinor, currency }: PayoutNotice,
  now: Date,
): Promise<Recorded> {
  const source = { type: 'Payout', id: reference }
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('payouts ' || app.tenant_id(), 0))`
  const isBooked = await tx.journalEntry.findFirst({
    where: { kind: 'PAYOUT', sourceType: source.type, sourceId: source.id },
    select: { id: true },
  })
  if (isBooked === null) {
    const account = { code: ACCOUNT_CODES.providerBalance, currency }
    if (amountMinor > (await accountBalance(tx, account))) throw new Disagreement('PAYOUT_TOO_LARGE')
    await postEntry(tx, { kind: 'PAYOUT', source, currency, lines: payoutLines(amountMinor), postedAt: now })
  }
  if (status === 'FAILED') await reverseEntry(tx, { kind: 'PAYOUT', source, postedAt: now })
  return NOTHING_RECORDED
}
