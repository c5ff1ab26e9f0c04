// Connects a merchant's account with a payment provider: tests its key, subscribes to its events, and stores both
// secrets sealed. The previous account stays, for the payments taken through it.
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { CommandContext } from '../../../auth/command-context.ts'
import { requirePermission } from '../../../auth/permissions.ts'
import { defineCommand, type ErrorCodeOf, type InputOf } from '../../../commands/command.ts'
import { auditOf } from '../../../commands/edit.ts'
import { type Executed, refusedAtOnce } from '../../../commands/executed.ts'
import { checkCall } from '../../../commands/input.ts'
import { clearable, omittable } from '../../../commands/input-rules.ts'
import { type Done, done, type UserError } from '../../../commands/outcome.ts'
import { runCommand } from '../../../commands/run-command.ts'
import { AppError } from '../../../core/errors.ts'
import { newId } from '../../../core/ids.ts'
import type { Transaction } from '../../../db/database.ts'
import type { PaymentProvider } from '../../../generated/prisma/client.ts'
import type { AccountSecrets, NewAccount } from '../provider.ts'
import { sealSecrets } from '../provider-record.ts'
import type { PaymentServices } from '../services.ts'
import { EVENTS_GRACE_MS, endedAudit, enqueueEnd } from './end-provider.ts'
import { endpointName } from './endpoint.ts'
import { SECRET_LENGTH_MAX, webhookSecretSchema } from './webhook-secret.ts'

const SANDBOX_KEY_BYTES = 24

const schema = z
  .object({
    provider: z.enum(['STRIPE', 'SANDBOX']),
    secretKey: clearable(z.string().trim().max(SECRET_LENGTH_MAX)),
    webhookSecret: omittable(webhookSecretSchema),
  })
  .refine(({ provider, secretKey }) => provider !== 'SANDBOX' || secretKey == null, {
    path: ['secretKey'],
    error: 'the sandbox takes no key',
    params: { code: 'FORMAT', expected: 'no key' },
  })

type Input = z.output<typeof schema>

/** An account whose key was tested and that sends its events here. */
type Prepared = {
  readonly id: string
  readonly account: NewAccount
  readonly secrets: AccountSecrets
  readonly endpointReference: string | null
}

type Refusal = UserError<ConnectProviderErrorCode>

export const paymentProviderConnect = defineCommand({
  name: 'paymentProviderConnect',
  permission: 'payments:manage',
  errors: ['KEY_REFUSED', 'NOT_AVAILABLE', 'PROVIDER_UNAVAILABLE'],
  schema,
})

type ConnectProviderErrorCode = ErrorCodeOf<typeof paymentProviderConnect>

/**
 * Makes the account the one that takes payments from now on. KEY_REFUSED: the key opens no account; NOT_AVAILABLE:
 * there is no sandbox here, or no address to send events to; PROVIDER_UNAVAILABLE: the provider did not answer. Every
 * call asks the provider, also a repeated idempotency key.
 */
export async function connectProvider(
  caller: CommandContext,
  services: PaymentServices,
  input: InputOf<typeof paymentProviderConnect>,
): Promise<Executed<typeof paymentProviderConnect>> {
  // Callers without the permission must not cause provider calls, and no provider is called inside a transaction.
  requirePermission(caller.permissions, paymentProviderConnect.permission)
  const checked = checkCall(paymentProviderConnect, input, caller.clock())
  if (checked.errors !== null) return refusedAtOnce(checked.errors)
  const prepared = await prepare(caller, services, checked.value)
  if ('code' in prepared) return refusedAtOnce([prepared])
  const connected = await runCommand(caller, paymentProviderConnect, input, async (tx) => {
    const replaced = await retireActive(tx, caller.clock())
    return await keep(tx, caller, services, prepared, replaced)
  })
  // An earlier call with the same key made another account, so what was prepared now is not needed.
  if (connected.id !== prepared.id) await unsubscribe(caller, services, prepared)
  return connected
}

async function prepare(
  caller: CommandContext,
  { gateway, publicUrl }: PaymentServices,
  { provider: kind, secretKey: given, webhookSecret }: Input,
): Promise<Prepared | Refusal> {
  if (kind === 'SANDBOX' && !gateway.hasSandbox) {
    return refusal('provider', 'there is no sandbox here', 'NOT_AVAILABLE')
  }
  const secretKey = kind === 'SANDBOX' ? sandboxKey() : given
  if (secretKey == null) return refusal('secretKey', 'Stripe needs a secret key', 'KEY_REFUSED')
  if (webhookSecret == null && publicUrl === null) {
    const message = 'PUBLIC_URL is not configured: give the secret of an endpoint'
    return refusal('webhookSecret', message, 'NOT_AVAILABLE')
  }
  const id = newId()
  try {
    const account = await gateway.examine(kind, secretKey)
    if (webhookSecret != null) {
      return { id, account, secrets: { kind, secretKey, webhookSecret }, endpointReference: null }
    }
    const url = `${publicUrl}/webhooks/in/${endpointName(caller.tenantSlug, id)}`
    const subscribed = await gateway.subscribe(kind, secretKey, url)
    if (subscribed.reference === null) {
      const message = `the provider sends no events to ${publicUrl} (${subscribed.reason}): set PUBLIC_URL to where it can reach this server, or give the secret of an endpoint`
      return refusal('webhookSecret', message, 'NOT_AVAILABLE')
    }
    const secrets = { kind, secretKey, webhookSecret: subscribed.webhookSecret }
    return { id, account, secrets, endpointReference: subscribed.reference }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return error.code === 'BAD_USER_INPUT'
      ? refusal('secretKey', error.message, 'KEY_REFUSED')
      : refusal(null, error.message, 'PROVIDER_UNAVAILABLE')
  }
}

function refusal(field: string | null, message: string, code: ConnectProviderErrorCode): Refusal {
  return { field: field === null ? null : [field], message, code }
}

/** A random key: the sandbox opens an account for any. */
function sandboxKey(): string {
  return `sk_test_${randomBytes(SANDBOX_KEY_BYTES).toString('hex')}`
}

/** Retires the active account and returns its id. Its events are accepted for a while, for those on their way. */
async function retireActive(tx: Transaction, now: Date): Promise<PaymentProvider | null> {
  // Concurrent calls wait here, so that each sees the other's account and none violates the unique index.
  await tx.$queryRaw`SELECT tenant_id FROM tenants FOR NO KEY UPDATE`
  const active = await tx.paymentProvider.findFirst({ where: { status: 'ACTIVE' } })
  if (active === null) return null
  const eventsUntil = new Date(now.getTime() + EVENTS_GRACE_MS)
  const version = active.version + 1
  await tx.paymentProvider.updateMany({
    where: { id: active.id },
    data: { status: 'REPLACED', replacedAt: now, eventsUntil, version },
  })
  await enqueueEnd(tx, active.id, eventsUntil)
  return { ...active, status: 'REPLACED', eventsUntil, version }
}

async function keep(
  tx: Transaction,
  { scope, clock }: CommandContext,
  { sealer }: PaymentServices,
  { id, account, secrets, endpointReference }: Prepared,
  replaced: PaymentProvider | null,
): Promise<Done> {
  const { reference, name, liveMode } = account
  await tx.paymentProvider.create({
    data: {
      id,
      kind: secrets.kind,
      accountReference: reference,
      accountName: name,
      liveMode,
      endpointReference,
      ...sealSecrets(sealer, { tenantId: scope.tenantId, id }, secrets),
      createdAt: clock(),
    },
  })
  const subject = { type: 'PaymentProvider', id }
  const after = { kind: secrets.kind, accountReference: reference, liveMode }
  const ended = replaced === null ? [] : [endedAudit(replaced, 'ACTIVE')]
  return done(
    id,
    [...ended, auditOf(subject, null, after)],
    [{ type: 'payment-provider.connected', subject, payload: after }],
  )
}

/** Best effort: deletes an endpoint that was prepared and is not used. */
async function unsubscribe(
  caller: CommandContext,
  { gateway }: PaymentServices,
  { endpointReference, secrets: { kind, secretKey } }: Prepared,
): Promise<void> {
  if (endpointReference === null) return
  try {
    await gateway.unsubscribe(kind, secretKey, endpointReference)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    caller.logger.warn({ reason, endpointReference }, 'an unused endpoint could not be deleted')
  }
}
