// A tenant's payments against the books of its provider, the sandbox: the violations, and those of an unreachable
// provider.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { createSealer, type Sealer } from '../../../src/core/seal.ts'
import { nodeId } from '../../../src/graphql/node-ids.ts'
import { type IntegrityReport, verifyTenant } from '../../../src/integrity/verify.ts'
import { providerRecords } from '../../../src/shop/integrity/provider-records.ts'
import { createGateway } from '../../../src/shop/payments/gateway.ts'
import type { ProviderGateway } from '../../../src/shop/payments/provider.ts'
import { type Sandbox, startSandbox } from '../../../src/shop/sandbox/start-sandbox.ts'
import { rowChecks } from '../../support/integrity.ts'
import { ACCEPTED, type Accounts, accountsOf, chargeOne, DECLINED, refundOne } from './accounts.ts'
import { complaints, type Shop, type Shops, startShops } from './shops.ts'

const sealer = createSealer({ current: Buffer.alloc(32, 'integrity') })
/** Nothing listens there. */
const NOBODY = 'http://127.0.0.1:1'

let shops: Shops
let directory: string
let sandbox: Sandbox
let gateway: ProviderGateway
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-records-'))
  sandbox = await startSandbox({ dataDir: directory, port: 0 })
  gateway = createGateway({ sandboxUrl: sandbox.url })
  shops = await startShops()
  accounts = accountsOf(shops, { gateway, sealer })
})
afterAll(async () => {
  await shops.close()
  await sandbox.stop()
  await rm(directory, { recursive: true, force: true })
})

let accounts: Accounts
const openShop = () => accounts.openShop()
const seal: Accounts['seal'] = (...of) => accounts.seal(...of)
const charge: Accounts['charge'] = (...of) => accounts.charge(...of)

async function change({ tenantId }: Shop, sql: string, values: unknown[] = []): Promise<void> {
  await shops.owner.inTenant(tenantId, (query) => query(sql, values))
}

async function verify(
  { tenantId, slug }: Shop,
  access: { gateway: ProviderGateway; sealer: Sealer } = { gateway, sealer },
  sinceDays?: number,
): Promise<IntegrityReport> {
  const { database } = shops
  const tenant = { database, scope: { tenantId }, clock: () => new Date(), tenantSlug: slug }
  return await verifyTenant(tenant, rowChecks(providerRecords(tenant, access, sinceDays)), { remote: true })
}

/** The result of the check of the provider's books: ids and messages. */
async function found(shop: Shop, sinceDays?: number): Promise<string[]> {
  const { checks } = await verify(shop, { gateway, sealer }, sinceDays)
  const records = checks.find(({ name }) => name === 'provider-records')
  return (records?.violations ?? []).map(({ message, subjects }) =>
    [...subjects.map(({ id }) => id), message].join(' '),
  )
}

const paymentOf = ({ books }: Shop, name: keyof Shop['books']['orders'], n = 0) =>
  books.orders[name].payments[n]?.id ?? ''

const messagesOf = ({ checks }: IntegrityReport) =>
  checks.flatMap(({ violations }) => violations.map(({ message }) => message))

describe('the provider’s books', () => {
  it('agree with those of a shop that charged what it says', async () => {
    const shop = await openShop()
    await charge(shop)
    const report = await verify(shop)
    expect(complaints(report)).toEqual({})
    expect(report.checks.at(-1)).toMatchObject({ name: 'provider-records', ok: true })
  })

  it('say so when they have a charge of ours that we do not have', async () => {
    const shop = await openShop()
    await charge(shop)
    const lost = newId()
    const reference = await chargeOne(shop, lost, 900n)
    expect(await found(shop)).toEqual([
      `${nodeId('Payment', lost)} the provider has a charge for an unknown payment: ${reference}, SUCCEEDED, 900 (minor units of USD)`,
    ])
  })

  it('say so when they do not have a payment that we have', async () => {
    const shop = await openShop()
    const id = paymentOf(shop, 'paid')
    await charge(shop, [id])
    expect(await found(shop)).toEqual([
      `${nodeId('Payment', id)} it succeeded here, and the provider has no charge for it`,
    ])
  })

  it('say so when an amount was changed here', async () => {
    const shop = await openShop()
    await charge(shop)
    const id = paymentOf(shop, 'partlyPaid')
    await change(shop, 'UPDATE payments SET amount_minor = 450 WHERE id = $1', [id])
    expect(await found(shop)).toEqual([
      `${nodeId('Payment', id)} here it is of 450 (minor units of USD), at the provider of 500 (minor units of USD)`,
    ])
  })

  it('show a refund made outside the shop', async () => {
    const shop = await openShop()
    await charge(shop)
    const id = paymentOf(shop, 'paid')
    const [row] = await shops.owner.inTenant(shop.tenantId, (query) =>
      query<{ reference: string }>('SELECT provider_reference AS reference FROM payments WHERE id = $1', [
        id,
      ]),
    )
    await refundOne(shop, {
      refundId: newId(),
      paymentId: id,
      reference: row?.reference ?? '',
      amountMinor: 250n,
    })
    expect(await found(shop)).toEqual([
      `${nodeId('Payment', id)} here 0 (minor units of USD) of it was refunded, at the provider 250 (minor units of USD)`,
    ])
  })

  it('say so when a payment failed here and was charged there, or the other way round', async () => {
    const shop = await openShop()
    const [declined, paid] = [paymentOf(shop, 'declined'), paymentOf(shop, 'paid')]
    await charge(shop, [declined, paid])
    await change(shop, 'UPDATE payments SET provider_reference = $2 WHERE id = $1', [
      declined,
      await chargeOne(shop, declined, 2_000n),
    ])
    await change(shop, 'UPDATE payments SET provider_reference = $2 WHERE id = $1', [
      paid,
      await chargeOne(shop, paid, 2_000n, DECLINED),
    ])
    expect((await found(shop)).sort()).toEqual(
      [
        `${nodeId('Payment', declined)} here it is FAILED, at the provider SUCCEEDED`,
        `${nodeId('Payment', paid)} here it is SUCCEEDED, at the provider FAILED`,
      ].sort(),
    )
  })

  it('say so when a payment was charged twice', async () => {
    const shop = await openShop()
    await charge(shop)
    const id = paymentOf(shop, 'paid')
    // Without the adapter, whose key would make it one charge.
    const response = await fetch(`${sandbox.url}/v1/payment_intents`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${shop.secretKey}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: `amount=2000&currency=usd&payment_method=${ACCEPTED}&confirm=true&metadata[bulkhead_payment]=${id}`,
    })
    const { id: reference } = (await response.json()) as { id: string }
    expect(await found(shop)).toEqual([
      `${nodeId('Payment', id)} the provider has another charge for it: ${reference}, SUCCEEDED, 2000 (minor units of USD)`,
    ])
  })

  it('may have any state for a payment that is still in flight', async () => {
    const shop = await openShop()
    await charge(shop)
    await chargeOne(shop, paymentOf(shop, 'unheard'), 2_000n)
    await chargeOne(shop, paymentOf(shop, 'waiting'), 2_000n, DECLINED)
    expect(await found(shop)).toEqual([])
  })

  it('are read once for an account whose key was replaced, and cover the charges of both keys', async () => {
    const shop = await openShop()
    await charge(shop)
    await change(shop, `UPDATE payment_providers SET status = 'REPLACED', events_until = now()`)
    const providerId = newId()
    await change(
      shop,
      `INSERT INTO payment_providers (id, kind, account_reference, secret_key, webhook_secret, sealing_key_id, created_at)
       SELECT $1, kind, account_reference, secret_key, webhook_secret, sealing_key_id, now() + interval '1 second'
       FROM payment_providers`,
      [providerId],
    )
    await seal(shop, providerId, shop.secretKey)
    // The old key is no longer valid.
    await seal(shop, shop.books.providerId, 'sk_test_gone')
    expect(await found(shop)).toEqual([])
  })

  it('are read for the given days, and older payments are ignored', async () => {
    const shop = await openShop()
    const id = paymentOf(shop, 'paid')
    await charge(shop, [id])
    await change(shop, `UPDATE payments SET created_at = created_at - interval '40 days' WHERE id = $1`, [id])
    expect(await found(shop)).toEqual([])
    expect(await found(shop, 60)).toHaveLength(1)
  })

  it('cross-tenant: are those of the tenant’s own account, and of no other', async () => {
    const [one, other] = [await openShop(), await openShop()]
    await charge(one)
    await charge(other)
    await chargeOne(other, newId(), 900n)
    expect(await found(one)).toEqual([])
    expect(await found(other)).toHaveLength(1)
  })
})

describe('an account that cannot be asked', () => {
  it('because it does not answer is a separate violation', async () => {
    const shop = await openShop()
    const report = await verify(shop, { gateway: createGateway({ sandboxUrl: NOBODY }), sealer })
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

  it('because its secrets were sealed with another key is one, too, and reveals no secret', async () => {
    const shop = await openShop()
    const other = createSealer({ current: Buffer.alloc(32, 'another') })
    const messages = messagesOf(await verify(shop, { gateway, sealer: other }))
    expect(messages).toEqual([
      expect.stringMatching(/^the account acct_test could not be asked: .* not configured$/),
    ])
    expect(messages.join()).not.toContain(shop.secretKey)
  })

  it('because its key opens nothing is one, too', async () => {
    const shop = await openShop()
    await seal(shop, shop.books.providerId, 'sk_test_gone')
    const messages = messagesOf(await verify(shop))
    expect(messages).toEqual([expect.stringMatching(/^the account acct_test could not be asked/)])
    expect(messages.join()).not.toContain('sk_test_gone')
  })

  it('because there is no sandbox here is one, too', async () => {
    const report = await verify(await openShop(), { gateway: createGateway({ sandboxUrl: null }), sealer })
    expect(messagesOf(report)).toEqual(['the account acct_test could not be asked: there is no sandbox here'])
  })

  it('is ignored when it was replaced, and took nothing in that time', async () => {
    const shop = await openShop()
    await change(shop, `UPDATE payment_providers SET status = 'REPLACED', events_until = now()`)
    await change(shop, `UPDATE payments SET created_at = created_at - interval '40 days'`)
    const nobody = { gateway: createGateway({ sandboxUrl: NOBODY }), sealer }
    expect(complaints(await verify(shop, nobody))).not.toHaveProperty('provider-records')
    expect(complaints(await verify(shop, nobody, 60))).toHaveProperty('provider-records')
  })
})
