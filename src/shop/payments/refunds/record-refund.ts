// Records a refund made by hand, of a payment that was received by hand. A payment through a provider is refunded only
// by the provider (create-refund.ts): to the card that paid, so that its books and ours agree.
import { z } from 'zod'
import type { CommandContext } from '../../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../../commands/command.ts'
import type { Executed } from '../../../commands/executed.ts'
import { omittable } from '../../../commands/input-rules.ts'
import { type Done, type Reason, type Refused, refused } from '../../../commands/outcome.ts'
import { runCommand } from '../../../commands/run-command.ts'
import type { Transaction } from '../../../db/database.ts'
import { amountSchema } from '../amount-input.ts'
import { isPast, manualSchema } from '../manual.ts'
import { beginRefund, findRefundable, REFUNDABLE_ERRORS, settledByHand } from './begin-refund.ts'
import { refundSchema, requireRestock } from './refund-input.ts'

const schema = z.object({
  paymentId: z.string(),
  amount: amountSchema,
  ...manualSchema,
  givenAt: omittable(z.date()),
  ...refundSchema,
})

type Input = z.output<typeof schema>

export const refundRecord = defineCommand({
  name: 'refundRecord',
  permission: 'payments:refund',
  errors: [...REFUNDABLE_ERRORS, 'TAKEN_BY_PROVIDER', 'IN_THE_FUTURE'],
  schema,
})

type RecordRefundErrorCode = ErrorCodeOf<typeof refundRecord>

/** Books what is left of a payment, the pieces in `lines`, or `amount` of either, as refunded by hand. */
export async function recordRefund(
  caller: CommandContext,
  input: InputOf<typeof refundRecord>,
): Promise<Executed<typeof refundRecord>> {
  requireRestock(caller, input.lines)
  return await runCommand(caller, refundRecord, input, (tx, value) => record(tx, caller, value))
}

async function record(
  tx: Transaction,
  caller: CommandContext,
  { paymentId, amount, method, reference = null, givenAt, ...more }: Input,
): Promise<Done | Refused<RecordRefundErrorCode>> {
  const now = caller.clock()
  const { reason = null, note = null } = more
  const lines = more.lines ?? []
  const found = await findRefundable(tx, paymentId, { amount: amount ?? null, lines })
  if (!('payment' in found)) return found
  const errors: Reason<RecordRefundErrorCode>[] = []
  if (found.payment.providerKind !== 'MANUAL') {
    const message = 'a payment provider took it, and refunds it: see refundCreate'
    errors.push({ field: ['paymentId'], message, code: 'TAKEN_BY_PROVIDER' })
  }
  if (!isPast(givenAt, now)) {
    errors.push({ field: ['givenAt'], message: 'must not be in the future', code: 'IN_THE_FUTURE' })
  }
  if (errors.length > 0) return refused(errors)
  const manual = { manualMethod: method, manualReference: reference, givenAt: givenAt ?? now }
  return await settledByHand(tx, await beginRefund(tx, found, { lines, reason, note, ...manual }, now), now)
}
