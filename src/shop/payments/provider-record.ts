// The merchant's account with a provider as it is kept: its secrets sealed, each bound to tenant, row and purpose. Which
// account is made and replaced is connect-provider.ts's.
import { NO_KEY_ID, type Sealer } from '../../core/seal.ts'
import type { Transaction } from '../../db/database.ts'
import type { PaymentProvider } from '../../generated/prisma/client.ts'
import type { AccountSecrets, ProviderAccount } from './provider.ts'
import type { PaymentServices } from './services.ts'

type Kind = AccountSecrets['kind']
type Purpose = 'secret key' | 'webhook secret' | 'previous webhook secret'
type Sealed = Pick<PaymentProvider, 'secretKey' | 'webhookSecret' | 'previousWebhookSecret' | 'sealingKeyId'>
/** What is sealed of an account; the previous secret of its events is there while it takes the place of no other yet. */
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

/** Throws a plain Error when the key that sealed them is not configured, or they were altered. */
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
 * What the account's events may be signed with now: nothing once its time is over, and where a restored tenant came without
 * secrets; two secrets while one takes the other's place.
 */
export function eventSecrets(sealer: Sealer, row: PaymentProvider, now: Date): readonly string[] {
  const { eventsUntil, previousWebhookSecretUntil: previousUntil } = row
  if (!hasSecrets(row) || (eventsUntil !== null && eventsUntil <= now)) return []
  const { webhookSecret, previousWebhookSecret: previous } = openSecrets(sealer, row)
  const counts = previous !== null && previousUntil !== null && now < previousUntil
  return counts ? [webhookSecret, previous] : [webhookSecret]
}

/** Whether there are any: a restored tenant's accounts came without. */
export function hasSecrets({ sealingKeyId }: Pick<PaymentProvider, 'sealingKeyId'>): boolean {
  return sealingKeyId !== NO_KEY_ID
}

/**
 * The account that a payment is of, replaced or not; null when this tenant has none such. One that was restored
 * is opened with the secrets of the same account, once it has been connected anew.
 */
export async function openProvider(
  tx: Transaction,
  { gateway, sealer }: Pick<PaymentServices, 'gateway' | 'sealer'>,
  providerId: string,
): Promise<ProviderAccount | null> {
  const row = await usableRecord(tx, providerId)
  return row === null ? null : gateway.open(openSecrets(sealer, row))
}

/** Whether there is somebody to ask: not of a restored tenant's account before it has been connected anew. */
export async function isConnected(tx: Transaction, providerId: string): Promise<boolean> {
  return (await usableRecord(tx, providerId)) !== null
}

async function usableRecord(tx: Transaction, providerId: string): Promise<PaymentProvider | null> {
  const named = await tx.paymentProvider.findFirst({ where: { id: providerId } })
  if (named === null || hasSecrets(named)) return named
  const { kind, accountReference } = named
  return await tx.paymentProvider.findFirst({
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
