// Rotates the secret of an account's events. Stripe cannot make a new secret for an endpoint, so a second endpoint is
// made, and the first is deleted when its secret ends. Until then each event comes twice and is applied once.
import { z } from 'zod'
import type { CommandContext } from '../../../auth/command-context.ts'
import { requirePermission } from '../../../auth/permissions.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../../commands/command.ts'
import { auditOf, conflict, EDIT_ERRORS, notFound } from '../../../commands/edit.ts'
import { type Executed, refusedAtOnce } from '../../../commands/executed.ts'
import { checkCall } from '../../../commands/input.ts'
import { omittable } from '../../../commands/input-rules.ts'
import { type Done, done, type Refused, refused, type UserError } from '../../../commands/outcome.ts'
import { runCommand } from '../../../commands/run-command.ts'
import { AppError } from '../../../core/errors.ts'
import type { Transaction } from '../../../db/database.ts'
import { manyRowsOf } from '../../../db/reader/any-model.ts'
import type { PaymentProvider } from '../../../generated/prisma/client.ts'
import { hasSecrets, openSecrets, sealSecrets } from '../provider-record.ts'
import type { PaymentServices } from '../services.ts'
import { enqueueEnd } from './end-provider.ts'
import { endpointName } from './endpoint.ts'
import { webhookSecretSchema } from './webhook-secret.ts'

const HOUR_MS = 3_600_000
/** As long as Stripe's dashboard keeps an old secret valid beside the new one. */
const PREVIOUS_GRACE_MS = 24 * HOUR_MS
/** Longer than an event is resent. */
const PREVIOUS_GRACE_MAX_MS = 7 * 24 * HOUR_MS

const schema = z.object({
  id: z.string(),
  expectedVersion: z.int(),
  webhookSecret: omittable(webhookSecretSchema),
  previousUntil: omittable(z.date()),
})

type Input = z.output<typeof schema>

type Refusal = UserError<RotateWebhookSecretErrorCode>
/** The endpoint whose secret is no longer valid: the one before the previous rotation. */
type Replaced = { readonly unused: string | null }
/** The new secret, and the endpoint that was made for it. */
type Fresh = { readonly webhookSecret: string; readonly endpointReference: string | null }

export const paymentProviderRotateWebhookSecret = defineCommand({
  name: 'paymentProviderRotateWebhookSecret',
  permission: 'payments:manage',
  errors: [...EDIT_ERRORS, 'WRONG_STATUS', 'TOO_FAR', 'NOT_AVAILABLE', 'PROVIDER_UNAVAILABLE'],
  schema,
})

type RotateWebhookSecretErrorCode = ErrorCodeOf<typeof paymentProviderRotateWebhookSecret>

/**
 * Replaces the secret of an active account's events. The previous secret is accepted until `previousUntil` (a time in
 * the past: not any more); an older one ends now. A user error changes nothing.
 */
export async function rotateWebhookSecret(
  caller: CommandContext,
  services: PaymentServices,
  input: InputOf<typeof paymentProviderRotateWebhookSecret>,
): Promise<Executed<typeof paymentProviderRotateWebhookSecret>> {
  // As when connecting: no provider call without the permission, and none inside a transaction.
  requirePermission(caller.permissions, paymentProviderRotateWebhookSecret.permission)
  const checked = checkCall(paymentProviderRotateWebhookSecret, input, caller.clock())
  if (checked.errors !== null) return refusedAtOnce(checked.errors)
  const { id } = checked.value
  const row = await caller.database.withTenant(caller.scope, (tx) =>
    tx.paymentProvider.findFirst({ where: { id } }),
  )
  // A call that will be refused needs no endpoint. A repeated call sees another version and is answered by its key.
  const fresh =
    row === null || refusalOf(row, checked.value) !== null
      ? null
      : await prepare(caller, services, row, checked.value)
  if (fresh !== null && 'code' in fresh) return refusedAtOnce([fresh])
  const rotated = await runCommand(caller, paymentProviderRotateWebhookSecret, input, (tx, value) =>
    rotate(tx, services, value, fresh, caller.clock()),
  )
  // The endpoint left by the rotation before; or, when this call was refused or replayed, the endpoint prepared for it.
  const unused = rotated.value === null ? fresh?.endpointReference : rotated.value.unused
  if (row !== null && unused != null) await discard(caller, services, row, unused)
  return { ...rotated, value: null }
}

async function prepare(
  caller: CommandContext,
  { gateway, sealer, publicUrl }: PaymentServices,
  row: PaymentProvider,
  { webhookSecret }: Input,
): Promise<Fresh | Refusal> {
  if (webhookSecret != null) return { webhookSecret, endpointReference: null }
  if (publicUrl === null) {
    return unavailable('PUBLIC_URL is not configured: give the secret of an endpoint')
  }
  const { kind, secretKey } = openSecrets(sealer, row)
  const url = `${publicUrl}/webhooks/in/${endpointName(caller.tenantSlug, row.id)}`
  try {
    const subscribed = await gateway.subscribe(kind, secretKey, url)
    if (subscribed.reference === null) {
      return unavailable(`the provider sends no events to ${publicUrl} (${subscribed.reason})`)
    }
    return { webhookSecret: subscribed.webhookSecret, endpointReference: subscribed.reference }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { field: null, message: error.message, code: 'PROVIDER_UNAVAILABLE' }
  }
}

function unavailable(message: string): Refusal {
  return { field: ['webhookSecret'], message, code: 'NOT_AVAILABLE' }
}

function refusalOf(
  row: PaymentProvider,
  { expectedVersion }: Input,
): Refused<RotateWebhookSecretErrorCode> | null {
  if (row.version !== expectedVersion) return conflict(row, expectedVersion, { reads: 'payments:manage' })
  if (row.status === 'ACTIVE' && hasSecrets(row)) return null
  return refused([{ field: ['id'], message: 'it is not the active account', code: 'WRONG_STATUS' }])
}

async function rotate(
  tx: Transaction,
  { sealer }: PaymentServices,
  input: Input,
  fresh: Fresh | null,
  now: Date,
): Promise<Done<Replaced> | Refused<RotateWebhookSecretErrorCode>> {
  const { id } = input
  const row = await manyRowsOf(tx, 'PaymentProvider').lockRow<PaymentProvider>(id)
  if (row === null) return notFound('id', 'account')
  const refusal = refusalOf(row, input)
  if (refusal !== null) return refusal
  const asked = input.previousUntil ?? new Date(now.getTime() + PREVIOUS_GRACE_MS)
  const until = asked > now ? asked : now
  if (until.getTime() - now.getTime() > PREVIOUS_GRACE_MAX_MS) {
    const hours = PREVIOUS_GRACE_MAX_MS / HOUR_MS
    const message = `at most ${hours} hours from now`
    return refused([{ field: ['previousUntil'], message, code: 'TOO_FAR', params: { hours } }])
  }
  // It was not the active account when the endpoint would have been prepared.
  if (fresh === null) throw new AppError('SERVICE_UNAVAILABLE', 'the account was just changed: try again')
  const { secretKey, webhookSecret } = openSecrets(sealer, row)
  const version = row.version + 1
  await tx.paymentProvider.updateMany({
    where: { id },
    data: {
      ...sealSecrets(sealer, row, {
        secretKey,
        webhookSecret: fresh.webhookSecret,
        previousWebhookSecret: webhookSecret,
      }),
      endpointReference: fresh.endpointReference,
      previousEndpointReference: row.endpointReference,
      previousWebhookSecretUntil: until,
      version,
    },
  })
  await enqueueEnd(tx, id, until)
  const subject = { type: 'PaymentProvider', id }
  const after = { webhookSecret: '[rotated]', previousWebhookSecretUntil: until.toISOString() }
  const before = { previousWebhookSecretUntil: row.previousWebhookSecretUntil?.toISOString() ?? null }
  const event = { type: 'payment-provider.webhook-secret-rotated', subject, payload: { version } }
  return done(id, [auditOf(subject, before, after)], [event], { unused: row.previousEndpointReference })
}

/** Best effort. */
async function discard(
  caller: CommandContext,
  { gateway, sealer }: PaymentServices,
  row: PaymentProvider,
  endpointReference: string,
): Promise<void> {
  const { kind, secretKey } = openSecrets(sealer, row)
  await gateway.unsubscribe(kind, secretKey, endpointReference).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    caller.logger.warn({ reason, endpointReference }, 'an unused endpoint could not be deleted')
  })
}
