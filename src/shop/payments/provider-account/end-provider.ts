// Ends an account's secrets: from when its events are not accepted any more, and the job that removes what is unused at
// the provider and here. disconnect-provider.ts, connect-provider.ts and rotate-webhook-secret.ts decide when.
import type { CommandContext } from '../../../auth/command-context.ts'
import { auditOf } from '../../../commands/edit.ts'
import { type AuditRecord, done } from '../../../commands/outcome.ts'
import { runInternalCommand } from '../../../commands/run-command.ts'
import { AppError } from '../../../core/errors.ts'
import { NO_KEY_ID } from '../../../core/seal.ts'
import type { Transaction } from '../../../db/database.ts'
import type { PaymentProvider, PaymentProviderStatus } from '../../../generated/prisma/client.ts'
import { enqueue } from '../../../jobs/enqueue.ts'
import { type Task, textIn } from '../../../jobs/task.ts'
import type { AccountSecrets, ProviderGateway } from '../provider.ts'
import { hasSecrets, openSecrets } from '../provider-record.ts'
import type { PaymentServices } from '../services.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Stripe retries an undelivered event for 3 days. */
export const EVENTS_GRACE_MS = 3 * DAY_MS
/** A buyer may dispute a payment for 120 days, and the dispute takes more time. */
export const EVENTS_GRACE_MAX_MS = 180 * DAY_MS

const END_TASK = 'payment-provider.end'
const END_ATTEMPTS_MAX = 25
/** The job's delay while the account has open payments. */
const STILL_OPEN_MS = HOUR_MS

/** Queues the job for that time. Jobs are not merged, since an account has two such times. */
export async function enqueueEnd(tx: Transaction, providerId: string, runAt: Date): Promise<void> {
  await enqueue(tx, {
    task: END_TASK,
    payload: { providerId },
    key: `${END_TASK}:${providerId}:${runAt.getTime()}`,
    runAt,
    attemptsMax: END_ATTEMPTS_MAX,
  })
}

/** The audit record of an account that ends. */
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

/**
 * Throws SERVICE_UNAVAILABLE, to be retried. If the key opens no account any more, there is nothing that we could
 * remove.
 */
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
    caller.logger.warn({ reason, endpointReference }, 'an unused endpoint could not be deleted')
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

/** Deletes the secrets that ended. The key of a disconnected account is kept until its last open payment is settled. */
async function forget(
  caller: CommandContext,
  { id, version }: PaymentProvider,
  ending: Ending,
): Promise<void> {
  if (!ending.previous && !ending.all) return
  const command = { name: 'paymentProviderEnd', permission: 'payments:manage' } as const
  await runInternalCommand(caller, command, async (tx) => {
    const row = await tx.paymentProvider.findFirst({ where: { id } })
    // Changed meanwhile; that change has queued the next job.
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
    const after = { previousSecretEnded: ending.previous, eventsEnded: ending.all, keysForgotten: forgets }
    return done(id, [auditOf({ type: 'PaymentProvider', id }, null, after)])
  })
}

async function hasOpen(tx: Transaction, providerId: string): Promise<boolean> {
  const status = { in: ['PENDING', 'UNKNOWN'] as ('PENDING' | 'UNKNOWN')[] }
  const payments = await tx.payment.count({ where: { providerId, status } })
  return payments > 0 || (await tx.refund.count({ where: { status, payment: { providerId } } })) > 0
}
