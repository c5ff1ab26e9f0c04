// Connecting a merchant's account: its test, the refusals, and that its secrets are never returned.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../../../src/core/logger.ts'
import { createSealer } from '../../../../src/core/seal.ts'
import { createGateway } from '../../../../src/shop/payments/gateway.ts'
import { connectProvider } from '../../../../src/shop/payments/provider-account/connect-provider.ts'
import { resealSecrets } from '../../../../src/shop/payments/provider-account/reseal.ts'
import { openSecrets } from '../../../../src/shop/payments/provider-record.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { asSuperuser } from '../../../support/database.ts'
import { systemOf } from '../../../support/system.ts'
import { unique } from '../../../support/unique.ts'
import { post, secretsOf, sendEvent, signedEvent } from '../../support/money.ts'

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
})
afterAll(() => api?.close())

const CONNECT = `mutation ($input: PaymentProviderConnectInput!) { paymentProviderConnect(input: $input) {
  paymentProvider { id kind status accountReference liveMode webhookPath }
  userErrors { field message code }
} }`

async function connect(input: object, session = a): Promise<Data> {
  return (await session.data(CONNECT, { input })).paymentProviderConnect
}

async function providers(session = a): Promise<Data[]> {
  return (await session.data('{ paymentProviders { nodes { id status replacedAt } } }')).paymentProviders
    .nodes
}

describe('paymentProviderConnect', () => {
  it('with the sandbox needs no secret, and sends events here', async () => {
    const { paymentProvider, userErrors } = await connect({ provider: 'SANDBOX' })
    expect(userErrors).toEqual([])
    expect(paymentProvider).toMatchObject({
      kind: 'SANDBOX',
      status: 'ACTIVE',
      accountReference: expect.stringMatching(/^acct_/),
      liveMode: false,
      webhookPath: `/webhooks/in/anchor.${paymentProvider.id}`,
    })
    expect((await sendEvent(api, 'A', { type: 'unknown.type', object: {} })).status).toBe(200)
  })

  it('replaces the previous account, whose events are still accepted', async () => {
    const first = (await connect({ provider: 'SANDBOX' })).paymentProvider
    const late = await signedEvent(api, 'A', { type: 'unknown.type', object: {} })
    const second = (await connect({ provider: 'SANDBOX' })).paymentProvider
    const [now, before] = await providers()
    expect(now).toEqual({ id: second.id, status: 'ACTIVE', replacedAt: null })
    expect(before).toEqual({ id: first.id, status: 'REPLACED', replacedAt: expect.any(String) })
    expect((await post(late)).status).toBe(200)
  })

  it('ten at once leave one active', async () => {
    await Promise.all(Array.from({ length: 10 }, () => connect({ provider: 'SANDBOX' })))
    expect((await providers()).filter(({ status }) => status === 'ACTIVE')).toHaveLength(1)
  })

  it('the same key connects once', async () => {
    const input = { provider: 'SANDBOX', idempotencyKey: unique('connect') }
    const first = await connect(input)
    expect(await connect(input)).toEqual(first)
  })

  it.each([
    [{ provider: 'STRIPE' }, 'KEY_REFUSED', ['secretKey']],
    [{ provider: 'STRIPE', secretKey: 'nonsense' }, 'KEY_REFUSED', ['secretKey']],
    [{ provider: 'SANDBOX', webhookSecret: 'nonsense' }, 'FORMAT', ['webhookSecret']],
  ])('%j is refused with %s', async (input, code, field) => {
    const before = await providers()
    expect(await connect(input)).toMatchObject({ paymentProvider: null, userErrors: [{ code, field }] })
    expect(await providers()).toEqual(before)
  })

  it('without a sandbox, or without a public URL, it is NOT_AVAILABLE', async () => {
    const caller = await systemOf(api, 'A')
    const sealer = createSealer({ current: Buffer.alloc(32, 'x') })
    const none = { gateway: createGateway({ sandboxUrl: null }), sealer, publicUrl: null }
    expect((await connectProvider(caller, none, { provider: 'SANDBOX' })).userErrors).toMatchObject([
      { code: 'NOT_AVAILABLE', field: ['provider'] },
    ])
    const stripe = { provider: 'STRIPE' as const, secretKey: 'sk_test_abcdefghijklmnop' }
    expect((await connectProvider(caller, none, stripe)).userErrors).toMatchObject([
      { code: 'NOT_AVAILABLE', field: ['webhookSecret'] },
    ])
  })

  it('a provider that cannot be asked changes nothing', async () => {
    const before = await providers()
    const { sealer } = api.services.payments
    const gateway = createGateway({ sandboxUrl: 'http://127.0.0.1:9', timeoutMs: 500 })
    const services = { gateway, sealer, publicUrl: api.url }
    const { userErrors } = await connectProvider(await systemOf(api, 'A'), services, { provider: 'SANDBOX' })
    expect(userErrors).toMatchObject([{ code: 'PROVIDER_UNAVAILABLE', field: null }])
    expect(await providers()).toEqual(before)
  })

  it('cross-tenant: another tenant sees no account; staff may not connect, nor see one', async () => {
    expect(await providers(api.as('B'))).toEqual([])
    for (const [source, variables] of [
      [CONNECT, { input: { provider: 'SANDBOX' } }],
      ['{ paymentProviders { nodes { id } } }', {}],
    ] as const) {
      const { errors } = await api.as('A', 'STAFF').send(source, variables)
      expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'payments:manage' } }])
    }
  })
})

describe('secrets', () => {
  it('are nowhere in the database, sealed or not told', async () => {
    await connect({ provider: 'SANDBOX', idempotencyKey: unique('connect') })
    const { secretKey, webhookSecret } = await secretsOf(api, 'A')
    const found = await asSuperuser(api.database, async (client) => {
      const { rows: tables } = await client.query<{ name: string }>(
        `SELECT c.oid::regclass::text AS name FROM pg_class c
         WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace, 'app'::regnamespace, 'graphile_worker'::regnamespace)`,
      )
      const holding: string[] = []
      for (const { name } of tables) {
        for (const secret of [secretKey, webhookSecret]) {
          const { rows } = await client.query(
            `SELECT 1 FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || encode($1::bytea, 'hex') || '%'`,
            [secret],
          )
          if (rows.length > 0) holding.push(name)
        }
      }
      expect(tables.length).toBeGreaterThan(20)
      return holding
    })
    expect(found).toEqual([])
  })

  it('do not open in another row, nor in another tenant', async () => {
    const { scope } = await systemOf(api, 'A')
    const row = await api.opened.withTenant(scope, (tx) =>
      tx.paymentProvider.findFirstOrThrow({ where: { status: 'ACTIVE' } }),
    )
    const { sealer } = api.services.payments
    expect(openSecrets(sealer, row).secretKey).toMatch(/^sk_test_/)
    expect(() => openSecrets(sealer, { ...row, id: api.tenantIds.B })).toThrow('moved to another place')
    expect(() => openSecrets(sealer, { ...row, tenantId: api.tenantIds.B })).toThrow('moved to another place')
    expect(() => openSecrets(sealer, { ...row, sealingKeyId: 'unknown' })).toThrow('which is not configured')
  })

  it('are sealed again when the key is rotated: the old key is then not needed', async () => {
    const before = await secretsOf(api, 'A')
    const old = Buffer.alloc(32, 'seal')
    const current = Buffer.alloc(32, 'new key')
    const rotated = createSealer({ current, previous: [old] })
    const caller = await systemOf(api, 'A')
    expect(await resealSecrets(caller, { sealer: rotated })).toBeGreaterThan(0)
    expect(await resealSecrets(caller, { sealer: rotated })).toBe(0)
    const row = await api.opened.withTenant(caller.scope, (tx) =>
      tx.paymentProvider.findFirstOrThrow({ where: { status: 'ACTIVE' } }),
    )
    expect(openSecrets(createSealer({ current }), row)).toMatchObject({
      secretKey: before.secretKey,
      webhookSecret: before.webhookSecret,
    })
    // And back, for the next tests.
    await resealSecrets(caller, { sealer: createSealer({ current: old, previous: [current] }) })
  })

  it('are in no log', async () => {
    const lines: string[] = []
    const logger = createLogger('trace', { write: (line: string) => lines.push(line) })
    const caller = { ...(await systemOf(api, 'A')), logger }
    await connectProvider(caller, api.services.payments, { provider: 'SANDBOX' })
    const { secretKey, webhookSecret } = await secretsOf(api, 'A')
    expect(lines.join('\n')).not.toContain(secretKey)
    expect(lines.join('\n')).not.toContain(webhookSecret)
  })
})
