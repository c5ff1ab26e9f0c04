// Malformed signed events: they affect nothing that they do not name by the exact value of its id; what does not fit
// what was asked is stored without effect; and every signed event is stored.
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId, uuidOf } from '../../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { asSuperuser } from '../../../support/database.ts'
import { queuedJobs } from '../../../support/system.ts'
import { unique } from '../../../support/unique.ts'
import {
  expectBooksInOrder,
  ledgerOf,
  post,
  runJob,
  secretsOf,
  sendEvent,
  signedEvent,
} from '../../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../../support/shop.ts'

/** A hundred and more deliveries, each a request. */
const PROPERTY_TIMEOUT_MS = 120_000

let api: Api
let a: Session
let customerId: string
/** Of A: a payment that waits, a successful one, and a refund of it. */
let open: Taken
let taken: Taken
let refund: { id: string; reference: string }
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
  await connectSandbox(api, 'A')
  await connectSandbox(api, 'B')
  open = await openPayment()
  const paymentId = await payOrder(api, 'A', await anOrder())
  taken = { id: uuidOf('pay', paymentId), reference: await referenceOf(paymentId) }
  const refundId = await refundPayment(a, paymentId, 500n)
  refund = { id: uuidOf('ref', refundId), reference: await referenceOf(refundId) }
})
afterAll(() => api?.close())

interface Taken {
  id: string
  reference: string
}

async function anOrder(): Promise<string> {
  const { id } = await makeVariant(a, { stock: 5 })
  return (await placeOrder(a, customerId, [{ variantId: id, quantity: 2 }])).id
}

async function openPayment(): Promise<Taken> {
  const input = {
    idempotencyKey: unique('pay'),
    orderId: await anOrder(),
    // Open until its buyer confirms it: a processing one would succeed meanwhile, and one without a return URL fails at
    // once.
    paymentMethod: 'pm_card_authenticationRequired',
    returnUrl: 'http://127.0.0.1:9/thanks',
  }
  const { paymentTake } = await a.data(
    `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { payment { id status providerReference } } }`,
    { input },
  )
  expect(paymentTake.payment.status).toBe('PENDING')
  return { id: uuidOf('pay', paymentTake.payment.id), reference: paymentTake.payment.providerReference }
}

async function referenceOf(id: string): Promise<string> {
  const { node } = await a.data(
    `query ($id: ID!) { node(id: $id) { ... on Payment { providerReference } ... on Refund { providerReference } } }`,
    { id },
  )
  return node.providerReference
}

/** All rows about money, of both tenants, except the inbox, its audit, and the outbox. */
const MONEY = [
  'payments',
  'refunds',
  'orders',
  'journal_entries',
  'postings',
  'ledger_accounts',
  'stock_levels',
  'outbox_events',
]

async function money(): Promise<Data> {
  return await asSuperuser(api.database, async (client) => {
    const tables: Data = {}
    for (const name of MONEY) {
      const { rows } = await client.query(`SELECT t::text FROM ${pg.escapeIdentifier(name)} t ORDER BY 1`)
      tables[name] = rows
    }
    return tables
  })
}

async function kept(reference: string): Promise<Data> {
  const { providerEvents } = await a.data(
    `{ providerEvents(first: 100) { nodes { reference type status error } } }`,
  )
  return providerEvents.nodes.find((event: Data) => event.reference === reference)
}

const metadata = () => ({ bulkhead_tenant: api.tenantIds.A })

function chargeObject(of: Taken = open): Data {
  return {
    id: of.reference,
    object: 'payment_intent',
    amount: 2_000,
    amount_received: 2_000,
    currency: 'usd',
    status: 'succeeded',
    latest_charge: 'ch_1',
    metadata: { ...metadata(), bulkhead_payment: of.id },
  }
}

function refundObject(): Data {
  return {
    id: refund.reference,
    object: 'refund',
    amount: 500,
    currency: 'usd',
    status: 'failed',
    failure_reason: 'lost_or_stolen_card',
    payment_intent: taken.reference,
    metadata: { ...metadata(), bulkhead_refund: refund.id, bulkhead_payment: taken.id },
  }
}

const payoutObject = (): Data => ({
  id: unique('po').replace('-', '_'),
  object: 'payout',
  amount: 700,
  currency: 'usd',
  status: 'paid',
})

const OBJECTS: [type: string, object: () => Data][] = [
  ...['succeeded', 'payment_failed', 'processing', 'requires_action', 'canceled'].map(
    (what): [string, () => Data] => [`payment_intent.${what}`, () => chargeObject()],
  ),
  ['refund.created', refundObject],
  ['refund.updated', refundObject],
  ['refund.failed', refundObject],
  ['charge.refund.updated', refundObject],
  ['payout.paid', payoutObject],
  ['payout.failed', payoutObject],
]

/** More than any payment here: no event with it can have an effect. */
const AMOUNT_OF_NOTHING = 1_999_999

/** Names of our software, which a merchant's messages must not contain. */
const OUR_WORDS =
  /prisma|sql|postgres|zod|typeerror|syntaxerror|undefined|null|json|column|constraint|invocation|0x/i

describe('an object in the place of an id, a name or a sum', () => {
  const FILTERS: unknown[] = [
    { gte: '00000000-0000-0000-0000-000000000000' },
    { not: '00000000-0000-0000-0000-000000000000' },
    {},
    [],
    { toString: 'x', __proto__: null },
  ]

  /** They may contain an object. Metadata without our ids is that of a refund made at the provider. */
  const MAY_BE_OBJECTS = new Set(['object', 'latest_charge', 'metadata'])

  it.each(OBJECTS)('in any field of %s: it is stored, and no row changes', async (type, object) => {
    const before = await money()
    const whole = object()
    const fields = [
      ...Object.keys(whole),
      ...Object.keys(whole.metadata ?? {}).map((key) => `metadata.${key}`),
    ]
    for (const place of fields.filter((name) => !MAY_BE_OBJECTS.has(name))) {
      for (const filter of FILTERS) {
        const odd = { ...object(), ...(whole.metadata && { metadata: { ...whole.metadata } }) }
        put(odd, place.split('.'), filter)
        const { status, answer } = await sendEvent(api, 'A', { type, object: odd })
        expect([place, status]).toEqual([place, 200])
        expect([place, filter, answer.status]).not.toEqual([place, filter, 'PROCESSED'])
      }
    }
    expect(await money()).toEqual(before)
  })

  it('the id of a refund as a filter rewrites none of them', async () => {
    const before = await money()
    const object = {
      ...refundObject(),
      metadata: { bulkhead_refund: { gte: '00000000-0000-0000-0000-000000000000' } },
    }
    const id = unique('evt')
    expect(await sendEvent(api, 'A', { id, type: 'refund.failed', object })).toMatchObject({
      status: 200,
      answer: { status: 'FAILED' },
    })
    expect((await kept(id)).error).toBe('it does not have the form of its event type')
    expect(await money()).toEqual(before)
  })
})

describe('an event that does not match the request', () => {
  it.each([
    [
      'another amount',
      'payment_intent.succeeded',
      () => ({ ...chargeObject(), amount: 1_999, amount_received: 1_999 }),
    ],
    [
      'less than was asked for',
      'payment_intent.succeeded',
      () => ({ ...chargeObject(), amount_received: 1 }),
    ],
    ['another currency', 'payment_intent.succeeded', () => ({ ...chargeObject(), currency: 'eur' })],
    ['another charge', 'payment_intent.succeeded', () => ({ ...chargeObject(), id: 'pi_another' })],
    [
      'a failure of another charge',
      'payment_intent.payment_failed',
      () => ({ ...chargeObject(), id: 'pi_another', status: 'canceled' }),
    ],
    ['another sum given back', 'refund.failed', () => ({ ...refundObject(), amount: 501 })],
    ['another currency given back', 'refund.failed', () => ({ ...refundObject(), currency: 'eur' })],
    [
      'a refund of another charge',
      'refund.failed',
      () => ({ ...refundObject(), payment_intent: open.reference }),
    ],
    ['another refund of the charge', 'refund.failed', () => ({ ...refundObject(), id: 're_another' })],
  ])('%s is FAILED with a reason in plain words, and moves nothing', async (_what, type, object) => {
    const before = await money()
    const jobs = (await queuedJobs(api, 'A')).length
    const id = unique('evt')
    expect(await sendEvent(api, 'A', { id, type, object: object() })).toMatchObject({
      status: 200,
      answer: { status: 'FAILED' },
    })
    const { error } = await kept(id)
    expect(error).toMatch(/^its? /)
    expect(error).not.toMatch(OUR_WORDS)
    expect(await money()).toEqual(before)
    // It will never fit, so it is not retried.
    expect((await queuedJobs(api, 'A')).length).toBe(jobs)
  })
})

describe('an event of others', () => {
  const other = newId()
  it.each([
    [
      'of another tenant’s payment',
      'payment_intent.succeeded',
      () => ({ ...chargeObject(), metadata: { bulkhead_tenant: other, bulkhead_payment: newId() } }),
    ],
    [
      'of a payment that is nobody’s here',
      'payment_intent.succeeded',
      () => ({ ...chargeObject(), metadata: { bulkhead_payment: newId() } }),
    ],
    [
      'of another tenant’s payment of the same id',
      'payment_intent.succeeded',
      () => ({ ...chargeObject(), metadata: { bulkhead_tenant: other, bulkhead_payment: open.id } }),
    ],
    [
      'of another tenant’s refund of the same id',
      'refund.failed',
      () => ({ ...refundObject(), metadata: { bulkhead_tenant: other, bulkhead_refund: refund.id } }),
    ],
    [
      'of something else that has metadata of that name',
      'payment_intent.succeeded',
      () => ({ ...chargeObject(), metadata: { bulkhead_payment: 'order 7' } }),
    ],
  ])('%s is IGNORED at once', async (_what, type, object) => {
    const before = await money()
    const id = unique('evt')
    expect(await sendEvent(api, 'A', { id, type, object: object() })).toMatchObject({
      status: 200,
      answer: { status: 'IGNORED' },
    })
    expect(await kept(id)).toMatchObject({ status: 'IGNORED', error: null })
    expect(await money()).toEqual(before)
  })

  it('is no violation for verify; one of this tenant that is lost is', async () => {
    const fresh = await startApi()
    try {
      await connectSandbox(fresh, 'A')
      const object = { id: 'pi_1', amount: 1, currency: 'usd', status: 'succeeded' }
      const send = (bulkhead_tenant: string) => {
        const named = { ...object, metadata: { bulkhead_tenant, bulkhead_payment: newId() } }
        return sendEvent(fresh, 'A', { type: 'payment_intent.succeeded', object: named })
      }
      expect((await send(fresh.tenantIds.B)).answer.status).toBe('IGNORED')
      await expectBooksInOrder(fresh, 'A')
      expect((await send(fresh.tenantIds.A)).answer.status).toBe('FAILED')
      await expect(expectBooksInOrder(fresh, 'A')).rejects.toThrow('provider-events')
    } finally {
      await fresh.close()
    }
  })
})

describe('every signed event is kept', () => {
  let endpoint: { url: string; webhookSecret: string } | null = null

  async function sendRaw(body: Buffer): Promise<{ status: number; answer: Data }> {
    endpoint ??= {
      ...(await signedEvent(api, 'A', { type: 'x', object: {} })),
      ...(await secretsOf(api, 'A')),
    }
    const { url, webhookSecret } = endpoint
    const time = Math.floor(Date.now() / 1_000)
    const digest = createHmac('sha256', webhookSecret).update(`${time}.`).update(body).digest('hex')
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${digest}` },
      body: new Uint8Array(body),
    })
    return { status: response.status, answer: (await response.json()) as Data }
  }

  async function inbox(): Promise<{ bodies: Set<string>; references: Set<unknown> }> {
    return await asSuperuser(api.database, async (client) => {
      const { rows } = await client.query<{ body: Buffer; reference: string }>(
        'SELECT body, reference FROM provider_events',
      )
      return {
        bodies: new Set(rows.map(({ body }) => body.toString('hex'))),
        references: new Set(rows.map(({ reference }) => reference)),
      }
    })
  }

  async function isKept(body: Buffer): Promise<boolean> {
    return await asSuperuser(api.database, async (client) => {
      const { rowCount } = await client.query('SELECT 1 FROM provider_events WHERE body = $1', [body])
      return rowCount === 1
    })
  }

  const event = (fields: string) =>
    `{"id":"${unique('evt')}","type":"payment_intent.succeeded","created":1,"data":{"object":{}},${fields}}`
  const deep = (open: string, close: string) => open.repeat(10_000) + close.repeat(10_000)

  it.each([
    ['a NUL', () => event('"x":"\\u0000"')],
    ['a NUL in the id', () => event('"id":"evt\\u0000"')],
    ['half of a surrogate pair', () => event('"x":"\\ud800","type":"\\udc00"')],
    ['a number beyond all numbers', () => event('"created":1e400,"x":-1e99999')],
    ['a time beyond all calendars', () => event('"created":1e18')],
    ['a time before all of them', () => event('"created":-62135596801')],
    ['lists 10,000 deep', () => event(`"data":{"object":${deep('[', ']')}}`)],
    ['objects 10,000 deep', () => event(`"data":${deep('{"a":', '}').replace(':}', ':1}')}`)],
    ['half a megabyte of lists', () => event(`"data":{"object":[${'[],'.repeat(170_000)}0]}`)],
    ['keys that come twice', () => event('"id":"evt_twice","id":7,"type":"a","type":null')],
    ['a prototype', () => event('"__proto__":{"id":"evt_1"},"constructor":7')],
    ['an object that is none', () => event('"data":null')],
    ['no JSON', () => 'payment_intent.succeeded'],
    ['no text', () => '\uffff\ud800'],
    ['one byte', () => '0'],
    ['a long id', () => event(`"id":"${'x'.repeat(10_000)}"`)],
  ])('%s', async (_what, text) => {
    const before = await money()
    const body = Buffer.from(text())
    const first = await sendRaw(body)
    expect(first).toMatchObject({ status: 200, answer: { received: true } })
    expect(first.answer.status).not.toBe('PROCESSED')
    expect(await isKept(body)).toBe(true)
    expect((await sendRaw(body)).status).toBe(200)
    expect(await money()).toEqual(before)
  })

  it(
    'any event with any value in any place, and any bytes at all: 200, kept, and nothing moved',
    async () => {
      const before = await money()
      const place = fc.constantFrom(
        ...['id', 'type', 'created', 'livemode', 'account', 'data'].map((name) => [name]),
        ...['id', 'amount', 'currency', 'status', 'metadata', 'payment_intent'].map((name) => [
          'data',
          'object',
          name,
        ]),
        ...['bulkhead_tenant', 'bulkhead_payment', 'bulkhead_refund'].map((name) => [
          'data',
          'object',
          'metadata',
          name,
        ]),
      )
      const structured = fc
        .tuple(
          fc.constantFrom(...OBJECTS),
          fc.array(fc.tuple(place, fc.jsonValue()), { minLength: 1, maxLength: 3 }),
        )
        // A refund without our ids was made at the provider: with an amount that is left, it is booked.
        .filter(
          ([[type], changes]) =>
            !(type.includes('refund') && changes.some(([path]) => path.includes('amount'))),
        )
        .map(([[type, object], changes]) => {
          // With amounts that were never asked for, and that no payment has left: it has no effect either.
          const whole: Data = {
            id: unique('evt'),
            type,
            created: 1,
            data: { object: { ...object(), amount: AMOUNT_OF_NOTHING, amount_received: AMOUNT_OF_NOTHING } },
          }
          for (const [path, value] of changes) put(whole, path, value)
          return Buffer.from(JSON.stringify(whole))
        })
      const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array))
      const sent: Buffer[] = []
      await fc.assert(
        fc.asyncProperty(
          fc.oneof({ weight: 4, arbitrary: structured }, { weight: 1, arbitrary: bytes }),
          async (body) => {
            sent.push(body)
            expect((await sendRaw(body)).status).toBe(200)
          },
        ),
        { numRuns: 120 },
      )
      const { bodies, references } = await inbox()
      for (const body of sent) {
        const isKept = bodies.has(body.toString('hex')) || references.has(idIn(body))
        expect([body.toString(), isKept]).toEqual([body.toString(), true])
      }
      const after = await money()
      // A payout belongs to no payment: its amount is its only content.
      for (const name of MONEY.filter((table) => !['journal_entries', 'postings'].includes(table))) {
        expect([name, after[name]]).toEqual([name, before[name]])
      }
    },
    PROPERTY_TIMEOUT_MS,
  )
})

/** The id in a body: another body may have come under it before. */
function idIn(body: Buffer): unknown {
  try {
    return (JSON.parse(body.toString()) as Data).id
  } catch {
    return null
  }
}

function put(object: Data, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) object[name] = value
  else if (typeof object[name] === 'object' && object[name] !== null) put(object[name], rest, value)
}

it('a signed event whose bytes were altered on the way is not stored', async () => {
  const event = await signedEvent(api, 'A', { type: 'payment_intent.succeeded', object: chargeObject() })
  expect((await post({ ...event, body: event.body.replace('2000', '2001') })).status).toBe(401)
})

describe('a reported payout', () => {
  const TOO_LARGE = 'its sum is more than the books have with the provider in its currency'
  const withProvider = async () => Number((await ledgerOf(api, 'A'))['1020'] ?? 0n)

  it.each([
    ['all the money that there is', { amount: Number.MAX_SAFE_INTEGER }],
    ['a currency that nobody has', { currency: 'zzq', amount: 1 }],
    ['a currency that nobody paid in', { currency: 'eur', amount: 1 }],
  ])('%s: FAILED, nothing is booked, no account is opened', async (_what, fields) => {
    for (const [type, status] of [
      ['payout.paid', 'paid'],
      ['payout.failed', 'failed'],
    ] as const) {
      const before = await money()
      const id = unique('evt')
      const object = { ...payoutObject(), status, ...fields }
      expect(await sendEvent(api, 'A', { id, type, object })).toMatchObject({
        status: 200,
        answer: { status: 'FAILED' },
      })
      expect(await kept(id)).toMatchObject({ status: 'FAILED', error: TOO_LARGE })
      expect(await money()).toEqual(before)
    }
  })

  it('never more than the provider’s balance in the books, also concurrently', async () => {
    const had = await withProvider()
    const amount = Math.floor(had / 2) + 1
    const sent = await Promise.all(
      Array.from({ length: 4 }, () =>
        sendEvent(api, 'A', {
          id: unique('evt'),
          type: 'payout.paid',
          object: { ...payoutObject(), amount },
        }),
      ),
    )
    const statuses = sent.map(({ answer }) => answer.status)
    expect(statuses.filter((status) => status === 'PROCESSED')).toHaveLength(1)
    expect(statuses.filter((status) => status === 'FAILED')).toHaveLength(3)
    expect(await withProvider()).toBe(had - amount)
  })

  it('one that comes before its payments is booked after them', async () => {
    const amount = (await withProvider()) + 1_000
    const id = unique('evt')
    const object = { ...payoutObject(), amount }
    expect((await sendEvent(api, 'A', { id, type: 'payout.paid', object })).answer.status).toBe('FAILED')
    await payOrder(api, 'A', await anOrder())
    const job = (await queuedJobs(api, 'A')).find(({ payload }) => payload.reference === id)
    await runJob(api, 'A', job?.task ?? '', job?.payload ?? {})
    expect(await kept(id)).toMatchObject({ status: 'PROCESSED', error: null })
  })
})

describe('an event’s data besides the state', () => {
  const LURE = 'call 555 0100 and read your card out'

  async function told(kind: 'pay' | 'ref', id: string): Promise<Data> {
    const source = `query ($id: ID!) { node(id: $id) { ... on Payment { status failureCode failureMessage actionUrl
      fee { amountMinor } } ... on Refund { status failureCode failureMessage } } }`
    return (await a.data(source, { id: encodeId(kind, id) })).node
  }

  it('its fee is not booked: the provider is asked', async () => {
    const payment = await openPayment()
    const before = (await ledgerOf(api, 'A'))['5010']
    const balance_transaction = { id: 'txn_1', fee: Number.MAX_SAFE_INTEGER, currency: 'usd' }
    const object = { ...chargeObject(payment), latest_charge: { id: 'ch_1', balance_transaction } }
    expect(await sendEvent(api, 'A', { type: 'payment_intent.succeeded', object })).toMatchObject({
      answer: { status: 'PROCESSED' },
    })
    expect(await told('pay', payment.id)).toMatchObject({ status: 'SUCCEEDED', fee: null })
    expect((await ledgerOf(api, 'A'))['5010']).toBe(before)
    const asks = (await queuedJobs(api, 'A')).filter(({ payload }) => payload.paymentId === payment.id)
    expect(asks.map(({ task }) => task)).toContain('payment.fee')
  })

  it('a buyer is sent only to the page in the provider’s answer', async () => {
    const payment = await openPayment()
    const { actionUrl } = await told('pay', payment.id)
    expect(actionUrl).toMatch(/authenticate/)
    const next_action = { type: 'redirect_to_url', redirect_to_url: { url: 'https://lure.example/' } }
    const object = { ...chargeObject(payment), status: 'requires_action', next_action }
    expect(await sendEvent(api, 'A', { type: 'payment_intent.requires_action', object })).toMatchObject({
      answer: { status: 'PROCESSED' },
    })
    expect(await told('pay', payment.id)).toMatchObject({ status: 'PENDING', actionUrl })
  })

  it('the reason of a failed payment or refund is one of our texts', async () => {
    const payment = await openPayment()
    const last_payment_error = { code: 'card_declined', decline_code: 'expired_card', message: LURE }
    const failed = { ...chargeObject(payment), status: 'requires_payment_method', last_payment_error }
    await sendEvent(api, 'A', { type: 'payment_intent.payment_failed', object: failed })
    expect(await told('pay', payment.id)).toMatchObject({
      status: 'FAILED',
      failureCode: 'CARD_EXPIRED',
      failureMessage: 'the card has expired',
      actionUrl: null,
    })
    await sendEvent(api, 'A', {
      type: 'refund.failed',
      object: { ...refundObject(), failure_reason: LURE },
    })
    expect(await told('ref', refund.id)).toMatchObject({
      status: 'FAILED',
      failureMessage: 'the refund failed',
    })
  })
})

describe('the secret of another account of the same shop', () => {
  const CONNECT = `mutation { paymentProviderConnect(input: { provider: SANDBOX, webhookSecret: "whsec_new" }) {
    userErrors { code } } }`

  it('that was replaced settles nothing of the new account; its own payments still', async () => {
    const replaced = await openPayment()
    const late = await signedEvent(api, 'A', {
      type: 'payment_intent.succeeded',
      object: chargeObject(replaced),
    })
    const { webhookSecret } = await secretsOf(api, 'A')
    expect((await a.data(CONNECT)).paymentProviderConnect.userErrors).toEqual([])
    const fresh = await openPayment()
    const before = await money()
    const id = unique('evt')
    const forged = await signedEvent(api, 'A', {
      id,
      type: 'payment_intent.succeeded',
      object: chargeObject(fresh),
      secret: webhookSecret,
    })
    expect(await post({ ...forged, url: late.url })).toMatchObject({
      status: 200,
      answer: { status: 'FAILED' },
    })
    expect((await kept(id)).error).toBe('it comes from another account than the payment that it names')
    expect((await post(forged)).status).toBe(401)
    expect(await money()).toEqual(before)
    expect(await post(late)).toMatchObject({ status: 200, answer: { status: 'PROCESSED' } })
    // Nor does the new account's event apply to the old one's payments.
    const old = await sendEvent(api, 'A', { type: 'payment_intent.succeeded', object: chargeObject(open) })
    expect(old).toMatchObject({ status: 200, answer: { status: 'FAILED' } })
  })
})
