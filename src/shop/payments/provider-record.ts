// The stored account with a provider: its secrets are sealed, each bound to tenant, row and purpose.
// provider-account/connect-provider.ts creates and replaces accounts.
import { NO_KEY_ID, type Sealer } from '../../core/seal.ts'
import type { TenantClient, Transaction } from '../../db/database.ts'
import type { PaymentProvider } from '../../generated/prisma/client.ts'
import type { AccountSecrets, ProviderAccount } from './provider.ts'
import type { PaymentServices } from './services.ts'

type Kind = AccountSecrets['kind']
type Purpose = 'secret key' | 'webhook secret' | 'previous webhook secret'
type Sealed = Pick<PaymentProvider, 'secretKey' | 'webhookSecret' | 'previousWebhookSecret' | 'sealingKeyId'>
/** The sealed secrets of an account; the previous webhook secret is set only during a rotation. */
export type SealedSecrets = Pick<AccountSecrets, 'secretKey' | 'webhookSecret'> & {
  readonly previousWebhookSecret?: string | null
}

function contextOf(tenantId: string, providerId: string, purpose: Purpose): string {
  return `${tenantId}/${providerId}/${purpose}`
}

/** The columns of an account's secrets. */
export function sealSecrets(
  sealer: Sealer,
  place: { readonly tenantId: string; readonly id: string },
  secrets: SealedSecrets,
): { [Column in keyof Sealed]: Sealed[Column] } {
  const seal = (text: string, purpose: Purpose) =>
    new Uint8Array(sealer.seal(text, contextOf(place.tenantId, place.id, purpose)))
  return {
    secretKey: seal(secrets.secretKey, 'secret key'),
    webhookSecret: seal(secrets.webhookSecret, 'webhook secret'),
    previousWebhookSecret:
      secrets.previousWebhookSecret == null
        ? null
        : seal(secrets.previousWebhookSecret, 'previous webhook secret'),
    sealingKeyId: sealer.keyId,
  }
}

/** Throws a plain Error when the sealing key is not configured, or the secrets were altered. */
export function openSecrets(sealer: Sealer, row: PaymentProvider): AccountSecrets & Required<SealedSecrets> {
  const open = (sealed: Uint8Array, purpose: Purpose) =>
    sealer.open(sealed, row.sealingKeyId, contextOf(row.tenantId, row.id, purpose))
  return {
    kind: row.kind as Kind,
    secretKey: open(row.secretKey, 'secret key'),
    webhookSecret: open(row.webhookSecret, 'webhook secret'),
    previousWebhookSecret:
      row.previousWebhookSecret === null ? null : open(row.previousWebhookSecret, 'previous webhook secret'),
  }
}

/**
 * The secrets with which the account's events may be signed now: none after its end or in a restored tenant, two during
 * a rotation.
 */
export function eventSecrets(sealer: Sealer, row: PaymentProvider, now: Date): readonly string[] {
  const { eventsUntil, previousWebhookSecretUntil: previousUntil } = row
  if (!hasSecrets(row) || (eventsUntil !== null && eventsUntil <= now)) return []
  const { webhookSecret, previousWebhookSecret: previous } = openSecrets(sealer, row)
  const counts = previous !== null && previousUntil !== null && now < previousUntil
  return counts ? [webhookSecret, previous] : [webhookSecret]
}

/** Whether the account has secrets; a restored tenant's accounts have none. */
export function hasSecrets({ sealingKeyId }: Pick<PaymentProvider, 'sealingKeyId'>): boolean {
  return sealingKeyId !== NO_KEY_ID
}

/**
 * Opens the account of a payment, replaced or not; null when this tenant has no such account. A restored account is
 * opened with the secrets of the same account, once it is connected again.
 */
export async function openProvider(
  db: TenantClient,
  { gateway, sealer }: Pick<PaymentServices, 'gateway' | 'sealer'>,
  providerId: string,
): Promise<ProviderAccount | null> {
  const row = await usableRecord(db, providerId)
  return row === null ? null : gateway.open(openSecrets(sealer, row))
}

/** Whether the provider can be called. False for a restored tenant's account until it is connected again. */
export async function isConnected(tx: Transaction, providerId: string): Promise<boolean> {
  return (await usableRecord(tx, providerId)) !== null
}

async function usableRecord(db: TenantClient, providerId: string): Promise<PaymentProvider | null> {
  const named = await db.paymentProvider.findFirst({ where: { id: providerId } })
  if (named === null || hasSecrets(named)) return named
  const { kind, accountReference } = named
  return await db.paymentProvider.findFirst({
    where: { kind, accountReference, sealingKeyId: { not: NO_KEY_ID } },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
  })
}

/** The account that takes payments now. */
export async function activeProvider(tx: Transaction): Promise<{ id: string; kind: Kind } | null> {
  const row = await tx.paymentProvider.findFirst({
    where: { status: 'ACTIVE' },
    select: { id: true, kind: true },
  })
  return row === null ? null : { id: row.id, kind: row.kind as Kind }
}
