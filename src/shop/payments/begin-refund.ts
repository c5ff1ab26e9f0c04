// Begins a refund: what is asked for is set aside under the order's and the payment's lock first, so that rivals never give
// back more than was taken. Who moves the money is the use cases'.
import { auditOf, notFound } from '../../commands/edit.ts'
import {
  type AuditRecord,
  type Done,
  done,
  type Reason,
  type Refused,
  refused,
} from '../../commands/outcome.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import type { Order, Payment } from '../../generated/prisma/client.ts'
import { lockOrder, moveMoney, type Recorded, recordedTogether } from '../orders/order-money.ts'
import { reductionMinor } from '../orders/order-sums.ts'
import type { AskedAmount } from './amount-input.ts'
import { attemptEnd } from './attempt.ts'
import { lockPayment } from './settle-payment.ts'
import { settleRefund } from './settle-refund.ts'

export const REFUNDABLE_ERRORS = [
  'NOT_FOUND',
  'WRONG_STATUS',
  'AMOUNT_TOO_LARGE',
  'CURRENCY_MISMATCH',
] as const
export type RefundableErrorCode = (typeof REFUNDABLE_ERRORS)[number]

/** What may be given back: both rows are locked. */
export type Refundable = { readonly order: Order; readonly payment: Payment; readonly amountMinor: bigint }

/** Locks order and payment; answers how much of it is given back, all that is left by default. */
export async function findRefundable(
  tx: Transaction,
  paymentId: string,
  amount: AskedAmount | null,
): Promise<Refundable | Refused<RefundableErrorCode>> {
  const found = await tx.payment.findFirst({ where: { id: paymentId }, select: { orderId: true } })
  if (found === null) return notFound('paymentId', 'payment')
  const order = await lockOrder(tx, found.orderId)
  if (order === null) throw new Error(`payment ${paymentId} has no order`)
  const payment = await lockPayment(tx, paymentId)
  const leftMinor = refundableMinor(payment)
  const errors = refusalsOf(payment, amount, leftMinor)
  if (errors.length > 0) return refused(errors)
  return { order, payment, amountMinor: amount?.amountMinor ?? leftMinor }
}

/** What is left to give back of a payment. What the bank took back is with the buyer already. */
export function refundableMinor(payment: Payment): bigint {
  const { amountMinor, refundedMinor, refundPendingMinor, chargedBackMinor } = payment
  return amountMinor - refundedMinor - refundPendingMinor - chargedBackMinor
}

export type BegunRefund = { readonly id: string; readonly recorded: Recorded }

/** Writes the refund as PENDING, and sets its amount aside. */
export async function beginRefund(
  tx: Transaction,
  { order, payment, amountMinor }: Refundable,
  details: {
    readonly reason: string | null
    readonly manualMethod?: string
    readonly manualReference?: string | null
    readonly givenAt?: Date
    /** Of one that was made at the provider. */
    readonly providerReference?: string
  },
  now: Date,
): Promise<BegunRefund> {
  const id = newId()
  const { id: paymentId, currency } = payment
  const reducesMinor = reductionMinor(order, amountMinor)
  await tx.payment.updateMany({
    where: { id: paymentId },
    data: { refundPendingMinor: payment.refundPendingMinor + amountMinor },
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
  const sums = { refundPendingMinor: amountMinor, reducedMinor: reducesMinor }
  const moved = await moveMoney(tx, order, sums, { now })
  const subject = { type: 'Refund', id }
  const made = {
    status: 'PENDING',
    paymentId,
    amountMinor: amountMinor.toString(),
    currency,
    ...(details.providerReference !== undefined && { madeAtProvider: true }),
  }
  const begun = {
    audit: [auditOf(subject, null, made), setAside(payment, amountMinor)],
    events: [{ type: 'refund.pending', subject, payload: { version: 1 } }],
  }
  return { id, recorded: recordedTogether(begun, moved) }
}

/** What a refund that begins changes of its payment: who took the payment must not be shown it as their own any more. */
function setAside({ id, refundPendingMinor }: Payment, amountMinor: bigint): AuditRecord {
  return auditOf(
    { type: 'Payment', id },
    { refundPendingMinor: refundPendingMinor.toString() },
    { refundPendingMinor: (refundPendingMinor + amountMinor).toString() },
  )
}

/** Ends it in the same transaction: what was received by hand is given back by hand, and nobody has to be asked. */
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
    return [refusal('paymentId', `the payment is ${status}: there is nothing to give back`, 'WRONG_STATUS')]
  }
  if (amount !== null && amount.currency !== currency) {
    return [refusal('amount', `the payment is in ${currency}, not ${amount.currency}`, 'CURRENCY_MISMATCH')]
  }
  if (leftMinor <= 0n) {
    return [refusal('paymentId', 'all of it was given back, or is being given back', 'AMOUNT_TOO_LARGE')]
  }
  if (amount !== null && amount.amountMinor > leftMinor) {
    return [refusal('amount', `only ${leftMinor} minor units are left to give back`, 'AMOUNT_TOO_LARGE')]
  }
  return []
}

const NOT_AS_IT_STANDS: Readonly<Partial<Record<RefundableErrorCode, string>>> = {
  CURRENCY_MISMATCH: 'the payment is in another currency',
  AMOUNT_TOO_LARGE: 'less than that is left to give back',
}

/** `detail` tells of the payment: to who may read payments. */
function refusal(field: string, detail: string, code: RefundableErrorCode): Reason<RefundableErrorCode> {
  const message = NOT_AS_IT_STANDS[code] ?? 'the payment cannot be given back as it stands'
  return { field: [field], message, code, detail: { message: detail, needs: ['payments:read'] } }
}
