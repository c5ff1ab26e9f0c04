// Gives a payment back, or a part of it: begun, asked and settled in phases, like the payment itself. What is asked for
// is set aside under the payment's lock first, so that rivals never give back more than was taken.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { auditOf, notFound } from '../commands/edit.ts'
import { type Done, done, type Reason, type Refused, refused } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { newId } from '../core/ids.ts'
import type { Transaction } from '../db/database.ts'
import type { Payment } from '../generated/prisma/client.ts'
import { lockOrder, moveMoney, recordedTogether } from '../orders/order-money.ts'
import { reductionMinor } from '../orders/order-sums.ts'
import { type AskedAmount, amountSchema } from './amount-input.ts'
import { attemptEnd, finish } from './attempt.ts'
import { refundAttempt } from './attempt-refund.ts'
import { failureOf, REFUND_FAILURES } from './payment.ts'
import { isConnected } from './provider-record.ts'
import { enqueueReconcile, RECONCILE_REFUND_TASK } from './reconcile.ts'
import type { PaymentServices } from './services.ts'
import { lockPayment } from './settle-payment.ts'
import { settleRefund } from './settle-refund.ts'

const REASON_LENGTH_MAX = 500

const schema = z.object({
  paymentId: z.string(),
  amount: amountSchema,
  reason: z.string().trim().max(REASON_LENGTH_MAX, `at most ${REASON_LENGTH_MAX} characters`).nullish(),
})

type Input = z.output<typeof schema>

export const CREATE_REFUND_ERRORS = [
  'NOT_FOUND',
  'WRONG_STATUS',
  'AMOUNT_TOO_LARGE',
  'CURRENCY_MISMATCH',
  'PROVIDER_NOT_CONNECTED',
  ...REFUND_FAILURES,
] as const
export type CreateRefundErrorCode = (typeof CREATE_REFUND_ERRORS)[number]

/**
 * Gives back what is left of a payment, or `amount` of it. The refund may still be PENDING or UNKNOWN when this
 * resolves. User errors: INVALID, those of CREATE_REFUND_ERRORS, and IDEMPOTENCY_KEY_IN_USE while the same call is with
 * the provider.
 */
export async function createRefund(
  caller: Caller,
  services: PaymentServices,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<CreateRefundErrorCode>> {
  const command = {
    name: 'refundCreate',
    permission: 'payments:refund',
    input,
    schema,
    idempotencyKey,
  } as const
  const begun = await runCommand(caller, command, (tx, value) => begin(tx, caller, value))
  if (begun.id === null) return begun
  return await finish(caller, services, refundAttempt, { ...begun, id: begun.id }, (refund, mayRead) =>
    failureOf(refund, 'paymentId', REFUND_FAILURES, mayRead),
  )
}

async function begin(
  tx: Transaction,
  caller: Caller,
  { paymentId, amount, reason }: Input,
): Promise<Done | Refused<CreateRefundErrorCode>> {
  const now = caller.clock()
  const found = await tx.payment.findFirst({ where: { id: paymentId }, select: { orderId: true } })
  if (found === null) return notFound('paymentId', 'payment')
  const order = await lockOrder(tx, found.orderId)
  if (order === null) throw new Error(`payment ${paymentId} has no order`)
  const payment = await lockPayment(tx, paymentId)
  const leftMinor = payment.amountMinor - payment.refundedMinor - payment.refundPendingMinor
  const errors = refusalsOf(payment, amount ?? null, leftMinor)
  if (errors.length > 0) return refused(errors)
  if (payment.providerId !== null && !(await isConnected(tx, payment.providerId))) {
    const message = 'the account that took this payment is not connected here: connect it first'
    return refused([refusal('paymentId', message, 'PROVIDER_NOT_CONNECTED')])
  }
  const id = newId()
  const amountMinor = amount?.amountMinor ?? leftMinor
  const reducesMinor = reductionMinor(order, amountMinor)
  const { currency, providerKind } = payment
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
      reason: reason ?? null,
      attempts: 1,
      attemptExpiresAt: attemptEnd(now),
      createdAt: now,
      updatedAt: now,
    },
  })
  const moved = await moveMoney(
    tx,
    order,
    { refundPendingMinor: amountMinor, reducedMinor: reducesMinor },
    { now },
  )
  const subject = { type: 'Refund', id }
  const begun = recordedTogether(
    {
      audit: [
        auditOf(subject, null, {
          status: 'PENDING',
          paymentId,
          amountMinor: amountMinor.toString(),
          currency,
        }),
      ],
      events: [{ type: 'refund.pending', subject, payload: { version: 1 } }],
    },
    moved,
  )
  // What was received by hand is given back by hand: nobody has to be asked.
  const settled =
    providerKind === 'MANUAL'
      ? await settleRefund(tx, id, { status: 'SUCCEEDED', reference: id }, { now, endsAttempt: true })
      : null
  if (settled === null) await enqueueReconcile(tx, RECONCILE_REFUND_TASK, id, attemptEnd(now))
  const { audit, events } = settled === null ? begun : recordedTogether(begun, settled)
  return done(id, audit, events)
}

function refusalsOf(
  { status, currency }: Payment,
  amount: AskedAmount | null,
  leftMinor: bigint,
): Reason<CreateRefundErrorCode>[] {
  if (status !== 'SUCCEEDED') {
    return [refusal('paymentId', `the payment is ${status}: there is nothing to give back`, 'WRONG_STATUS')]
  }
  if (amount !== null && amount.currency !== currency) {
    return [refusal('amount', `the payment is in ${currency}, not ${amount.currency}`, 'CURRENCY_MISMATCH')]
  }
  if (leftMinor === 0n) {
    return [refusal('paymentId', 'all of it was given back, or is being given back', 'AMOUNT_TOO_LARGE')]
  }
  if (amount !== null && amount.amountMinor > leftMinor) {
    return [refusal('amount', `only ${leftMinor} minor units are left to give back`, 'AMOUNT_TOO_LARGE')]
  }
  return []
}

const NOT_AS_IT_STANDS: Readonly<Partial<Record<CreateRefundErrorCode, string>>> = {
  CURRENCY_MISMATCH: 'the payment is in another currency',
  AMOUNT_TOO_LARGE: 'less than that is left to give back',
}

/** `detail` tells of the payment: to who may read payments. */
function refusal(field: string, detail: string, code: CreateRefundErrorCode): Reason<CreateRefundErrorCode> {
  const message = NOT_AS_IT_STANDS[code] ?? 'the payment cannot be given back as it stands'
  return { field: [field], message, code, detail: { message: detail, needs: ['payments:read'] } }
}
