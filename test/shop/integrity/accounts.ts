// The shops' accounts with the sandbox, and their charges there.
import type { Sealer } from '../../../src/core/seal.ts'
import type { ProviderAccount, ProviderGateway } from '../../../src/shop/payments/provider.ts'
import { sealSecrets } from '../../../src/shop/payments/provider-record.ts'
import type { Shop, Shops } from './shops.ts'

export interface ConnectedShop extends Shop {
  secretKey: string
  account: ProviderAccount
}

export interface Accounts {
  /** A valid shop with its own account. The provider has no charges yet. */
  openShop(): Promise<ConnectedShop>
  /** Sets the key with which the server opens an account. */
  seal(shop: Shop, providerId: string, secretKey: string): Promise<void>
  /** Charges and refunds what the shop says was charged and refunded, except the payments in `except`. */
  charge(shop: ConnectedShop, except?: readonly string[]): Promise<void>
}

export function accountsOf(
  { owner, open }: Shops,
  { gateway, sealer }: { gateway: ProviderGateway; sealer: Sealer },
): Accounts {
  let keys = 0

  async function change({ tenantId }: Shop, sql: string, values: unknown[]): Promise<void> {
    await owner.inTenant(tenantId, (query) => query(sql, values))
  }

  async function seal(shop: Shop, id: string, secretKey: string): Promise<void> {
    const sealed = sealSecrets(
      sealer,
      { tenantId: shop.tenantId, id },
      { secretKey, webhookSecret: 'whsec_x' },
    )
    await change(
      shop,
      'UPDATE payment_providers SET secret_key = $2, webhook_secret = $3, sealing_key_id = $4 WHERE id = $1',
      [id, Buffer.from(sealed.secretKey), Buffer.from(sealed.webhookSecret), sealed.sealingKeyId],
    )
  }

  async function openShop(): Promise<ConnectedShop> {
    keys += 1
    const secretKey = `sk_test_${String(keys).padStart(16, '0')}`
    const shop = await open()
    await seal(shop, shop.books.providerId, secretKey)
    const account = gateway.open({ kind: 'SANDBOX', secretKey })
    return { ...shop, secretKey, account }
  }

  async function charge(shop: ConnectedShop, except: readonly string[] = []): Promise<void> {
    const { payments, refunds } = await owner.inTenant(shop.tenantId, async (query) => ({
      payments: await query<{ id: string; status: string; amount: number }>(
        `SELECT id, status, amount_minor::int AS amount FROM payments
       WHERE provider_id IS NOT NULL AND status IN ('SUCCEEDED', 'FAILED')`,
      ),
      refunds: await query<{ id: string; payment: string; amount: number }>(
        `SELECT id, payment_id AS payment, amount_minor::int AS amount FROM refunds
       WHERE status = 'SUCCEEDED' AND payment_id IN (SELECT id FROM payments WHERE provider_id IS NOT NULL)`,
      ),
    }))
    for (const { id, status, amount } of payments.filter((payment) => !except.includes(payment.id))) {
      const reference = await chargeOne(shop, id, BigInt(amount), status === 'FAILED' ? DECLINED : ACCEPTED)
      await change(shop, 'UPDATE payments SET provider_reference = $2 WHERE id = $1', [id, reference])
      for (const refund of refunds.filter(({ payment }) => payment === id)) {
        await refundOne(shop, {
          refundId: refund.id,
          paymentId: id,
          reference,
          amountMinor: BigInt(refund.amount),
        })
      }
    }
  }

  return { openShop, seal, charge }
}

export const ACCEPTED = 'pm_card_visa'
export const DECLINED = 'pm_card_chargeDeclined'

export async function chargeOne(
  shop: ConnectedShop,
  paymentId: string,
  amountMinor: bigint,
  method = ACCEPTED,
): Promise<string> {
  const verdict = await shop.account.charge({
    tenantId: shop.tenantId,
    paymentId,
    amountMinor,
    currency: 'USD',
    method,
    returnUrl: null,
    description: 'a test',
  })
  if (!('reference' in verdict) || verdict.reference === null)
    throw new Error(`charged: ${JSON.stringify(verdict)}`)
  return verdict.reference
}

export async function refundOne(
  shop: ConnectedShop,
  {
    refundId,
    paymentId,
    reference,
    amountMinor,
  }: { refundId: string; paymentId: string; reference: string; amountMinor: bigint },
): Promise<void> {
  const asked = {
    tenantId: shop.tenantId,
    refundId,
    paymentId,
    chargeReference: reference,
    amountMinor,
    currency: 'USD',
    reason: null,
  }
  const verdict = await shop.account.refund(asked)
  if (verdict.status !== 'SUCCEEDED') throw new Error(`refunded: ${JSON.stringify(verdict)}`)
}
