// What a provider's event does: whose it is, whether it fits what was asked, and the transition that it then brings about.
// Reading and keeping events is receive-event.ts's.
import type { Transaction } from '../../db/database.ts'
import type { Payment, PaymentProvider } from '../../generated/prisma/client.ts'
import { accountBalance } from '../ledger/balances.ts'
import { postEntry, reverseEntry } from '../ledger/post-entry.ts'
import { ACCOUNT_CODES, payoutLines } from '../ledger/posting.ts'
import { NOTHING_RECORDED, type Recorded } from '../orders/order-money.ts'
import { Disagreement } from './disagreement.ts'
import type {
  ChargeNotice,
  ChargeVerdict,
  DisputeNotice,
  EventSubject,
  PayoutNotice,
  RefundNotice,
  RefundVerdict,
} from './provider.ts'
import { recordDispute } from './record-dispute.ts'
import { recordProviderRefund } from './record-provider-refund.ts'
import { settlePayment } from './settle-payment.ts'
import { settleRefund } from './settle-refund.ts'
import { toldCharge, toldRefund } from './told-verdict.ts'

/** The account whose secret an event was signed with. */
export type EventOrigin = Pick<PaymentProvider, 'tenantId' | 'id' | 'kind' | 'accountReference' | 'createdAt'>

/**
 * Has the event's effect. Null: it is about nothing of ours, or another account's record is to tell it. Throws a
 * Disagreement for what does not fit what was asked; nothing is written then.
 */
export async function actOnEvent(
  tx: Transaction,
  subject: EventSubject,
  origin: EventOrigin,
  now: Date,
): Promise<Recorded | null> {
  switch (subject.kind) {
    case 'CHARGE':
      return await actOnCharge(tx, subject.charge, toldCharge(subject.verdict), origin, now)
    case 'REFUND':
      return await actOnRefund(tx, subject.refund, toldRefund(subject.verdict), origin, now)
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
  if (paymentId === null || isOthers(charge, origin)) return null
  const payment = await tx.payment.findFirst({ where: { id: paymentId } })
  if (payment === null) return missing(charge, 'PAYMENT_MISSING')
  if (!(await speaksFor(tx, origin, payment))) return null
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
  if (isOthers(notice, origin)) return null
  if (refundId === null) return await actOnOthersRefund(tx, notice, verdict, origin, now)
  const refund = await tx.refund.findFirst({ where: { id: refundId }, include: { payment: true } })
  if (refund === null) return missing(notice, 'REFUND_MISSING')
  if (!(await speaksFor(tx, origin, refund.payment))) return null
  checkSums(notice, refund)
  checkReference(notice.chargeReference, refund.payment.providerReference, 'CHARGE_DIFFERS')
  checkReference(notice.reference, refund.providerReference, 'REFUND_DIFFERS')
  return await settleRefund(tx, refundId, verdict, { now, endsAttempt: false })
}

/** Made at the provider, and not by us: known by the charge that it gives back. */
async function actOnOthersRefund(
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

/** A dispute is the bank's, and never names anything of ours: known by its charge. */
async function actOnDispute(
  tx: Transaction,
  notice: DisputeNotice,
  origin: EventOrigin,
  now: Date,
): Promise<Recorded | null> {
  const payment = await paymentOfCharge(tx, notice.chargeReference, origin)
  return payment === null ? null : await recordDispute(tx, payment, notice, now)
}

/** The payment of a charge at the account; null where this shop has none, or another record of the account is to tell. */
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
  return payment !== null && (await speaksFor(tx, origin, payment)) ? payment : null
}

type Sums = Pick<Payment, 'amountMinor' | 'currency'>

/** Several tenants may use one account, and a restored one uses that of the tenant it was made from. */
function isOthers({ tenantId }: { readonly tenantId: string | null }, origin: EventOrigin): boolean {
  return tenantId !== null && tenantId !== origin.tenantId
}

/** A row is committed before its provider is asked: what names this tenant and is not here was lost. */
function missing(
  { tenantId }: { readonly tenantId: string | null },
  code: 'PAYMENT_MISSING' | 'REFUND_MISSING',
): null {
  if (tenantId === null) return null
  throw new Disagreement(code)
}

/**
 * Does this account's word count for a payment? Its own payments', and those taken with an earlier key of the same account at
 * the provider. The other way round the newer record is told the same event; an earlier record's secret may be out.
 */
async function speaksFor(tx: Transaction, origin: EventOrigin, { providerId }: Payment): Promise<boolean> {
  if (providerId === origin.id) return true
  const taker = providerId === null ? null : await tx.paymentProvider.findFirst({ where: { id: providerId } })
  if (taker?.kind !== origin.kind || taker.accountReference !== origin.accountReference) {
    throw new Disagreement('OTHER_ACCOUNT')
  }
  return taker.createdAt < origin.createdAt
}

function checkSums(told: Sums, asked: Sums): void {
  if (told.currency !== asked.currency) throw new Disagreement('CURRENCY_DIFFERS')
  if (told.amountMinor !== asked.amountMinor) throw new Disagreement('AMOUNT_DIFFERS')
}

function checkReference(
  told: string | null,
  known: string | null,
  code: 'CHARGE_DIFFERS' | 'REFUND_DIFFERS',
): void {
  if (told !== null && known !== null && told !== known) throw new Disagreement(code)
}

/**
 * A payout that failed is booked and reversed, whichever of its two events comes first: the books end alike. It names nothing
 * that we asked for, so all that bounds it is what the books have with the provider. One payout at a time: two could pass the
 * bound together.
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
