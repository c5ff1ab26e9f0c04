// Whose account a delivery is for, and whether it is signed: found out in no tenant's turns, since anybody can send one. What
// becomes of a genuine one is receive-event.ts's.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { NO_ID } from '../../core/ids.ts'
import type { Database, TenantAddress } from '../../db/database.ts'
import type { PaymentProvider } from '../../generated/prisma/client.ts'
import { parseEndpoint } from './endpoint.ts'
import type { EventAccount, IncomingEvent } from './provider.ts'
import { eventSecrets } from './provider-record.ts'
import type { PaymentServices } from './services.ts'

export type IncomingMessage = {
  /** The last part of the path: it names tenant and account. */
  readonly endpoint: string
  readonly rawBody: Uint8Array
  readonly signature: string
}

/** A delivery whose signature is good. */
export type Delivery = {
  readonly tenant: TenantAddress
  readonly record: PaymentProvider
  readonly event: IncomingEvent
  /** Whether another message is signed by the account's secrets, as they were when this one was opened. */
  readonly isSigned: (message: Pick<IncomingMessage, 'rawBody' | 'signature'>) => boolean
}

/** In the lane of strangers, beside what is asked of keys and people. */
const CALLER = 'deliveries'
/** There is no such tenant: looked into all the same. */
const NO_TENANT: TenantAddress = { tenantId: NO_ID, tenantSlug: '', tenantStatus: 'ACTIVE' }
const DUMMY_SECRET_BYTES = 24

/**
 * Finds the account and checks the signature. Null for a signature that is not the account's or not of now, and for an
 * endpoint of no account, after the same work: none can be told from another. Throws NOT_FOUND for what is no endpoint's
 * name.
 */
export async function openDelivery(
  services: PaymentServices & { readonly database: Database; readonly clock: Clock },
  { endpoint, rawBody, signature }: IncomingMessage,
): Promise<Delivery | null> {
  const { database, clock, gateway, sealer } = services
  const address = parseEndpoint(endpoint)
  if (address === null) throw new AppError('NOT_FOUND', 'There is no such endpoint.')
  const tenant = (await database.resolveTenant({ slug: address.slug })) ?? NO_TENANT
  const scope = { tenantId: tenant.tenantId, caller: CALLER, isStrangers: true }
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

/** An account without secrets has one that nobody knows: no signature is its, and none is checked any faster. */
function accountOf(webhookSecrets: readonly string[], liveMode: boolean): EventAccount {
  if (webhookSecrets.length > 0) return { webhookSecrets, liveMode }
  return { webhookSecrets: [`whsec_${randomBytes(DUMMY_SECRET_BYTES).toString('hex')}`], liveMode }
}
