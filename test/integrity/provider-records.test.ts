// A tenant's payments against the books of its provider: what is found, and what it is when nobody answers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSealer, type Sealer } from '../../src/core/seal.ts'
import { nodeId } from '../../src/graphql/node.ts'
import { providerRecords } from '../../src/integrity/provider-records.ts'
import { type IntegrityReport, verifyTenant } from '../../src/integrity/verify.ts'
import { createGateway } from '../../src/payments/gateway.ts'
import type { ProviderGateway } from '../../src/payments/provider.ts'
import { sealSecrets } from '../../src/payments/provider-record.ts'
import { complaints, type Shop, type Shops, startShops } from './shops.ts'

const sealer = createSealer({ current: Buffer.alloc(32, 'integrity') })
const SECRET_KEY = 'sk_test_0123456789abcdef'
/** Nothing listens there. */
const NOBODY = 'http://127.0.0.1:1'

let shops: Shops
beforeAll(async () => {
  shops = await startShops()
})
afterAll(() => shops.close())

/** A shop in order, whose account opens with SECRET_KEY. */
async function openShop(secretKey = SECRET_KEY): Promise<Shop> {
  const shop = await shops.open()
  const { tenantId, books } = shop
  const { providerId: id } = books
  const sealed = sealSecrets(sealer, { tenantId, id }, { secretKey, webhookSecret: 'whsec_x' })
  await shops.owner.inTenant(tenantId, (query) =>
    query(
      'UPDATE payment_providers SET secret_key = $2, webhook_secret = $3, sealing_key_id = $4 WHERE id = $1',
      [id, Buffer.from(sealed.secretKey), Buffer.from(sealed.webhookSecret), sealed.sealingKeyId],
    ),
  )
  return shop
}

async function verify(
  { tenantId, slug }: Shop,
  access: { gateway: ProviderGateway; sealer: Sealer },
  sinceDays?: number,
): Promise<IntegrityReport> {
  const { database } = shops
  const tenant = { database, scope: { tenantId }, clock: () => new Date(), tenantSlug: slug }
  return await verifyTenant(tenant, [providerRecords(tenant, access, sinceDays)])
}

const messagesOf = ({ checks }: IntegrityReport) =>
  checks.flatMap(({ violations }) => violations.map(({ message }) => message))

describe('an account that cannot be asked', () => {
  it('because nobody answers is a violation of its own', async () => {
    const shop = await openShop()
    const gateway = createGateway({ sandboxUrl: NOBODY })
    const report = await verify(shop, { gateway, sealer })
    expect(report.ok).toBe(false)
    expect(complaints(report)).toEqual({
      'provider-records': [nodeId('PaymentProvider', shop.books.providerId)],
    })
    expect(messagesOf(report)).toEqual([
      expect.stringMatching(
        /^the account acct_test could not be asked: the payment provider cannot be asked/,
      ),
    ])
  })

  it('because its secrets were sealed with another key is one, too, and tells no secret', async () => {
    const shop = await openShop()
    const gateway = createGateway({ sandboxUrl: NOBODY })
    const other = createSealer({ current: Buffer.alloc(32, 'another') })
    const messages = messagesOf(await verify(shop, { gateway, sealer: other }))
    expect(messages).toEqual([
      expect.stringMatching(/^the account acct_test could not be asked: .* not configured$/),
    ])
    expect(messages.join()).not.toContain(SECRET_KEY)
  })

  it('because there is no sandbox here is one, too', async () => {
    const gateway = createGateway({ sandboxUrl: null })
    expect(messagesOf(await verify(await openShop(), { gateway, sealer }))).toEqual([
      'the account acct_test could not be asked: there is no sandbox here',
    ])
  })

  it('is no matter when it was replaced, and took nothing in all that time', async () => {
    const shop = await openShop()
    await shops.owner.inTenant(shop.tenantId, async (query) => {
      await query(`UPDATE payment_providers SET status = 'REPLACED'`)
      await query(
        `UPDATE payments SET created_at = created_at - interval '40 days' WHERE settled_at IS NOT NULL`,
      )
      await query(`UPDATE payments SET created_at = created_at - interval '40 days', status = 'FAILED',
        settled_at = created_at, failure_code = 'ABANDONED' WHERE settled_at IS NULL`)
      await query(`UPDATE orders SET payment_status = 'UNPAID' WHERE payment_status = 'PENDING'`)
    })
    const gateway = createGateway({ sandboxUrl: NOBODY })
    expect(complaints(await verify(shop, { gateway, sealer }))).toEqual({})
    expect(Object.keys(complaints(await verify(shop, { gateway, sealer }, 60)))).toEqual(['provider-records'])
  })
})
