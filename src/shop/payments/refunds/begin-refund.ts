// Begins a refund: sets its amount aside under the locks of order and payment, so that concurrent refunds never return
// more than was taken. The use cases move the money.
import { auditOf, notFound } from '../../../commands/edit.ts'
import {
  type AuditRecord,
  type Done,
  done,
  type JsonObject,
  type Reason,
  type Refused,
  refused,
} from '../../../commands/outcome.ts'
import { newId } from '../../../core/ids.ts'
import { formatMoney, moneyParams } from '../../../core/money.ts'
import type { Transaction } from '../../../db/database.ts'
import type { Order, Payment, RefundReason } from '../../../generated/prisma/client.ts'
import { lockOrder, moveMoney, type Recorded, recordedTogether } from '../../orders/order-money.ts'
import { reductionMinor } from '../../orders/order-sums.ts'
import {
  type AskedRefundLine,
  priceRefundLines,
  REFUND_LINE_ERRORS,
  setAsideRefundLines,
} from '../../orders/refund-lines.ts'
import type { AskedAmount } from '../amount-input.ts'
import { attemptEnd } from '../attempt.ts'
import { lockPayment } from '../settle-payment.ts'
import { settleRefund } from './settle-refund.ts'

export const REFUNDABLE_ERRORS = [...REFUND_LINE_ERRORS, 'AMOUNT_TOO_LARGE', 'CURRENCY_MISMATCH'] as const
export type RefundableErrorCode = (typeof REFUNDABLE_ERRORS)[number]

/** What may be refunded; both rows are locked. */
export type Refundable = { readonly order: Order; readonly payment: Payment; readonly amountMinor: bigint }

/** What a refund is asked for: pieces, an amount of them, an amount alone, or all that is left. */
export type AskedRefund = {
  readonly amount: AskedAmount | null
  readonly lines: readonly AskedRefundLine[]
}

/**
 * Locks order and payment, and returns the amount to refund. Default: the price of the lines; without lines all that is
 * left. With lines the amount is at most their price.
 */
export async function findRefundable(
  tx: Transaction,
  paymentId: string,
  { amount, lines }: AskedRefund,
): Promise<Refundable | Refused<RefundableErrorCode>> {
  const found = await tx.payment.findFirst({ where: { id: paymentId }, select: { orderId: true } })
  if (found === null) return notFound('paymentId', 'payment')
  const order = await lockOrder(tx, found.orderId)
  if (order === null) throw new Error(`payment ${paymentId} has no order`)
  const payment = await lockPayment(tx, paymentId)
  const leftMinor = refundableMinor(payment)
  if (lines.length === 0) {
    const errors = refusalsOf(payment, amount, leftMinor)
    if (errors.length > 0) return refused(errors)
    return { order, payment, amountMinor: amount?.amountMinor ?? leftMinor }
  }
  const { priceMinor, refusals } = await priceRefundLines(tx, order, lines)
  const asked = amount ?? { amountMinor: priceMinor, currency: order.currency }
  // The price of lines that are refused says nothing about the payment.
  const judged = refusals.length === 0 ? asked : amount
  const errors = [...refusalsOf(payment, judged, leftMinor), ...refusals]
  if (errors.length === 0) errors.push(...priceRefusals(asked, priceMinor))
  if (errors.length > 0) return refused(errors)
  return { order, payment, amountMinor: asked.amountMinor }
}

function priceRefusals(
  { amountMinor, currency }: AskedAmount,
  priceMinor: bigint,
): Reason<RefundableErrorCode>[] {
  if (priceMinor === 0n) return [refusal('lines', 'these pieces cost nothing', 'WRONG_STATUS')]
  if (amountMinor <= priceMinor) return []
  const price = formatMoney({ amountMinor: priceMinor, currency })
  return [refusal('amount', `the lines cost only ${price}`, 'AMOUNT_TOO_LARGE')]
}

/** The refundable rest of a payment. The buyer already has what the bank charged back. */
export function refundableMinor(payment: Payment): bigint {
  const { amountMinor, refundedMinor, refundPendingMinor, chargedBackMinor } = payment
  return amountMinor - refundedMinor - refundPendingMinor - chargedBackMinor
}

export type BegunRefund = { readonly id: string; readonly recorded: Recorded }

/** Writes the refund as PENDING, and sets its amount aside. */
export async function beginRefund(
  tx: Transaction,
  { order, payment, amountMinor }: Refundable,
  {
    lines,
    ...details
  }: {
    readonly lines: readonly AskedRefundLine[]
    readonly reason: RefundReason | null
    readonly note: string | null
    readonly manualMethod?: string
    readonly manualReference?: string | null
    readonly givenAt?: Date
    /** Only for a refund that was made at the provider. */
    readonly providerReference?: string
  },
  now: Date,
): Promise<BegunRefund> {
  const id = newId()
  const { id: paymentId, currency } = payment
  const reducesMinor = reductionMinor(order, amountMinor)
  await tx.payment.updateMany({
    where: { id: paymentId },
    data: { refundPendingMinor: payment.refundPendingMinor + amountMinor, updatedAt: now },
  })
  await tx.refund.create({
    data: {
      id,
      paymentId,
      amountMinor,
      reducesMinor,
      currency,
      ...details,
      attempts: 1,
      attemptExpiresAt: attemptEnd(now),
      createdAt: now,
      updatedAt: now,
    },
  })
  await setAsideRefundLines(tx, id, lines)
  const sums = { refundPendingMinor: amountMinor, reducedMinor: reducesMinor }
  const moved = await moveMoney(tx, order, sums, { now })
  const subject = { type: 'Refund', id }
  const made = {
    status: 'PENDING',
    paymentId,
    amountMinor: amountMinor.toString(),
    currency,
    ...(details.reason !== null && { reason: details.reason }),
    ...(lines.length > 0 && {
      lines: lines.map(({ lineId: orderLineId, ...line }) => ({ orderLineId, ...line })),
    }),
    ...(details.providerReference !== undefined && { madeAtProvider: true }),
  }
  const begun = {
    audit: [auditOf(subject, null, made), setAside(payment, amountMinor)],
    events: [{ type: 'refund.pending', subject, payload: { version: 1 } }],
  }
  return { id, recorded: recordedTogether(begun, moved) }
}

/**
 * The payment's own audit record of the refund: it ends the right of the caller who took the payment to see it in a replay
 * (Begun.isOwn).
 */
function setAside({ id, refundPendingMinor, currency }: Payment, amountMinor: bigint): AuditRecord {
  return auditOf(
    { type: 'Payment', id },
    { refundPendingMinor: refundPendingMinor.toString(), currency },
    { refundPendingMinor: (refundPendingMinor + amountMinor).toString(), currency },
  )
}

/** Settles the refund in the same transaction: money received by hand is returned by hand, with no provider to call. */
export async function settledByHand(
  tx: Transaction,
  { id, recorded }: BegunRefund,
  now: Date,
): Promise<Done> {
  const settled = await settleRefund(
    tx,
    id,
    { status: 'SUCCEEDED', reference: id },
    { now, endsAttempt: true },
  )
  const { audit, events } = recordedTogether(recorded, settled)
  return done(id, audit, events)
}

function refusalsOf(
  { status, currency }: Payment,
  amount: AskedAmount | null,
  leftMinor: bigint,
): Reason<RefundableErrorCode>[] {
  if (status !== 'SUCCEEDED') {
    return [refusal('paymentId', `the payment is ${status}: there is nothing to refund`, 'WRONG_STATUS')]
  }
  if (amount !== null && amount.currency !== currency) {
    const message = `the payment is in ${currency}, not ${amount.currency}`
    return [refusal('amount', message, 'CURRENCY_MISMATCH', { currency })]
  }
  if (leftMinor <= 0n) {
    return [refusal('paymentId', 'all of it is refunded or being refunded', 'AMOUNT_TOO_LARGE')]
  }
  if (amount !== null && amount.amountMinor > leftMinor) {
    const left = { amountMinor: leftMinor, currency }
    const message = `only ${formatMoney(left)} is left to refund`
    return [refusal('amount', message, 'AMOUNT_TOO_LARGE', { max: moneyParams(left) })]
  }
  return []
}

const NOT_AS_IT_STANDS: Readonly<Partial<Record<RefundableErrorCode, string>>> = {
  CURRENCY_MISMATCH: 'the payment is in another currency',
  AMOUNT_TOO_LARGE: 'less than that is left to refund',
}

/** `detail` reveals the payment, so it is for callers who may read payments. */
function refusal(
  field: string,
  detail: string,
  code: RefundableErrorCode,
  params?: JsonObject,
): Reason<RefundableErrorCode> {
  const message = NOT_AS_IT_STANDS[code] ?? 'the payment cannot be refunded in its current state'
  return {
    field: [field],
    message,
    code,
    detail: { message: detail, ...(params && { params }), needs: ['payments:read'] },
  }
}
