// The end of secrets: disconnected and replaced accounts, and rotated secrets. Each is accepted until its date, for the
// payments of its own account, and is then deleted.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uuidOf } from '../../../../src/core/ids.ts'
import { NO_KEY_ID } from '../../../../src/core/seal.ts'
import { disconnectProvider } from '../../../../src/shop/payments/provider-account/disconnect-provider.ts'
import { rotateWebhookSecret } from '../../../../src/shop/payments/provider-account/rotate-webhook-secret.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { asOwner, asSuperuser } from '../../../support/database.ts'
import { queuedJobs, systemOf } from '../../../support/system.ts'
import { unique } from '../../../support/unique.ts'
import { post, runJob, secretsOf, signedEvent } from '../../support/money.ts'
import { sandboxUrl } from '../../support/sandbox-url.ts'
import { makeCustomer, makeVariant, placeOrder } from '../../support/shop.ts'

const HOUR_MS = 3_600_000
const END = 'payment-provider.end'

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
})
afterAll(() => api?.close())

const FIELDS = 'id status version eventsUntil disconnectedAt previousWebhookSecretUntil'

async function connect(input: object = {}, session = a): Promise<Data> {
  const source = `mutation ($input: PaymentProviderConnectInput!) { paymentProviderConnect(input: $input) {
    paymentProvider { ${FIELDS} } userErrors { code message } } }`
  const { paymentProviderConnect } = await session.data(source, { input: { provider: 'SANDBOX', ...input } })
  expect(paymentProviderConnect.userErrors).toEqual([])
  return paymentProviderConnect.paymentProvider
}

const sourceOf = (name: string) => `mutation ($input: ${name[0]?.toUpperCase()}${name.slice(1)}Input!) {
  ${name}(input: $input) { paymentProvider { ${FIELDS} } userErrors { field code message } } }`
const DISCONNECT = sourceOf('paymentProviderDisconnect')
const ROTATE = sourceOf('paymentProviderRotateWebhookSecret')

async function disconnect(input: object, session = a): Promise<Data> {
  return (await session.data(DISCONNECT, { input })).paymentProviderDisconnect
}

async function rotate(input: object, session = a): Promise<Data> {
  return (await session.data(ROTATE, { input })).paymentProviderRotateWebhookSecret
}

async function anOrder(): Promise<string> {
  const { id } = await makeVariant(a, { stock: 5 })
  return (await placeOrder(a, customerId, [{ variantId: id, quantity: 2 }])).id
}

async function rowOf(id: string): Promise<Data> {
  return await asSuperuser(api.database, async (client) => {
    const { rows } = await client.query('SELECT * FROM payment_providers WHERE id = $1', [uuidOf('prov', id)])
    return rows[0]
  })
}

/** The number of endpoints to which the sandbox sends this account's events. */
async function endpointsAt(secretKey: string): Promise<string[]> {
  const response = await fetch(`${sandboxUrl()}/v1/webhook_endpoints?limit=100`, {
    headers: { authorization: `Bearer ${secretKey}` },
  })
  return ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id)
}

async function runEnd(id: string, at = Date.now()): Promise<void> {
  await runJob(api, 'A', END, { providerId: uuidOf('prov', id) }, () => new Date(at))
}

const unknown = (secret?: string) =>
  signedEvent(api, 'A', { id: unique('evt'), type: 'x', object: {}, ...(secret !== undefined && { secret }) })

describe('paymentProviderRotateWebhookSecret', () => {
  it('makes another endpoint; both secrets are valid until the date, then one, and the first endpoint is deleted', async () => {
    const { id, version } = await connect()
    const before = await secretsOf(api, 'A')
    const { paymentProvider, userErrors } = await rotate({ id, expectedVersion: version })
    expect(userErrors).toEqual([])
    expect(paymentProvider).toMatchObject({ id, status: 'ACTIVE', version: version + 1, eventsUntil: null })
    const until = new Date(paymentProvider.previousWebhookSecretUntil).getTime()
    expect(until - Date.now()).toBeGreaterThan(23 * HOUR_MS)
    expect(until - Date.now()).toBeLessThanOrEqual(24 * HOUR_MS)
    const after = await secretsOf(api, 'A')
    expect(after.webhookSecret).not.toBe(before.webhookSecret)
    expect(await endpointsAt(before.secretKey)).toHaveLength(2)
    for (const secret of [before.webhookSecret, after.webhookSecret]) {
      expect((await post(await unknown(secret))).status).toBe(200)
    }
    // Its end, by the queued job: nothing before its date.
    await runEnd(id)
    expect(await endpointsAt(before.secretKey)).toHaveLength(2)
    await runEnd(id, until)
    expect(await endpointsAt(before.secretKey)).toEqual([(await rowOf(id)).endpoint_reference])
    expect(await rowOf(id)).toMatchObject({
      previous_webhook_secret: null,
      previous_webhook_secret_until: null,
    })
    expect((await post(await unknown(before.webhookSecret))).status).toBe(401)
    expect((await post(await unknown())).status).toBe(200)
  })

  it('with a time in the past ends the previous secret at once; so does its time, without any job', async () => {
    const { id, version } = await connect()
    const { webhookSecret: first } = await secretsOf(api, 'A')
    await rotate({ id, expectedVersion: version, previousUntil: new Date(0).toISOString() })
    expect((await post(await unknown(first))).status).toBe(401)
    const { webhookSecret: second } = await secretsOf(api, 'A')
    await rotate({ id, expectedVersion: version + 1, webhookSecret: 'whsec_mine' })
    expect((await post(await unknown(second))).status).toBe(200)
    expect((await post(await unknown(first))).status).toBe(401)
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(`UPDATE payment_providers SET previous_webhook_secret_until = now() WHERE id = $1`, [
        uuidOf('prov', id),
      ]),
    )
    expect((await post(await unknown(second))).status).toBe(401)
    expect((await post(await unknown('whsec_mine'))).status).toBe(200)
  })

  it('again while the previous one is valid: the oldest ends, with its endpoint', async () => {
    const { id, version } = await connect()
    const { webhookSecret, secretKey } = await secretsOf(api, 'A')
    await rotate({ id, expectedVersion: version })
    await rotate({ id, expectedVersion: version + 1 })
    expect((await post(await unknown(webhookSecret))).status).toBe(401)
    expect(await endpointsAt(secretKey)).toHaveLength(2)
  })

  it('the same key rotates once, and leaves no endpoint behind', async () => {
    const { id, version } = await connect()
    const input = { id, expectedVersion: version, idempotencyKey: unique('rotate') }
    const first = await rotate(input)
    expect(await rotate(input)).toEqual(first)
    expect(await endpointsAt((await secretsOf(api, 'A')).secretKey)).toHaveLength(2)
  })

  it('is refused for another version, an account that is not active, a far date and none at all', async () => {
    const replaced = await connect()
    const { id, version } = await connect()
    const { secretKey } = await secretsOf(api, 'A')
    const far = new Date(Date.now() + 8 * 24 * HOUR_MS).toISOString()
    for (const [input, code] of [
      [{ id, expectedVersion: version + 1 }, 'CONFLICT'],
      [{ id: replaced.id, expectedVersion: 2 }, 'WRONG_STATUS'],
      [{ id, expectedVersion: version, previousUntil: far }, 'TOO_FAR'],
      [{ id, expectedVersion: version, webhookSecret: 'nonsense' }, 'FORMAT'],
      [{ id: 'prov_00000000000000000000000000', expectedVersion: 1 }, 'NOT_FOUND'],
    ] as const) {
      expect(await rotate(input)).toMatchObject({ userErrors: [{ code }] })
    }
    expect(await endpointsAt(secretKey)).toHaveLength(1)
    expect(await rotate({ id, expectedVersion: version }, api.as('B'))).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND' }],
    })
    const { errors } = await api.as('A', 'STAFF').send(ROTATE, { input: { id, expectedVersion: version } })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN' }])
  })

  it('reveals neither secret, in the audit or elsewhere', async () => {
    const { id, version } = await connect()
    const before = await secretsOf(api, 'A')
    await rotateWebhookSecret(await systemOf(api, 'A'), api.services.payments, {
      id: uuidOf('prov', id),
      expectedVersion: version,
    })
    const after = await secretsOf(api, 'A')
    const told = await asSuperuser(api.database, async (client) => {
      const { rows } = await client.query<{ text: string }>(
        `SELECT a::text AS text FROM audit_entries a UNION ALL SELECT o::text FROM outbox_events o
         UNION ALL SELECT p::text FROM payment_providers p UNION ALL SELECT k::text FROM idempotency_keys k`,
      )
      return rows.map(({ text }) => text).join('\n')
    })
    expect(told).toContain('paymentProviderRotateWebhookSecret')
    for (const secret of [before.webhookSecret, after.webhookSecret, before.secretKey]) {
      expect(told).not.toContain(secret)
      expect(told).not.toContain(Buffer.from(secret).toString('hex'))
    }
  })
})

describe('paymentProviderDisconnect', () => {
  it('takes no payments; its events are accepted until the date, and then its keys are deleted', async () => {
    const { id, version } = await connect()
    const { secretKey } = await secretsOf(api, 'A')
    const orderId = await anOrder()
    const paymentId = await payWith(orderId)
    const event = await unknown()
    const { paymentProvider, userErrors } = await disconnect({ id, expectedVersion: version })
    expect(userErrors).toEqual([])
    expect(paymentProvider).toMatchObject({ status: 'DISCONNECTED', version: version + 1 })
    const until = new Date(paymentProvider.eventsUntil).getTime()
    expect(until - Date.now()).toBeLessThanOrEqual(72 * HOUR_MS)
    expect((await post(event)).status).toBe(200)
    expect(await refusedPayment()).toBe('PROVIDER_NOT_CONNECTED')
    expect(await endpointsAt(secretKey)).toHaveLength(1)
    const jobs = await queuedJobs(api, 'A')
    expect(jobs).toContainEqual(
      expect.objectContaining({
        task: END,
        payload: expect.objectContaining({ providerId: uuidOf('prov', id) }),
      }),
    )
    // A payment of it is open, so it can still be called.
    await setPayment(paymentId, 'PENDING')
    await runEnd(id, until)
    expect(await endpointsAt(secretKey)).toEqual([])
    expect((await rowOf(id)).sealing_key_id).not.toBe(NO_KEY_ID)
    await setPayment(paymentId, 'SUCCEEDED')
    await runEnd(id, until)
    expect(await rowOf(id)).toMatchObject({ sealing_key_id: NO_KEY_ID, secret_key: Buffer.alloc(0) })
    await connect()
  })

  it('with a time in the past: no event is accepted, as if its secret were another', async () => {
    const { id, version } = await connect()
    const event = await unknown()
    expect((await post(event)).status).toBe(200)
    await disconnect({ id, expectedVersion: version, eventsUntil: new Date(0).toISOString() })
    const refused = await post(event)
    expect(refused.status).toBe(401)
    expect(refused.answer.error).toEqual((await post({ ...event, signature: 't=1,v1=00' })).answer.error)
    await connect()
  })

  it('ends a replaced one, too; sooner, but not later', async () => {
    const replaced = await connect()
    const event = await unknown()
    await connect()
    expect((await post(event)).status).toBe(200)
    const soon = new Date(Date.now() + HOUR_MS).toISOString()
    const first = await disconnect({ id: replaced.id, expectedVersion: 2, eventsUntil: soon })
    expect(first.paymentProvider).toMatchObject({ status: 'DISCONNECTED', eventsUntil: soon })
    expect(await disconnect({ id: replaced.id, expectedVersion: 3 })).toMatchObject({
      userErrors: [{ code: 'WRONG_STATUS' }],
    })
    const now = new Date(0).toISOString()
    expect((await disconnect({ id: replaced.id, expectedVersion: 3, eventsUntil: now })).userErrors).toEqual(
      [],
    )
    expect((await post(event)).status).toBe(401)
  })

  it('replacing sets a date as well', async () => {
    const first = await connect()
    const event = await unknown()
    await connect()
    const { events_until: until } = await rowOf(first.id)
    expect(until.getTime() - Date.now()).toBeLessThanOrEqual(72 * HOUR_MS)
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query('UPDATE payment_providers SET events_until = now() WHERE id = $1', [
        uuidOf('prov', first.id),
      ]),
    )
    expect((await post(event)).status).toBe(401)
  })

  it('the same key disconnects once; another version, tenant or role is refused', async () => {
    const { id, version } = await connect()
    const far = new Date(Date.now() + 181 * 24 * HOUR_MS).toISOString()
    expect(await disconnect({ id, expectedVersion: version, eventsUntil: far })).toMatchObject({
      userErrors: [{ code: 'TOO_FAR' }],
    })
    expect(await disconnect({ id, expectedVersion: 9 })).toMatchObject({ userErrors: [{ code: 'CONFLICT' }] })
    expect(await disconnect({ id, expectedVersion: version }, api.as('B'))).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND' }],
    })
    const { errors } = await api
      .as('A', 'STAFF')
      .send(DISCONNECT, { input: { id, expectedVersion: version } })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN' }])
    const caller = await systemOf(api, 'A')
    const input = { id: uuidOf('prov', id), expectedVersion: version, idempotencyKey: unique('disconnect') }
    const first = await disconnectProvider(caller, input)
    expect(await disconnectProvider(caller, input)).toEqual({ ...first, replayed: true })
    await connect()
  })

  async function payWith(orderId: string): Promise<string> {
    const source = `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { payment { id } userErrors { code } } }`
    const input = { idempotencyKey: unique('pay'), orderId, paymentMethod: 'pm_card_visa' }
    return (await a.data(source, { input })).paymentTake.payment.id
  }

  async function refusedPayment(): Promise<string> {
    const source = `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { userErrors { code } } }`
    const input = { idempotencyKey: unique('pay'), orderId: await anOrder(), paymentMethod: 'pm_card_visa' }
    return (await a.data(source, { input })).paymentTake.userErrors[0].code
  }

  async function setPayment(id: string, status: string): Promise<void> {
    await asSuperuser(api.database, (client) =>
      client.query(
        `UPDATE payments SET status = $2::payment_status, settled_at = CASE $2 WHEN 'SUCCEEDED' THEN now() END WHERE id = $1`,
        [uuidOf('pay', id), status],
      ),
    )
  }
})
