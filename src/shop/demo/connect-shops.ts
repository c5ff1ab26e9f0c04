// Connects each demo shop with a payment provider: the sandbox, or the developer's Stripe test account. Runs at each
// start, since the server's port may change.

import type { CommandContext } from '../../auth/command-context.ts'
import { systemContext } from '../../auth/system-context.ts'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Database } from '../../db/database.ts'
import type { PaymentProvider } from '../../generated/prisma/client.ts'
import { connectProvider } from '../payments/provider-account/connect-provider.ts'
import { endpointName } from '../payments/provider-account/endpoint.ts'
import { openSecrets } from '../payments/provider-record.ts'
import type { PaymentServices } from '../payments/services.ts'
import { DEMO_SLUGS } from './demo-tenant.ts'

type Options = {
  readonly database: Database
  readonly services: PaymentServices
  readonly clock: Clock
  readonly logger: Logger
  readonly stripe: { readonly secretKey: string; readonly webhookSecret: string | null } | null
}

/**
 * Connects the existing demo shops. A shop that is connected as configured is left unchanged, and so is a tenant with a
 * demo shop's name that the seed did not make.
 */
export async function connectDemoShops(options: Options): Promise<void> {
  const { database, clock, logger } = options
  for (const slug of DEMO_SLUGS) {
    const tenant = await database.resolveTenant({ slug })
    if (tenant === null) continue
    const caller = systemContext({ tenant, database, clock, logger, requestId: 'start' })
    if (await isDemo(caller)) await connectShop(caller, options)
  }
}

async function isDemo({ database, scope }: CommandContext): Promise<boolean> {
  const rows = await database.withTenant(
    scope,
    (tx) => tx.$queryRaw<{ isDemo: boolean }[]>`SELECT app.is_demo() AS "isDemo"`,
  )
  return rows[0]?.isDemo === true
}

async function connectShop(caller: CommandContext, { services, stripe }: Options): Promise<void> {
  const active = await caller.database.withTenant(caller.scope, (tx) =>
    tx.paymentProvider.findFirst({ where: { status: 'ACTIVE' } }),
  )
  if (active !== null && (await isAsItShould(active, caller, services, stripe))) return
  const provider = stripe === null ? 'SANDBOX' : 'STRIPE'
  const secrets = stripe && { ...stripe, webhookSecret: stripe.webhookSecret ?? undefined }
  const { userErrors } = await connectProvider(caller, services, { provider, ...secrets })
  const [error] = userErrors
  if (error !== undefined) {
    throw new AppError('SERVICE_UNAVAILABLE', `The demo shops cannot take payments: ${error.message}.`)
  }
}

/** A connection that a user made stays, unless the configuration names another account. */
async function isAsItShould(
  active: PaymentProvider,
  { tenantSlug, logger }: CommandContext,
  { gateway, sealer, publicUrl }: PaymentServices,
  stripe: Options['stripe'],
): Promise<boolean> {
  const { kind, endpointReference } = active
  if (stripe === null && (kind !== 'SANDBOX' || endpointReference === null)) return true
  try {
    const { secretKey, webhookSecret } = openSecrets(sealer, active)
    if (stripe !== null) {
      const isSameSecret = stripe.webhookSecret === null || stripe.webhookSecret === webhookSecret
      return kind === 'STRIPE' && secretKey === stripe.secretKey && isSameSecret
    }
    const url = `${publicUrl}/webhooks/in/${endpointName(tenantSlug, active.id)}`
    if (endpointReference !== null) {
      await gateway.moveSubscription('SANDBOX', secretKey, endpointReference, url)
    }
    return true
  } catch (error) {
    // With another data directory, the sandbox does not know the account, or the sealing key is another one.
    const reason = error instanceof Error ? error.message : String(error)
    logger.warn({ reason }, 'the account cannot be used: connecting another')
    return false
  }
}
