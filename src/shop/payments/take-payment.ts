// Takes a payment of an order, in phases: begun in one transaction, sent to the provider outside any, settled in
// another. A retry with the same key continues from the payment's current state.
import { z } from 'zod'
import { type CommandContext, withPayload } from '../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../commands/command.ts'
import { auditOf, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { clearable } from '../../commands/input-rules.ts'
import { type Done, done, type Reason, type Refused, refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import type { Order } from '../../generated/prisma/client.ts'
import { lockOrder, moveMoney, recordedTogether } from '../orders/order-money.ts'
import { outstandingMinor } from '../orders/order-sums.ts'
import { type AskedAmount, amountSchema } from './amount-input.ts'
import { attemptEnd, finish } from './attempt.ts'
import { paymentAttempt } from './attempt-payment.ts'
import { PAYABLE_ERRORS, payableRefusals, SOLD_MEANWHILE, withHold } from './payable.ts'
import { CHARGE_FAILURES, failureOf } from './payment.ts'
import { activeProvider } from './provider-record.ts'
import { enqueueReconcile, RECONCILE_PAYMENT_TASK } from './reconcile.ts'
import type { PaymentServices } from './services.ts'

const METHOD_LENGTH_MAX = 255
const URL_LENGTH_MAX = 2_000

const schema = z.object({
  orderId: z.string(),
  paymentMethod: z.string().trim().min(1, 'a payment method is required').max(METHOD_LENGTH_MAX),
  amount: amountSchema,
  returnUrl: clearable(
    z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).max(URL_LENGTH_MAX),
  ),
})

type Input = z.output<typeof schema>

export const paymentTake = defineCommand({
  name: 'paymentTake',
  permission: 'payments:take',
  errors: [...PAYABLE_ERRORS, 'PROVIDER_NOT_CONNECTED', ...CHARGE_FAILURES],
  schema,
})

type TakePaymentErrorCode = ErrorCodeOf<typeof paymentTake>

/**
 * Charges what is left to pay of an order, or `amount` of it. The payment may still be PENDING or UNKNOWN when this
 * resolves; jobs then settle it. User error IDEMPOTENCY_KEY_IN_USE while the same call is with the provider.
 */
export async function takePayment(
  caller: CommandContext,
  services: PaymentServices,
  input: InputOf<typeof paymentTake>,
): Promise<Executed<typeof paymentTake>> {
  // The payment changes before it is shown.
  const begun = await runCommand(withPayload(caller, null), paymentTake, input, (tx, value) =>
    begin(tx, caller, value),
  )
  return await finish(caller, services, paymentAttempt, begun, (payment, mayRead) =>
    failureOf(payment, 'paymentMethod', CHARGE_FAILURES, mayRead),
  )
}

async function begin(
  tx: Transaction,
  caller: CommandContext,
  { orderId, paymentMethod, amount, returnUrl }: Input,
): Promise<Done | Refused<TakePaymentErrorCode>> {
  const now = caller.clock()
  const order = await lockOrder(tx, orderId)
  if (order === null) return notFound('orderId', 'order')
  const provider = await activeProvider(tx)
  const errors = refusalsOf(order, amount ?? null, provider !== null)
  if (provider === null || errors.length > 0) return refused(errors)
  const held = await withHold(tx, order, now)
  if (held === null) return refused([SOLD_MEANWHILE])
  const id = newId()
  const amountMinor = amount?.amountMinor ?? outstandingMinor(order)
  await tx.payment.create({
    data: {
      id,
      orderId,
      providerKind: provider.kind,
      providerId: provider.id,
      amountMinor,
      currency: order.currency,
      method: paymentMethod,
      returnUrl: returnUrl ?? null,
      attempts: 1,
      attemptExpiresAt: attemptEnd(now),
      createdAt: now,
      updatedAt: now,
    },
  })
  // Queued before the provider is called, so that a crash leaves no payment unsettled.
  await enqueueReconcile(tx, RECONCILE_PAYMENT_TASK, id, attemptEnd(now))
  const moved = await moveMoney(tx, held, { isInFlight: true }, { now })
  const subject = { type: 'Payment', id }
  const { audit, events } = recordedTogether(
    {
      audit: [
        auditOf(subject, null, {
          status: 'PENDING',
          orderId,
          amountMinor: amountMinor.toString(),
          currency: order.currency,
        }),
      ],
      events: [{ type: 'payment.pending', subject, payload: { version: 1 } }],
    },
    moved,
  )
  return done(id, audit, events)
}

function refusalsOf(
  order: Order,
  amount: AskedAmount | null,
  isConnected: boolean,
): Reason<TakePaymentErrorCode>[] {
  const errors: Reason<TakePaymentErrorCode>[] = payableRefusals(order, amount)
  if (!isConnected && !errors.some(({ field }) => field?.[0] === 'orderId')) {
    const message = 'no payment provider is connected: see paymentProviderConnect'
    errors.push({ field: null, message, code: 'PROVIDER_NOT_CONNECTED' })
  }
  return errors
}
