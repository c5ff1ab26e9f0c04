// Receives a provider's event: verifies it, stores it and applies it in one transaction. An event that cannot be
// applied is stored too, and retried by a job where that may help. act-on-event.ts applies events.
import type { CommandContext } from '../../../auth/command-context.ts'
import { systemContext } from '../../../auth/system-context.ts'
import { type Done, done } from '../../../commands/outcome.ts'
import { runInternalCommand } from '../../../commands/run-command.ts'
import type { Clock } from '../../../core/clock.ts'
import { AppError, type ErrorCode } from '../../../core/errors.ts'
import { newId } from '../../../core/ids.ts'
import type { Logger } from '../../../core/logger.ts'
import type { Database } from '../../../db/database.ts'
import { enqueue } from '../../../jobs/enqueue.ts'
import { type Task, textIn } from '../../../jobs/task.ts'
import { NOTHING_RECORDED } from '../../orders/order-money.ts'
import { type Disagreement, disagreementOf } from '../disagreement.ts'
import type { IncomingEvent } from '../provider.ts'
import type { PaymentServices } from '../services.ts'
import { actOnEvent, type EventOrigin } from './act-on-event.ts'
import type { Delivery } from './open-delivery.ts'

const EVENT_TASK = 'provider-event.process'
const EVENT_ATTEMPTS_MAX = 25
/**
 * Temporary states of the database or the server: the provider sends the event again. Every other error is stored with
 * the event.
 */
const RETRIED_BY_PROVIDER: ReadonlySet<ErrorCode> = new Set(['SERVICE_UNAVAILABLE', 'RATE_LIMITED'])

/** PROCESSED: applied, now or before. IGNORED: stored, and does not concern us. FAILED: stored, and retried. */
export type Received = { readonly status: 'PROCESSED' | 'IGNORED' | 'FAILED'; readonly isDuplicate: boolean }

/** Stores a signed delivery, whatever it contains. Throws database errors, so that the provider sends it again. */
export async function receiveEvent(
  services: { readonly database: Database; readonly clock: Clock; readonly logger: Logger },
  { tenant, record, event }: Delivery,
  requestId: string,
): Promise<Received> {
  const caller = systemContext({ tenant, ...services, requestId })
  try {
    return await takeIn(caller, record, event)
  } catch (error) {
    if (error instanceof AppError && RETRIED_BY_PROVIDER.has(error.code)) throw error
    await keepFailed(caller, record, event, disagreementOf(error))
    return { status: 'FAILED', isDuplicate: false }
  }
}

/** Stores the event and applies it, unless it was applied before. */
async function takeIn(caller: CommandContext, origin: EventOrigin, event: IncomingEvent): Promise<Received> {
  const command = { name: 'providerEventReceive', permission: 'payments:manage' } as const
  return await runInternalCommand(caller, command, async (tx): Promise<Done<Received>> => {
    const now = caller.clock()
    const id = newId()
    const [kept] = await tx.$queryRaw<{ id: string; status: Received['status']; is_new: boolean }[]>`
      INSERT INTO provider_events (id, provider_id, reference, type, status, body, occurred_at, received_at)
      VALUES (${id}::uuid, ${origin.id}::uuid, ${event.reference}, ${event.type}, 'PROCESSED', ${event.body},
        ${event.occurredAt}, ${now})
      ON CONFLICT (tenant_id, provider_id, reference) DO UPDATE SET attempts = provider_events.attempts + 1
      RETURNING id, status::text, xmax = 0 AS is_new`
    if (kept === undefined) throw new Error('an event was neither stored nor found')
    const isDone = !kept.is_new && kept.status !== 'FAILED'
    if (isDone) return done(kept.id, [], [], { status: kept.status, isDuplicate: true })
    const effect = await actOnEvent(tx, event.subject, origin, now)
    const status = effect === null ? 'IGNORED' : 'PROCESSED'
    await tx.providerEvent.updateMany({
      where: { id: kept.id },
      data: { status, error: null, processedAt: now },
    })
    const { audit, events } = effect ?? NOTHING_RECORDED
    return done(kept.id, audit, events, { status, isDuplicate: false })
  })
}

/**
 * Stores an event that was not applied, with the reason; queues a retry where that may help. Throws database errors.
 */
async function keepFailed(
  caller: CommandContext,
  { id: providerId }: EventOrigin,
  event: IncomingEvent,
  disagreement: Disagreement,
): Promise<void> {
  const { reference, type, occurredAt, body } = event
  logFailed(caller, event, disagreement)
  await caller.database.withTenant(caller.scope, async (tx) => {
    await tx.$executeRaw`
      INSERT INTO provider_events (id, provider_id, reference, type, status, body, error, occurred_at, received_at)
      VALUES (${newId()}::uuid, ${providerId}::uuid, ${reference}, ${type}, 'FAILED', ${body},
        ${disagreement.message}, ${occurredAt}, ${caller.clock()})
      ON CONFLICT (tenant_id, provider_id, reference) DO UPDATE
      SET attempts = provider_events.attempts + 1, error = excluded.error
      WHERE provider_events.status = 'FAILED'`
    if (!disagreement.mayChange) return
    await enqueue(tx, {
      task: EVENT_TASK,
      payload: { providerId, reference },
      key: `${EVENT_TASK}:${providerId}:${reference}`,
      attemptsMax: EVENT_ATTEMPTS_MAX,
    })
  })
}

function logFailed(
  { logger }: CommandContext,
  { reference, type }: IncomingEvent,
  disagreement: Disagreement,
): void {
  const { code, detail, cause } = disagreement
  logger.error({ event: reference, type, code, detail, err: cause }, 'a provider event had no effect')
}

/** Retries a stored event. Throws while it is not applied and a retry may help, so that its job runs again. */
export function eventTask({ gateway }: Pick<PaymentServices, 'gateway'>): Task {
  return {
    name: EVENT_TASK,
    attemptsMax: EVENT_ATTEMPTS_MAX,
    run: async (caller, payload) => {
      const [providerId, reference] = [textIn(payload, 'providerId'), textIn(payload, 'reference')]
      const kept = await caller.database.withTenant(caller.scope, (tx) =>
        tx.providerEvent.findFirst({
          where: { providerId, reference, status: 'FAILED' },
          include: { provider: true },
        }),
      )
      if (kept === null) return
      const { provider, body, receivedAt } = kept
      const event = gateway.readStoredEvent({ liveMode: provider.liveMode }, { body, receivedAt })
      try {
        await takeIn(caller, provider, event)
      } catch (error) {
        const disagreement = disagreementOf(error)
        if (disagreement.mayChange) throw error
        logFailed(caller, event, disagreement)
        await caller.database.withTenant(caller.scope, (tx) =>
          tx.providerEvent.updateMany({ where: { id: kept.id }, data: { error: disagreement.message } }),
        )
      }
    },
  }
}
