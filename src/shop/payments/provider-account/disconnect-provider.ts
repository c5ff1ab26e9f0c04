// Disconnects a merchant's account with a payment provider: it takes no new payments, and its events are accepted until
// a date.
import { z } from 'zod'
import type { CommandContext } from '../../../auth/command-context.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../../commands/command.ts'
import { conflict, EDIT_ERRORS, notFound } from '../../../commands/edit.ts'
import type { Executed } from '../../../commands/executed.ts'
import { omittable } from '../../../commands/input-rules.ts'
import { type Done, done, type Refused, refused } from '../../../commands/outcome.ts'
import { runCommand } from '../../../commands/run-command.ts'
import type { Transaction } from '../../../db/database.ts'
import { manyRowsOf } from '../../../db/reader/any-model.ts'
import type { PaymentProvider } from '../../../generated/prisma/client.ts'
import { EVENTS_GRACE_MAX_MS, EVENTS_GRACE_MS, endedAudit, enqueueEnd } from './end-provider.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const schema = z.object({
  id: z.string(),
  expectedVersion: z.int(),
  eventsUntil: omittable(z.date()),
})

type Input = z.output<typeof schema>

export const paymentProviderDisconnect = defineCommand({
  name: 'paymentProviderDisconnect',
  permission: 'payments:manage',
  errors: [...EDIT_ERRORS, 'WRONG_STATUS', 'TOO_FAR'],
  schema,
})

type DisconnectProviderErrorCode = ErrorCodeOf<typeof paymentProviderDisconnect>

/**
 * Disconnects an account, also one that was replaced. Its events are accepted until `eventsUntil` (a time in the past:
 * not any more). Its open payments are reconciled until each has an outcome; then its keys are deleted. WRONG_STATUS:
 * it is disconnected already.
 */
export async function disconnectProvider(
  caller: CommandContext,
  input: InputOf<typeof paymentProviderDisconnect>,
): Promise<Executed<typeof paymentProviderDisconnect>> {
  return await runCommand(caller, paymentProviderDisconnect, input, (tx, value) =>
    disconnect(tx, value, caller.clock()),
  )
}

async function disconnect(
  tx: Transaction,
  { id, expectedVersion, eventsUntil: asked }: Input,
  now: Date,
): Promise<Done | Refused<DisconnectProviderErrorCode>> {
  const row = await manyRowsOf(tx, 'PaymentProvider').lockRow<PaymentProvider>(id)
  if (row === null) return notFound('id', 'account')
  if (row.version !== expectedVersion) return conflict(row, expectedVersion, { reads: 'payments:manage' })
  const eventsUntil = later(asked ?? new Date(now.getTime() + EVENTS_GRACE_MS), now)
  if (eventsUntil.getTime() - now.getTime() > EVENTS_GRACE_MAX_MS) {
    const message = `at most ${EVENTS_GRACE_MAX_MS / DAY_MS} days from now`
    const hours = EVENTS_GRACE_MAX_MS / HOUR_MS
    return refused([{ field: ['eventsUntil'], message, code: 'TOO_FAR', params: { hours } }])
  }
  if (row.status === 'DISCONNECTED' && row.eventsUntil !== null && row.eventsUntil <= eventsUntil) {
    return refused([{ field: ['id'], message: 'it is disconnected already', code: 'WRONG_STATUS' }])
  }
  const ended = { status: 'DISCONNECTED', eventsUntil, version: row.version + 1 } as const
  await tx.paymentProvider.updateMany({
    where: { id },
    data: { ...ended, disconnectedAt: row.disconnectedAt ?? now },
  })
  await enqueueEnd(tx, id, eventsUntil)
  const subject = { type: 'PaymentProvider', id }
  const event = { type: 'payment-provider.disconnected', subject, payload: { version: ended.version } }
  return done(id, [endedAudit({ ...row, ...ended }, row.status)], [event])
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other
}
