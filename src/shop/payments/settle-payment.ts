// The only transition of a payment. The answer to a call, an event and the reconciling job all end here; it books the
// payment, its order and the ledger together.
import { auditOf, currencyOf } from '../../commands/edit.ts'
import type { Transaction } from '../../db/database.ts'
import { manyRowsOf } from '../../db/reader/any-model.ts'
import type { Payment } from '../../generated/prisma/client.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { feeLines, saleLines } from '../ledger/entry-lines.ts'
import { postEntry } from '../ledger/post-entry.ts'
import {
  lockOrder,
  moveMoney,
  NOTHING_RECORDED,
  type Recorded,
  recordedTogether,
} from '../orders/order-money.ts'
import { isCash } from './manual.ts'
import { changeOf, isSettled, type PaymentChange } from './payment.ts'
import type { ChargeVerdict } from './provider.ts'

/** The job that fetches the provider's fee of a payment. */
export const FEE_TASK = 'payment.fee'
/** With growing delays this takes days, for a figure that a provider has within minutes. */
export const FEE_ATTEMPTS_MAX = 25

/**
 * Locks the order, then the payment, and moves the payment by the verdict; a second call finds it done. `endsAttempt`:
 * the verdict answers the payment's current attempt. Throws a plain Error for a missing payment, and for a charge that
 * succeeded after it failed.
 */
export async function settlePayment(
  tx: Transaction,
  paymentId: string,
  verdict: ChargeVerdict,
  { now, endsAttempt }: { readonly now: Date; readonly endsAttempt: boolean },
): Promise<Recorded> {
  const { orderId } = await tx.payment.findFirstOrThrow({
    where: { id: paymentId },
    select: { orderId: true },
  })
  const order = await lockOrder(tx, orderId)
  if (order === null) throw new Error(`payment ${paymentId} has no order`)
  const payment = await lockPayment(tx, paymentId)
  const change = changeOf(payment, verdict, now)
  if (change === null) return NOTHING_RECORDED
  const version = payment.version + 1
  await tx.payment.updateMany({
    where: { id: paymentId },
    data: { ...change, ...(endsAttempt && { attemptExpiresAt: null }), version, updatedAt: now },
  })
  await post(tx, payment, change, now)
  const moved =
    isSettled(change.status) && !isSettled(payment.status)
      ? await moveMoney(
          tx,
          order,
          { ...(change.status === 'SUCCEEDED' && { paidMinor: payment.amountMinor }), isInFlight: false },
          { now, releases: change.status === 'FAILED' },
        )
      : NOTHING_RECORDED
  return recordedTogether(recordOf(payment, change, version), moved)
}

/** Locks the payment's row until the transaction ends and returns it. Lock its order first. */
export async function lockPayment(tx: Transaction, id: string): Promise<Payment> {
  const payment = await manyRowsOf(tx, 'Payment').lockRow<Payment>(id)
  if (payment === null) throw new Error(`there is no payment ${id}`)
  return payment
}

async function post(tx: Transaction, payment: Payment, change: PaymentChange, now: Date): Promise<void> {
  const { id, amountMinor, currency, providerKind } = payment
  const source = { type: 'Payment', id }
  if (change.status !== 'SUCCEEDED') return
  if (payment.status !== 'SUCCEEDED') {
    const lines = saleLines({
      amountMinor,
      byHand: providerKind === 'MANUAL',
      inCash: isCash(payment.method),
    })
    await postEntry(tx, { kind: 'SALE', source, currency, lines, postedAt: now })
  }
  if (change.feeMinor == null) {
    // An event does not report the fee, so a job asks for it.
    await enqueue(tx, {
      task: FEE_TASK,
      payload: { paymentId: id },
      key: `${FEE_TASK}:${id}`,
      attemptsMax: FEE_ATTEMPTS_MAX,
    })
  } else if (change.feeMinor > 0n) {
    await postEntry(tx, {
      kind: 'FEE',
      source,
      currency,
      lines: feeLines(change.feeMinor),
      postedAt: now,
    })
  }
}

function recordOf(payment: Payment, change: PaymentChange, version: number): Recorded {
  if (change.status === payment.status && change.feeMinor === undefined) return NOTHING_RECORDED
  const subject = { type: 'Payment', id: payment.id }
  const { failureCode = null, feeMinor = null } = change
  const money = feeMinor === null ? {} : currencyOf(payment)
  return {
    audit: [
      auditOf(
        subject,
        { status: payment.status, ...money },
        {
          status: change.status,
          ...(failureCode !== null && { failureCode }),
          ...(feeMinor !== null && { feeMinor: feeMinor.toString() }),
          ...money,
        },
      ),
    ],
    events:
      change.status === payment.status
        ? []
        : [{ type: `payment.${change.status.toLowerCase()}`, subject, payload: { version } }],
  }
}
