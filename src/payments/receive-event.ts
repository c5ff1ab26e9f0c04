// What a provider tells us by itself: checked, kept, and acted on, the keeping and the effect in one transaction. An
// event that cannot be acted on is kept all the same, and tried again by a job.
import type { Caller } from '../commands/caller.ts'
import { done } from '../commands/outcome.ts'
import { runCommand } from '../commands/run-command.ts'
import { systemCaller } from '../commands/system-caller.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, Transaction } from '../db/database.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { type Task, textIn } from '../jobs/task.ts'
import { postEntry, reverseEntry } from '../ledger/post-entry.ts'
import { payoutLines } from '../ledger/posting.ts'
import { NOTHING_RECORDED, type Recorded } from '../orders/order-money.ts'
import { parseEndpoint } from './endpoint.ts'
import type { IncomingEvent, PayoutNotice } from './provider.ts'
import { openProvider } from './provider-record.ts'
import type { PaymentServices } from './services.ts'
import { settlePayment } from './settle-payment.ts'
import { settleRefund } from './settle-refund.ts'

const EVENT_TASK = 'provider-event.process'
const EVENT_ATTEMPTS_MAX = 25
const ERROR_LENGTH_MAX = 500

/** PROCESSED: had its effect, now or before. IGNORED: kept, and nothing of ours. FAILED: kept, and tried again. */
export type Received = { readonly status: 'PROCESSED' | 'IGNORED' | 'FAILED'; readonly isDuplicate: boolean }

export type IncomingMessage = {
  /** The last part of the path: it names tenant and account. */
  readonly endpoint: string
  readonly rawBody: Uint8Array
  readonly signature: string
  readonly requestId: string
}

/**
 * Takes in one delivery. Throws NOT_FOUND for an endpoint that is none, UNAUTHENTICATED for a signature that is not its
 * account's or not of now, BAD_USER_INPUT for what is no event; what the database throws, so that it is sent again.
 */
export async function receiveEvent(
  services: PaymentServices & { readonly database: Database; readonly clock: Clock; readonly logger: Logger },
  { endpoint, rawBody, signature, requestId }: IncomingMessage,
): Promise<Received> {
  const { database, clock, logger } = services
  const address = parseEndpoint(endpoint)
  const tenant = address === null ? null : await database.resolveTenant({ slug: address.slug })
  if (address === null || tenant === null) throw noSuchEndpoint()
  const { providerId } = address
  const caller = systemCaller({ tenant, database, clock, logger, requestId })
  const account = await database.withTenant(caller.scope, (tx) => openProvider(tx, services, providerId))
  if (account === null) throw noSuchEndpoint()
  const event = account.readEvent(rawBody, signature, clock())
  try {
    return await takeIn(caller, providerId, event)
  } catch (error) {
    if (error instanceof AppError) throw error
    await keepFailed(caller, providerId, event, error)
    return { status: 'FAILED', isDuplicate: false }
  }
}

/** The same for a tenant that does not exist and an account that does not. */
function noSuchEndpoint(): AppError {
  return new AppError('NOT_FOUND', 'There is no such endpoint.')
}

/** Keeps the event and has its effect, unless it had it before. */
async function takeIn(caller: Caller, providerId: string, event: IncomingEvent): Promise<Received> {
  let received: Received = { status: 'PROCESSED', isDuplicate: true }
  const command = { name: 'providerEventReceive', permission: 'payments:manage', input: null } as const
  await runCommand(caller, command, async (tx) => {
    const now = caller.clock()
    const id = newId()
    const [kept] = await tx.$queryRaw<{ id: string; status: Received['status']; is_new: boolean }[]>`
      INSERT INTO provider_events (id, provider_id, reference, type, status, payload, occurred_at, received_at)
      VALUES (${id}::uuid, ${providerId}::uuid, ${event.reference}, ${event.type}, 'PROCESSED',
        ${JSON.stringify(event.payload)}::jsonb, ${event.occurredAt}, ${now})
      ON CONFLICT (tenant_id, provider_id, reference) DO UPDATE SET attempts = provider_events.attempts + 1
      RETURNING id, status::text, xmax = 0 AS is_new`
    if (kept === undefined) throw new Error('an event was neither kept nor found')
    const isDone = !kept.is_new && kept.status !== 'FAILED'
    received = { status: kept.status, isDuplicate: isDone }
    if (isDone) return done(kept.id, [])
    const effect = await effectOf(tx, event, now)
    received = { status: effect === null ? 'IGNORED' : 'PROCESSED', isDuplicate: false }
    await tx.providerEvent.updateMany({
      where: { id: kept.id },
      data: { status: received.status, error: null, processedAt: now },
    })
    const { audit, events } = effect ?? NOTHING_RECORDED
    return done(kept.id, audit, events)
  })
  return received
}

/** Null: it is about nothing of ours. */
async function effectOf(tx: Transaction, { subject }: IncomingEvent, now: Date): Promise<Recorded | null> {
  switch (subject.kind) {
    case 'CHARGE': {
      const { paymentId, verdict } = subject
      if (paymentId === null) return null
      return await settlePayment(tx, paymentId, verdict, { now, endsAttempt: false })
    }
    case 'REFUND': {
      const { refundId, verdict } = subject
      if (refundId === null) return null
      return await settleRefund(tx, refundId, verdict, { now, endsAttempt: false })
    }
    case 'PAYOUT':
      return await bookPayout(tx, subject.payout, now)
    case 'OTHER':
      return null
    case 'UNREADABLE':
      throw new Error(subject.reason)
  }
}

/** A payout that failed is booked and reversed, whichever of its two events comes first: the books end alike. */
async function bookPayout(
  tx: Transaction,
  { reference, status, amountMinor, currency }: PayoutNotice,
  now: Date,
): Promise<Recorded> {
  const source = { type: 'Payout', id: reference }
  await postEntry(tx, { kind: 'PAYOUT', source, currency, lines: payoutLines(amountMinor), postedAt: now })
  if (status === 'FAILED') await reverseEntry(tx, { kind: 'PAYOUT', source, postedAt: now })
  return NOTHING_RECORDED
}

/** Keeps an event whose effect failed, with why, and queues another try. Throws what the database throws. */
async function keepFailed(
  caller: Caller,
  providerId: string,
  event: IncomingEvent,
  error: unknown,
): Promise<void> {
  const reason = (error instanceof Error ? error.message : String(error)).slice(0, ERROR_LENGTH_MAX)
  caller.logger.error(
    { err: error, event: event.reference, type: event.type },
    'a provider event had no effect',
  )
  await caller.database.withTenant(caller.scope, async (tx) => {
    const payload = event.payload as Prisma.InputJsonObject
    const { reference, type, occurredAt } = event
    const receivedAt = caller.clock()
    const data = { providerId, reference, type, payload, occurredAt, receivedAt, error: reason }
    const known = await tx.providerEvent.findFirst({ where: { providerId, reference } })
    if (known === null) await tx.providerEvent.create({ data: { id: newId(), status: 'FAILED', ...data } })
    else await tx.providerEvent.updateMany({ where: { id: known.id }, data: { error: reason } })
    await enqueue(tx, {
      task: EVENT_TASK,
      payload: { providerId, reference },
      key: `${EVENT_TASK}:${providerId}:${reference}`,
      attemptsMax: EVENT_ATTEMPTS_MAX,
    })
  })
}

/** Tries a kept event again; throws while it has no effect, so that its job is run again later. */
export function eventTask(services: PaymentServices): Task {
  return {
    name: EVENT_TASK,
    attemptsMax: EVENT_ATTEMPTS_MAX,
    run: async (caller, payload) => {
      const [providerId, reference] = [textIn(payload, 'providerId'), textIn(payload, 'reference')]
      const event = await caller.database.withTenant(caller.scope, async (tx) => {
        const kept = await tx.providerEvent.findFirst({ where: { providerId, reference, status: 'FAILED' } })
        const account = kept === null ? null : await openProvider(tx, services, providerId)
        return account?.readStoredEvent(kept?.payload) ?? null
      })
      if (event !== null) await takeIn(caller, providerId, event)
    },
  }
}
