// Connecting a Stripe account, with a real sandbox in place of Stripe. connect-provider.test.ts tests what all
// providers share.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../../../src/auth/command-context.ts'
import { createLogger } from '../../../../src/core/logger.ts'
import { createSealer } from '../../../../src/core/seal.ts'
import { createGateway } from '../../../../src/shop/payments/gateway.ts'
import { connectProvider } from '../../../../src/shop/payments/provider-account/connect-provider.ts'
import { endTask } from '../../../../src/shop/payments/provider-account/end-provider.ts'
import { endpointName, parseEndpoint } from '../../../../src/shop/payments/provider-account/endpoint.ts'
import { openProvider, openSecrets } from '../../../../src/shop/payments/provider-record.ts'
import type { PaymentServices } from '../../../../src/shop/payments/services.ts'
import { type Api, startApi } from '../../../support/api.ts'
import { asSuperuser } from '../../../support/database.ts'
import { startHttpProxy } from '../../../support/http-proxy.ts'
import { systemOf } from '../../../support/system.ts'
import { unique } from '../../../support/unique.ts'
import { type Merchant, newMerchant } from '../../sandbox/merchant.ts'
import { sandboxUrl } from '../../support/sandbox-url.ts'

const PUBLIC_URL = 'http://127.0.0.1:9'
const WEBHOOK_SECRET = 'whsec_of_an_endpoint_of_their_own'

/** Longer than an event is resent. */
const DAYS_4_MS = 4 * 24 * 3_600_000
const NO_CHARGE = { paymentId: 'x', amountMinor: 1n, currency: 'USD' }

let api: Api
let caller: CommandContext
let merchant: Merchant
let services: PaymentServices
beforeAll(async () => {
  api = await startApi()
  caller = await systemOf(api, 'A')
})
afterAll(() => api?.close())
beforeEach(() => {
  merchant = newMerchant()
  services = servicesAt(sandboxUrl())
})

function servicesAt(stripeUrl: string, more: Partial<PaymentServices> = {}): PaymentServices {
  const { sealer } = api.services.payments
  const gateway = createGateway({ sandboxUrl: null, stripeUrl, timeoutMs: 1_000 })
  return { gateway, sealer, publicUrl: PUBLIC_URL, ...more }
}

type Given = Partial<Parameters<typeof connectProvider>[2]>

function connect(given: Given = {}, using: PaymentServices = services) {
  const { secretKey } = merchant
  return connectProvider(caller, using, { provider: 'STRIPE', secretKey, ...given })
}

const records = () =>
  caller.database.withTenant(caller.scope, (tx) =>
    tx.paymentProvider.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
  )

async function active() {
  const [record, ...others] = (await records()).filter(({ status }) => status === 'ACTIVE')
  if (record === undefined || others.length > 0) throw new Error('there is not one active account')
  return record
}

const endpoints = async () => (await merchant.stripe.webhookEndpoints.list({ limit: 100 })).data

describe('an account of Stripe', () => {
  it('is the one that the key opens, and sends its events to a new endpoint', async () => {
    const { id, userErrors } = await connect()
    expect(userErrors).toEqual([])
    const record = await active()
    expect(record).toMatchObject({
      id,
      kind: 'STRIPE',
      accountReference: (await merchant.stripe.accounts.retrieveCurrent()).id,
      liveMode: false,
    })
    const [endpoint, ...others] = await endpoints()
    expect(others).toEqual([])
    expect(endpoint).toMatchObject({
      id: record.endpointReference,
      url: `${PUBLIC_URL}/webhooks/in/${endpointName('anchor', record.id)}`,
    })
    expect(endpoint?.enabled_events).toContain('payment_intent.succeeded')
    expect(openSecrets(services.sealer, record)).toEqual({
      kind: 'STRIPE',
      secretKey: merchant.secretKey,
      webhookSecret: expect.stringMatching(/^whsec_/),
      previousWebhookSecret: null,
    })
  })

  it('with the merchant’s own endpoint uses it, and makes no other', async () => {
    expect((await connect({ webhookSecret: WEBHOOK_SECRET })).userErrors).toEqual([])
    const record = await active()
    expect(record.endpointReference).toBeNull()
    expect(openSecrets(services.sealer, record).webhookSecret).toBe(WEBHOOK_SECRET)
    expect(await endpoints()).toEqual([])
    // Then this server's address need not be known.
    const nowhere = { ...services, publicUrl: null }
    expect((await connect({ webhookSecret: WEBHOOK_SECRET }, nowhere)).userErrors).toEqual([])
  })

  it('connected again sends its events to the new endpoint, to the old one until its secret ends, and the old record still opens', async () => {
    const first = await connect()
    const second = await connect()
    const record = await active()
    expect(record.id).toBe(second.id)
    expect((await endpoints()).map(({ id }) => id)).toContain(record.endpointReference)
    expect(await endpoints()).toHaveLength(2)
    const later = { ...caller, clock: () => new Date(Date.now() + DAYS_4_MS) }
    await endTask(services).run(later, { providerId: first.id ?? '' })
    expect((await endpoints()).map(({ id }) => id)).toEqual([record.endpointReference])
    const opened = await caller.database.withTenant(caller.scope, (tx) =>
      openProvider(tx, services, first.id ?? ''),
    )
    expect(await opened?.findCharge({ ...NO_CHARGE, reference: null, createdAfter: new Date(0) })).toBeNull()
  })

  it('connected twice with the same idempotency key is connected once, and has one endpoint', async () => {
    const given = { idempotencyKey: unique('connect') }
    const first = await connect(given)
    expect(await connect(given)).toEqual({ ...first, replayed: true })
    expect((await active()).id).toBe(first.id)
    expect(await endpoints()).toHaveLength(1)
  })

  it('cross-tenant: one account of two tenants has an endpoint for each, and neither record opens the other', async () => {
    await connect()
    const other = await systemOf(api, 'B')
    const { secretKey } = merchant
    const { id } = await connectProvider(other, services, { provider: 'STRIPE', secretKey })
    expect((await endpoints()).map(({ url }) => parseEndpoint(url.split('/').at(-1) ?? '')?.slug)).toEqual([
      'bollard',
      'anchor',
    ])
    const opened = await caller.database.withTenant(caller.scope, (tx) =>
      openProvider(tx, services, id ?? ''),
    )
    expect(opened).toBeNull()
  })

  it('leaves its key in no audit entry, event, outcome or fingerprint', async () => {
    const { id } = await connect({ idempotencyKey: unique('connect'), webhookSecret: WEBHOOK_SECRET })
    const traces = await asSuperuser(api.database, async (client) => {
      const { rows } = await client.query<{ trace: string }>(
        `SELECT a::text AS trace FROM audit_entries a WHERE subject_id = $1
         UNION ALL SELECT e::text FROM outbox_events e WHERE subject_id = $1
         UNION ALL SELECT k::text FROM idempotency_keys k WHERE outcome ->> 'id' = $1::text`,
        [id],
      )
      return rows.map(({ trace }) => trace)
    })
    expect(traces).toHaveLength(3)
    for (const secret of [merchant.secretKey, WEBHOOK_SECRET]) {
      expect(traces.join()).not.toContain(secret)
      expect(traces.join()).not.toContain(Buffer.from(secret).toString('hex'))
    }
  })
})

describe('what changes nothing', () => {
  it.each([
    ['a key that opens nothing', { secretKey: 'sk_test_short123' }, 'KEY_REFUSED', 'secretKey'],
    ['a publishable key', { secretKey: 'pk_test_abcdefghijklmnop' }, 'KEY_REFUSED', 'secretKey'],
    ['an empty key', { secretKey: ' ' }, 'KEY_REFUSED', 'secretKey'],
    ['an endless key', { secretKey: `sk_test_${'a'.repeat(500)}` }, 'TOO_LONG', 'secretKey'],
    ['a text that cannot be stored', { webhookSecret: 'whsec_\0' }, 'FORMAT', 'webhookSecret'],
    ['a key for the sandbox', { provider: 'SANDBOX', secretKey: 'sk_live_abcdefgh' }, 'FORMAT', 'secretKey'],
  ] as const)('%s: %s', async (_what, given, code, field) => {
    const before = await records()
    expect(await connect(given)).toMatchObject({ id: null, userErrors: [{ code, field: [field] }] })
    expect(await records()).toEqual(before)
  })

  it('an address to which the provider does not send: NOT_AVAILABLE, with its reason', async () => {
    const before = await records()
    const { userErrors } = await connect({}, { ...services, publicUrl: 'ftp://shop.example' })
    expect(userErrors).toEqual([
      {
        field: ['webhookSecret'],
        code: 'NOT_AVAILABLE',
        message: expect.stringContaining('no events to ftp://shop.example (Invalid URL)'),
      },
    ])
    expect(await records()).toEqual(before)
  })

  it('a provider that becomes unreachable between examining and subscribing: PROVIDER_UNAVAILABLE', async () => {
    const before = await records()
    const proxy = await startHttpProxy(sandboxUrl())
    proxy.breakAt = (call) => (call.includes('webhook_endpoints') ? 'lost' : null)
    try {
      const { userErrors } = await connect({}, servicesAt(proxy.url))
      expect(userErrors).toMatchObject([{ code: 'PROVIDER_UNAVAILABLE', field: null }])
      expect(userErrors[0]?.message).not.toContain(merchant.secretKey)
      expect(proxy.calls[0]).toBe('GET /v1/account')
    } finally {
      await proxy.close()
    }
    expect(await records()).toEqual(before)
    expect(await endpoints()).toEqual([])
  })

  it('an answer to subscribing that is lost, which the library asks for again, leaves one endpoint', async () => {
    const proxy = await startHttpProxy(sandboxUrl())
    let isFirst = true
    proxy.breakAt = (call) => {
      if (!isFirst || !call.includes('webhook_endpoints')) return null
      isFirst = false
      return 'unanswered'
    }
    try {
      expect((await connect({}, servicesAt(proxy.url))).userErrors).toEqual([])
    } finally {
      await proxy.close()
    }
    expect(await endpoints()).toHaveLength(1)
  })
})

describe('when the old account cannot be notified', () => {
  const logged = (lines: string[]): CommandContext => ({
    ...caller,
    logger: createLogger('warn', { write: (line: string) => lines.push(line) }),
  })

  const end = async (ended: string | null, lines: string[], using: PaymentServices) => {
    const later = { ...logged(lines), clock: () => new Date(Date.now() + DAYS_4_MS) }
    await endTask(using).run(later, { providerId: ended ?? '' })
  }

  it('since its key was revoked, the new one is still connected', async () => {
    const { id: old } = await connect()
    // The provider no longer knows the old account.
    const lines: string[] = []
    const gateway = createGateway({
      sandboxUrl: null,
      stripeUrl: sandboxUrl(),
      timeoutMs: 1_000,
    })
    const refusing: PaymentServices = {
      ...services,
      gateway: { ...gateway, unsubscribe: () => gateway.unsubscribe('STRIPE', 'sk_test_revoked', 'we_1') },
    }
    const { secretKey } = newMerchant()
    const connected = await connectProvider(logged(lines), refusing, { provider: 'STRIPE', secretKey })
    expect((await active()).id).toBe(connected.id)
    await end(old, lines, refusing)
    expect(lines.join()).toContain('an unused endpoint could not be deleted')
    expect(lines.join()).not.toContain('sk_test_')
  })

  it('since the key that sealed its secrets is lost, connecting again helps', async () => {
    const { id: old } = await connect()
    const lines: string[] = []
    const sealer = createSealer({ current: Buffer.alloc(32, 'another') })
    const { secretKey } = newMerchant()
    const given = { provider: 'STRIPE', secretKey } as const
    const connected = await connectProvider(logged(lines), { ...services, sealer }, given)
    const record = await active()
    expect(record.id).toBe(connected.id)
    expect(openSecrets(sealer, record).secretKey).toBe(secretKey)
    await end(old, lines, { ...services, sealer })
    expect(lines.join()).toContain('which is not configured')
  })
})

describe('the name of an endpoint', () => {
  it('says which tenant and account, and is read back', () => {
    const providerId = '0190c2a0-7b1c-7000-8000-0123456789ab'
    const name = endpointName('acme', providerId)
    expect(name).toMatch(/^acme\.prov_[0-9a-z]{26}$/)
    expect(parseEndpoint(name)).toEqual({ slug: 'acme', providerId })
  })

  it.each([
    '',
    'acme',
    'acme.',
    'acme.prov_',
    '.prov_01h455vb4pex5vsknk084sn02q',
    'a.ord_01h455vb4pex5vsknk084sn02q',
  ])('%j is none', (name) => expect(parseEndpoint(name)).toBeNull())

  it('with more behind it, or a slug that is none, is none', () => {
    const name = endpointName('acme', '0190c2a0-7b1c-7000-8000-0123456789ab')
    for (const wrong of [`${name}.x`, name.toUpperCase(), `ä${name}`, `../${name}`]) {
      expect(parseEndpoint(wrong)).toBeNull()
    }
  })
})
