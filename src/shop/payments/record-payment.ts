// Records money that was received by hand for an order: cash, a bank transfer. One transaction, since no provider is
// called.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { omittable } from '../../commands/input-rules.ts'
import { type Done, done, type Reason, type Refused, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import { lockOrder, recordedTogether } from '../orders/order-money.ts'
import { outstandingMinor } from '../orders/order-sums.ts'
import { amountSchema } from './amount-input.ts'
import { isPast, manualSchema, noteSchema } from './manual.ts'
import { PAYABLE_ERRORS, payableRefusals, SOLD_MEANWHILE, withHold } from './payable.ts'
import { settlePayment } from './settle-payment.ts'

const schema = z.object({
  orderId: z.string(),
  amount: amountSchema,
  ...manualSchema,
  receivedAt: omittable(z.date()),
  note: noteSchema,
})

type Input = z.output<typeof schema>

export const paymentRecord = defineCommand({
  name: 'paymentRecord',
  permission: 'payments:take',
  errors: [...PAYABLE_ERRORS, 'IN_THE_FUTURE'],
  schema,
})

type RecordPaymentErrorCode = ErrorCodeOf<typeof paymentRecord>

/**
 * Books what is left to pay of an order, or `amount` of it, as received by hand. Needs payments:take, as a charge does:
 * a member who may take payments may also state that one was received, under their name.
 */
export async function recordPayment(
  caller: CommandContext,
  input: InputOf<typeof paymentRecord>,
): Promise<Executed<typeof paymentRecord>> {
  return await runCommand(caller, paymentRecord, input, (tx, value) => record(tx, caller, value))
}

async function record(
  tx: Transaction,
  caller: CommandContext,
  { orderId, amount, method, reference = null, receivedAt, note = null }: Input,
): Promise<Done | Refused<RecordPaymentErrorCode>> {
  const now = caller.clock()
  const order = await lockOrder(tx, orderId)
  if (order === null) return notFound('orderId', 'order')
  const errors: Reason<RecordPaymentErrorCode>[] = payableRefusals(order, amount ?? null)
  if (!isPast(receivedAt, now)) {
    errors.push({ field: ['receivedAt'], message: 'must not be in the future', code: 'IN_THE_FUTURE' })
  }
  if (errors.length > 0) return refused(errors)
  if ((await withHold(tx, order, now)) === null) return refused([SOLD_MEANWHILE])
  const id = newId()
  const { currency } = order
  const amountMinor = amount?.amountMinor ?? outstandingMinor(order)
  await tx.payment.create({
    data: {
      id,
      orderId,
      providerKind: 'MANUAL',
      amountMinor,
      currency,
      method,
      manualReference: reference,
      receivedAt: receivedAt ?? now,
      note,
      createdAt: now,
      updatedAt: now,
    },
  })
  const settled = await settlePayment(
    tx,
    id,
    { status: 'SUCCEEDED', reference: id, feeMinor: 0n },
    { now, endsAttempt: true },
  )
  const subject = { type: 'Payment', id }
  const made = { orderId, method, amountMinor: amountMinor.toString(), currency }
  const recorded = { audit: [auditOf(subject, null, made)], events: [] }
  const { audit, events } = recordedTogether(recorded, settled)
  return done(id, audit, events)
}
