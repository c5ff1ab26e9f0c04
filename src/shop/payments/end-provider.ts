// The end of an account's secrets: from when its events count no more, and the job that takes down what is no more used at
// the provider and here. When it ends is decided by disconnect-provider.ts, connect-provider.ts and rotate-webhook-secret.ts.
import type { CommandContext } from '../../auth/command-context.ts'
import { auditOf } from '../../commands/edit.ts'
import { type AuditRecord, done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import { AppError } from '../../core/errors.ts'
import { NO_KEY_ID } from '../../core/seal.ts'
import type { Transaction } from '../../db/database.ts'
import type { PaymentProvider, PaymentProviderStatus } from '../../generated/prisma/client.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { type Task, textIn } from '../../jobs/task.ts'
import type { AccountSecrets, ProviderGateway } from './provider.ts'
import { hasSecrets, openSecrets } from './provider-record.ts'
import type { PaymentServices } from './services.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** For so long Stripe sends an event again that nobody took. */
export const EVENTS_GRACE_MS = 3 * DAY_MS
/** A buyer may dispute a payment for 120 days, and the dispute takes its time. */
export const EVENTS_GRACE_MAX_MS = 180 * DAY_MS

const END_TASK = 'payment-provider.end'
const END_ATTEMPTS_MAX = 25
/** An account is asked about its open payments until each has an outcome. */
const STILL_OPEN_MS = HOUR_MS

/** Queues the end of what ends then; each time for itself, since an account has two. */
export async function enqueueEnd(tx: Transaction, providerId: string, runAt: Date): Promise<void> {
  await enqueue(tx, {
    task: END_TASK,
    payload: { providerId },
    key: `${END_TASK}:${providerId}:${runAt.getTime()}`,
    runAt,
    attemptsMax: END_ATTEMPTS_MAX,
  })
}

/** What the audit tells of an account that ends. */
export function endedAudit(
  { id, status, eventsUntil }: PaymentProvider,
  before: PaymentProviderStatus,
): AuditRecord {
  const after = { status, eventsUntil: eventsUntil?.toISOString() ?? null }
  return auditOf({ type: 'PaymentProvider', id }, { status: before }, after)
}

export function endTask({ gateway, sealer }: Pick<PaymentServices, 'gateway' | 'sealer'>): Task {
  return {
    name: END_TASK,
    attemptsMax: END_ATTEMPTS_MAX,
    run: async (caller, payload) => {
      const id = textIn(payload, 'providerId')
      const row = await caller.database.withTenant(caller.scope, (tx) =>
        tx.paymentProvider.findFirst({ where: { id } }),
      )
      if (row === null || !hasSecrets(row)) return
      const ending = endingNow(row, caller.clock())
      for (const endpoint of ending.endpoints) {
        await unsubscribe(caller, gateway, () => openSecrets(sealer, row), endpoint)
      }
      await forget(caller, row, ending)
    },
  }
}

type Ending = { readonly previous: boolean; readonly all: boolean; readonly endpoints: readonly string[] }

function endingNow(row: PaymentProvider, now: Date): Ending {
  const { previousWebhookSecretUntil, previousEndpointReference, endpointReference, eventsUntil } = row
  const all = eventsUntil !== null && eventsUntil <= now
  const previous = all || (previousWebhookSecretUntil !== null && previousWebhookSecretUntil <= now)
  const endpoints = [...(previous ? [previousEndpointReference] : []), ...(all ? [endpointReference] : [])]
  return { previous, all, endpoints: endpoints.filter((reference) => reference !== null) }
}

/** Throws SERVICE_UNAVAILABLE, to be tried again. An account that opens no more has nothing to be taken down by us. */
async function unsubscribe(
  caller: CommandContext,
  gateway: ProviderGateway,
  open: () => AccountSecrets,
  endpointReference: string,
): Promise<void> {
  try {
    const { kind, secretKey } = open()
    await gateway.unsubscribe(kind, secretKey, endpointReference)
  } catch (error) {
    if (error instanceof AppError && error.code === 'SERVICE_UNAVAILABLE') throw error
    const reason = error instanceof Error ? error.message : String(error)
    caller.logger.warn({ reason, endpointReference }, 'an endpoint that is not used any more stays')
  }
}

const NO_PREVIOUS = {
  previousWebhookSecret: null,
  previousWebhookSecretUntil: null,
  previousEndpointReference: null,
}
const NO_SECRETS = {
  secretKey: new Uint8Array(),
  webhookSecret: new Uint8Array(),
  sealingKeyId: NO_KEY_ID,
}

/** Forgets what ended. The key of a disconnected account goes with the last payment that is open with it. */
async function forget(
  caller: CommandContext,
  { id, version }: PaymentProvider,
  ending: Ending,
): Promise<void> {
  if (!ending.previous && !ending.all) return
  const command = { name: 'paymentProviderEnd', permission: 'payments:manage' } as const
  await runInternalCommand(caller, command, async (tx) => {
    const row = await tx.paymentProvider.findFirst({ where: { id } })
    // Changed meanwhile: what changed it has queued the next end.
    if (row === null || row.version !== version) return done(id, [])
    const isOver = ending.all && row.status === 'DISCONNECTED'
    const forgets = isOver && !(await hasOpen(tx, id))
    if (isOver && !forgets) await enqueueEnd(tx, id, new Date(caller.clock().getTime() + STILL_OPEN_MS))
    await tx.paymentProvider.updateMany({
      where: { id },
      data: {
        ...NO_PREVIOUS,
        ...(ending.all && { endpointReference: null }),
        ...(forgets && NO_SECRETS),
      },
    })
    const told = { previousSecretEnded: ending.previous, eventsEnded: ending.all, keysForgotten: forgets }
    return done(id, [auditOf({ type: 'PaymentProvider', id }, null, told)])
  })
}

async function hasOpen(tx: Transaction, providerId: string): Promise<boolean> {
  const status = { in: ['PENDING', 'UNKNOWN'] as ('PENDING' | 'UNKNOWN')[] }
  const payments = await tx.payment.count({ where: { providerId, status } })
  return payments > 0 || (await tx.refund.count({ where: { status, payment: { providerId } } })) > 0
}
