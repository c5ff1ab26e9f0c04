// Refunds a payment, or a part of it, in phases like the payment itself: begun, sent to the provider, settled.
import { z } from 'zod'
import { type CommandContext, withPayload } from '../../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../../commands/command.ts'
import type { Executed } from '../../../commands/executed.ts'
import { type Done, done, type Refused, refused } from '../../../commands/outcome.ts'
import { runCommand } from '../../../commands/run-command.ts'
import type { Transaction } from '../../../db/database.ts'
import { amountSchema } from '../amount-input.ts'
import { attemptEnd, finish } from '../attempt.ts'
import { failureOf, REFUND_FAILURES } from '../payment.ts'
import { isConnected } from '../provider-record.ts'
import { enqueueReconcile, RECONCILE_REFUND_TASK } from '../reconcile.ts'
import type { PaymentServices } from '../services.ts'
import { refundAttempt } from './attempt-refund.ts'
import { beginRefund, findRefundable, REFUNDABLE_ERRORS, settledByHand } from './begin-refund.ts'
import { refundSchema, requireRestock } from './refund-input.ts'

const schema = z.object({
  paymentId: z.string(),
  amount: amountSchema,
  ...refundSchema,
})

type Input = z.output<typeof schema>

export const refundCreate = defineCommand({
  name: 'refundCreate',
  permission: 'payments:refund',
  errors: [...REFUNDABLE_ERRORS, 'PROVIDER_NOT_CONNECTED', ...REFUND_FAILURES],
  schema,
})

type CreateRefundErrorCode = ErrorCodeOf<typeof refundCreate>

/**
 * Refunds what is left of a payment, the pieces in `lines`, or `amount` of either. Pieces to be restocked need
 * stock:write. The refund may still be PENDING or UNKNOWN when this resolves.
 * User error IDEMPOTENCY_KEY_IN_USE while the same call is with the provider.
 */
export async function createRefund(
  caller: CommandContext,
  services: PaymentServices,
  input: InputOf<typeof refundCreate>,
): Promise<Executed<typeof refundCreate>> {
  requireRestock(caller, input.lines)
  // The refund changes before it is shown.
  const begun = await runCommand(withPayload(caller, null), refundCreate, input, (tx, value) =>
    begin(tx, caller, value),
  )
  return await finish(caller, services, refundAttempt, begun, (refund, mayRead) =>
    failureOf(refund, 'paymentId', REFUND_FAILURES, mayRead),
  )
}

async function begin(
  tx: Transaction,
  caller: CommandContext,
  { paymentId, amount, lines, reason = null, note = null }: Input,
): Promise<Done | Refused<CreateRefundErrorCode>> {
  const now = caller.clock()
  const found = await findRefundable(tx, paymentId, { amount: amount ?? null, lines: lines ?? [] })
  if (!('payment' in found)) return found
  const { providerId, providerKind } = found.payment
  if (providerId !== null && !(await isConnected(tx, providerId))) {
    const message = 'the account that took this payment is not connected here: connect it first'
    return refused([{ field: ['paymentId'], message, code: 'PROVIDER_NOT_CONNECTED' }])
  }
  const begun = await beginRefund(tx, found, { lines: lines ?? [], reason, note }, now)
  if (providerKind === 'MANUAL') return await settledByHand(tx, begun, now)
  await enqueueReconcile(tx, RECONCILE_REFUND_TASK, begun.id, attemptEnd(now))
  return done(begun.id, begun.recorded.audit, begun.recorded.events)
}
