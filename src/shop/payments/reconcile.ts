// The jobs that settle payments and refunds whose outcome is open, and that fetch the fees that events do not report.
import type { CommandContext } from '../../auth/command-context.ts'
import { done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import type { Transaction } from '../../db/database.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { type Task, textIn } from '../../jobs/task.ts'
import { type Attemptable, attempt, type Open } from './attempt.ts'
import { paymentAttempt } from './attempt-payment.ts'
import { isSettled, retryDelayMs } from './payment.ts'
import { openProvider } from './provider-record.ts'
import { refundAttempt } from './refunds/attempt-refund.ts'
import type { PaymentServices } from './services.ts'
import { FEE_ATTEMPTS_MAX, FEE_TASK, settlePayment } from './settle-payment.ts'

export const RECONCILE_PAYMENT_TASK = 'payment.reconcile'
export const RECONCILE_REFUND_TASK = 'refund.reconcile'
/** A job fails only for the database or the program; for a payment that stays open it queues the next job itself. */
const ATTEMPTS_MAX = 25

export function paymentTasks(services: PaymentServices): Task[] {
  return [
    {
      name: RECONCILE_PAYMENT_TASK,
      attemptsMax: ATTEMPTS_MAX,
      run: async (caller, payload) => {
        await reconcile(
          caller,
          services,
          paymentAttempt,
          textIn(payload, 'paymentId'),
          RECONCILE_PAYMENT_TASK,
        )
      },
    },
    {
      name: RECONCILE_REFUND_TASK,
      attemptsMax: ATTEMPTS_MAX,
      run: async (caller, payload) => {
        await reconcile(caller, services, refundAttempt, textIn(payload, 'refundId'), RECONCILE_REFUND_TASK)
      },
    },
    {
      name: FEE_TASK,
      attemptsMax: FEE_ATTEMPTS_MAX,
      run: (caller, payload) => bookFee(caller, services, textIn(payload, 'paymentId')),
    },
  ]
}

/** Queues the next look at an open payment or refund, replacing one that is already queued. */
export async function enqueueReconcile(
  tx: Transaction,
  task: typeof RECONCILE_PAYMENT_TASK | typeof RECONCILE_REFUND_TASK,
  id: string,
  runAt: Date,
): Promise<void> {
  const payload = task === RECONCILE_PAYMENT_TASK ? { paymentId: id } : { refundId: id }
  await enqueue(tx, { task, payload, key: `${task}:${id}`, runAt, attemptsMax: ATTEMPTS_MAX })
}

/** Makes one attempt; while the outcome stays open, queues the next one. */
async function reconcile<
  Row extends Open & { attempts: number },
  Verdict extends { readonly status: Row['status'] },
>(
  caller: CommandContext,
  services: PaymentServices,
  subject: Attemptable<Row, Verdict>,
  id: string,
  task: typeof RECONCILE_PAYMENT_TASK | typeof RECONCILE_REFUND_TASK,
): Promise<void> {
  const result = await attempt(caller, services, subject, id, { claimed: null })
  if (result === 'SETTLED') return
  await caller.database.withTenant(caller.scope, async (tx) => {
    const row = await subject.find(tx, id)
    if (row === null || isSettled(row.status)) return
    const runAt = new Date(caller.clock().getTime() + retryDelayMs(row.attempts))
    await enqueueReconcile(tx, task, id, runAt)
  })
}

/** Books the provider's fee of a payment. Throws while the provider has not computed it. */
async function bookFee(caller: CommandContext, services: PaymentServices, paymentId: string): Promise<void> {
  const opened = await caller.database.withTenant(caller.scope, async (tx) => {
    const payment = await tx.payment.findFirstOrThrow({ where: { id: paymentId } })
    const { providerId, providerReference: reference, feeMinor } = payment
    if (feeMinor !== null || providerId === null || reference === null) return null
    return { reference, account: await openProvider(tx, services, providerId) }
  })
  if (opened === null) return
  const { reference, account } = opened
  const feeMinor = (await account?.feeOf(reference)) ?? null
  if (feeMinor === null) throw new Error(`the fee of ${reference} is not known yet`)
  const command = { name: 'paymentFeeBook', permission: 'payments:take' } as const
  await runInternalCommand(caller, command, async (tx) => {
    const verdict = { status: 'SUCCEEDED', reference, feeMinor } as const
    const { audit, events } = await settlePayment(tx, paymentId, verdict, {
      now: caller.clock(),
      endsAttempt: false,
    })
    return done(paymentId, audit, events)
  })
}
