// Finds the account of a webhook delivery and checks its signature. It runs outside the tenants' shares of the pool,
// since anybody can send a delivery. receive-event.ts processes the genuine ones.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../core/clock.ts'
import { AppError } from '../../../core/errors.ts'
import { NO_ID } from '../../../core/ids.ts'
import type { Database, TenantAddress } from '../../../db/database.ts'
import type { PaymentProvider } from '../../../generated/prisma/client.ts'
import type { EventAccount, IncomingEvent } from '../provider.ts'
import { parseEndpoint } from '../provider-account/endpoint.ts'
import { eventSecrets } from '../provider-record.ts'
import type { PaymentServices } from '../services.ts'

export type IncomingMessage = {
  /** The last part of the path: names the tenant and the account. */
  readonly endpoint: string
  readonly rawBody: Uint8Array
  readonly signature: string
}

/** A delivery with a valid signature. */
export type Delivery = {
  readonly tenant: TenantAddress
  readonly record: PaymentProvider
  readonly event: IncomingEvent
  /** Whether another message is signed with the account's secrets as of this delivery. */
  readonly isSigned: (message: Pick<IncomingMessage, 'rawBody' | 'signature'>) => boolean
}

/** The pool's lane for unauthenticated work, which API keys and tokens under verification share. */
const CALLER = 'deliveries'
/** For an unknown tenant: it is looked up all the same, so that the answer takes the same work. */
const NO_TENANT: TenantAddress = { tenantId: NO_ID, tenantSlug: '', tenantStatus: 'ACTIVE' }
const DUMMY_SECRET_BYTES = 24

/**
 * Finds the account and checks the signature. Null for an invalid or expired signature and for an unknown endpoint:
 * they take the same work, so that they cannot be told apart. Throws NOT_FOUND for text that is no endpoint's name.
 */
export async function openDelivery(
  services: PaymentServices & { readonly database: Database; readonly clock: Clock },
  { endpoint, rawBody, signature }: IncomingMessage,
): Promise<Delivery | null> {
  const { database, clock, gateway, sealer } = services
  const address = parseEndpoint(endpoint)
  if (address === null) throw new AppError('NOT_FOUND', 'There is no such endpoint.')
  const tenant = (await database.resolveTenant({ slug: address.slug })) ?? NO_TENANT
  const scope = { tenantId: tenant.tenantId, caller: CALLER, isUnauthenticated: true }
  const record = await database.withTenant(scope, (tx) =>
    tx.paymentProvider.findFirst({ where: { id: address.providerId } }),
  )
  const account = accountOf(
    record === null ? [] : eventSecrets(sealer, record, clock()),
    record?.liveMode ?? false,
  )
  const read = (message: Pick<IncomingMessage, 'rawBody' | 'signature'>): IncomingEvent | null => {
    try {
      return gateway.readEvent(account, { ...message, now: clock() })
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAUTHENTICATED') return null
      throw error
    }
  }
  const event = read({ rawBody, signature })
  if (event === null || record === null) return null
  return { tenant, record, event, isSigned: (message) => read(message) !== null }
}

/** An account without secrets gets a random one, so that its check fails and takes as long as any other. */
function accountOf(webhookSecrets: readonly string[], liveMode: boolean): EventAccount {
  if (webhookSecrets.length > 0) return { webhookSecrets, liveMode }
  return { webhookSecrets: [`whsec_${randomBytes(DUMMY_SECRET_BYTES).toString('hex')}`], liveMode }
}
