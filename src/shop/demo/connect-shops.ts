// Gives each demo shop an account with a payment provider, so that it can take payments: the sandbox's, or a Stripe test
// account of the developer's. Done at each start, since the sandbox may find the server at another port.

import type { CommandContext } from '../../auth/command-context.ts'
import { systemContext } from '../../auth/system-context.ts'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Database } from '../../db/database.ts'
import type { PaymentProvider } from '../../generated/prisma/client.ts'
import { connectProvider } from '../payments/connect-provider.ts'
import { endpointName } from '../payments/endpoint.ts'
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
 * Connects the demo shops that are here; those that are connected as they should be are left as they are, and so is a tenant
 * that has the name of one and was not made by the seed.
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
  const { userErrors } = await connectProvider(caller, services, { provider, ...stripe })
  const [error] = userErrors
  if (error !== undefined) {
    throw new AppError('SERVICE_UNAVAILABLE', `The demo shops cannot take payments: ${error.message}.`)
  }
}

/** What somebody has connected stays, unless the configuration names another account. */
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
    // The data directory is another one: its sandbox knows no such account, or its key opens no such secret.
    const reason = error instanceof Error ? error.message : String(error)
    logger.warn({ reason }, 'the account is lost: connecting another')
    return false
  }
}
