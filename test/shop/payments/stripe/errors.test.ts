// Every kind of answer through Stripe's library, and what it proves: only a refusal of the very request is a failure;
// everything else is UNKNOWN.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../../../src/core/errors.ts'
import { createGateway } from '../../../../src/shop/payments/gateway.ts'
import type { Charge, ProviderAccount } from '../../../../src/shop/payments/provider.ts'

const SECRET_KEY = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'
const TIMEOUT_MS = 300

/** The answer: a status with an error in Stripe's form, or with any text; or none. */
type Given = { status: number; error?: object; body?: string } | 'CUT' | 'SILENCE'

interface Asked {
  call: string
  headers: IncomingHttpHeaders
  body: URLSearchParams
}

let answer: Given
let asked: Asked[]
let close: () => Promise<void>
let account: ProviderAccount
let gateway: ReturnType<typeof createGateway>

beforeAll(async () => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = new URLSearchParams(Buffer.concat(chunks).toString())
      asked.push({ call: `${request.method} ${request.url}`, headers: request.headers, body })
      if (answer === 'SILENCE') return
      if (answer === 'CUT') {
        request.socket.destroy()
        return
      }
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(answer.body ?? JSON.stringify({ error: answer.error }))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  gateway = createGateway({ sandboxUrl: null, stripeUrl: url, timeoutMs: TIMEOUT_MS })
  account = gateway.open({ kind: 'STRIPE', secretKey: SECRET_KEY })
  close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})
afterAll(() => close?.())
beforeEach(() => {
  asked = []
})

const CHARGE: Charge = {
  tenantId: 'tenant-1',
  paymentId: 'payment-1',
  amountMinor: 1_999n,
  currency: 'EUR',
  method: 'pm_card_visa',
  returnUrl: null,
  description: 'Order 7',
}
const REFUND = {
  tenantId: 'tenant-1',
  refundId: 'refund-1',
  paymentId: 'payment-1',
  chargeReference: 'pi_1',
  amountMinor: 500n,
  currency: 'EUR',
  reason: null,
}

const invalid = (more: object = {}) => ({ type: 'invalid_request_error', message: 'it is so', ...more })

describe('what is sent', () => {
  beforeEach(() => {
    answer = { status: 400, error: invalid() }
  })

  it('for a charge: everything that makes it happen once, and nothing about this machine', async () => {
    await account.charge(CHARGE)
    const [{ call, headers, body } = expect.unreachable('nothing was asked')] = asked
    expect(call).toBe('POST /v1/payment_intents')
    expect(headers).toMatchObject({
      authorization: `Bearer ${SECRET_KEY}`,
      'idempotency-key': 'bulkhead-payment-payment-1',
    })
    expect(headers['stripe-version']).toMatch(/^\d{4}-\d{2}-\d{2}/)
    expect(headers['x-stripe-client-telemetry']).toBeUndefined()
    expect(JSON.parse(String(headers['x-stripe-client-user-agent']))).not.toHaveProperty('platform')
    expect(Object.fromEntries(body)).toEqual({
      amount: '1999',
      currency: 'eur',
      payment_method: 'pm_card_visa',
      confirm: 'true',
      description: 'Order 7',
      'metadata[bulkhead_tenant]': 'tenant-1',
      'metadata[bulkhead_payment]': 'payment-1',
      'automatic_payment_methods[enabled]': 'true',
      'automatic_payment_methods[allow_redirects]': 'never',
      'expand[0]': 'latest_charge.balance_transaction',
    })
  })

  it('for a charge whose buyer may be sent to their bank: where they come back to', async () => {
    await account.charge({ ...CHARGE, returnUrl: 'https://shop.example/thanks' })
    expect(asked[0]?.body.get('return_url')).toBe('https://shop.example/thanks')
    expect(asked[0]?.body.has('automatic_payment_methods[allow_redirects]')).toBe(false)
  })

  it('for a refund: its own key, and both ids', async () => {
    await account.refund(REFUND)
    expect(asked[0]?.call).toBe('POST /v1/refunds')
    expect(asked[0]?.headers['idempotency-key']).toBe('bulkhead-refund-refund-1')
    expect(Object.fromEntries(asked[0]?.body ?? [])).toEqual({
      payment_intent: 'pi_1',
      amount: '500',
      'metadata[bulkhead_tenant]': 'tenant-1',
      'metadata[bulkhead_refund]': 'refund-1',
      'metadata[bulkhead_payment]': 'payment-1',
    })
  })

  it.each([
    ['DUPLICATE', 'duplicate'],
    ['FRAUD', 'fraudulent'],
    ['NOT_RECEIVED', 'requested_by_customer'],
    ['GOODWILL', null],
  ] as const)('for a refund because of %s: %s', async (reason, sent) => {
    await account.refund({ ...REFUND, reason })
    expect(asked[0]?.body.get('reason')).toBe(sent)
  })

  it('for a sum that Stripe cannot move exactly: nothing', async () => {
    const [amountMinor, currency] = [1_234n, 'KWD'] as const
    const failure = { code: 'PROVIDER_REFUSED', message: 'the provider cannot move exactly this sum' }
    const refused = { status: 'FAILED', reference: null, failure }
    expect(await account.charge({ ...CHARGE, amountMinor, currency })).toEqual(refused)
    expect(await account.refund({ ...REFUND, amountMinor, currency })).toEqual(refused)
    expect(asked).toEqual([])
  })

  it('for events: which of them, in the version that is read here', async () => {
    await gateway.subscribe('STRIPE', SECRET_KEY, 'https://shop.example/webhooks/in/acme.prov_1')
    const [{ call, body, headers } = expect.unreachable('nothing was asked')] = asked
    expect(call).toBe('POST /v1/webhook_endpoints')
    expect(body.get('api_version')).toBe(headers['stripe-version'])
    const types = [...body].filter(([name]) => name.startsWith('enabled_events')).map(([, type]) => type)
    expect(types).toContain('payment_intent.succeeded')
    expect(types).not.toContain('*')
  })
})

describe('an answer that refuses the very request', () => {
  const card = (code: string, decline_code?: string) => ({
    status: 402,
    error: {
      type: 'card_error',
      message: 'it is so',
      code,
      decline_code,
      payment_intent: { id: 'pi_declined', status: 'requires_payment_method' },
    },
  })
  it.each([
    [card('card_declined', 'generic_decline'), 'CARD_DECLINED', 'pi_declined'],
    [card('card_declined', 'insufficient_funds'), 'INSUFFICIENT_FUNDS', 'pi_declined'],
    [card('expired_card', 'expired_card'), 'CARD_EXPIRED', 'pi_declined'],
    [card('authentication_required', 'authentication_required'), 'AUTHENTICATION_FAILED', 'pi_declined'],
    [card('incorrect_cvc'), 'CARD_DECLINED', 'pi_declined'],
    [
      { status: 400, error: invalid({ param: 'payment_method', code: 'resource_missing' }) },
      'METHOD_INVALID',
      null,
    ],
    [{ status: 400, error: invalid({ param: 'payment_method_data[type]' }) }, 'METHOD_INVALID', null],
    [
      { status: 400, error: invalid({ param: 'amount', code: 'amount_too_small' }) },
      'PROVIDER_REFUSED',
      null,
    ],
    [{ status: 400, error: invalid() }, 'PROVIDER_REFUSED', null],
  ])('%j: FAILED, %s', async (given, code, reference) => {
    answer = given
    const failure = { code, message: 'it is so' }
    expect(await account.charge(CHARGE)).toEqual({ status: 'FAILED', reference, failure })
  })

  it('fails a refund, with any code', async () => {
    for (const given of [
      { status: 400, error: invalid({ code: 'charge_already_refunded' }) },
      { status: 402, error: { type: 'card_error', code: 'card_declined', message: 'it is so' } },
    ]) {
      answer = given
      const failure = { code: 'REFUND_FAILED', message: 'it is so' }
      expect(await account.refund(REFUND)).toEqual({ status: 'FAILED', reference: null, failure })
    }
  })
})

describe('an answer that leaves open what happened', () => {
  const unanswered: [Given, string][] = [
    [
      { status: 400, error: { type: 'idempotency_error', message: SECRET_KEY } },
      'StripeIdempotencyError (400)',
    ],
    [{ status: 400, error: invalid({ code: 'rate_limit' }) }, 'StripeRateLimitError (400)'],
    [{ status: 401, error: invalid({ message: SECRET_KEY }) }, 'StripeAuthenticationError (401)'],
    [{ status: 403, error: invalid({ message: SECRET_KEY }) }, 'StripePermissionError (403)'],
    [{ status: 404, error: invalid() }, 'StripeInvalidRequestError (404)'],
    [{ status: 409, error: invalid({ code: 'idempotency_key_in_use' }) }, 'StripeAPIError (409)'],
    [{ status: 429, error: invalid({ code: 'lock_timeout' }) }, 'StripeRateLimitError (429)'],
    [{ status: 500, error: { type: 'api_error', message: SECRET_KEY } }, 'StripeAPIError (500)'],
    [{ status: 503, body: '<html>busy</html>' }, 'StripeAPIError'],
    [{ status: 200, body: '{"id": "pi_' }, 'StripeAPIError'],
    [{ status: 200, body: '' }, 'StripeAPIError'],
    ['CUT', 'StripeConnectionError'],
    ['SILENCE', 'StripeConnectionError'],
  ]
  it.each(unanswered)('%j: UNKNOWN, and the reason is only %s', async (given, reason) => {
    answer = given
    const unknown = { status: 'UNKNOWN', reason }
    expect(await account.charge(CHARGE)).toEqual(unknown)
    expect(await account.refund(REFUND)).toEqual(unknown)
  })

  it.each(unanswered.filter(([given]) => typeof given === 'string' || given.status !== 404))(
    '%j: nor does a look-up report it missing',
    async (given, reason) => {
      answer = given
      const unknown = { status: 'UNKNOWN', reason }
      const createdAfter = new Date(0)
      for (const reference of ['pi_1', null]) {
        expect(await account.findCharge({ ...CHARGE, reference, createdAfter })).toEqual(unknown)
        expect(await account.findRefund({ ...REFUND, reference })).toEqual(unknown)
      }
      const unavailable = { code: 'SERVICE_UNAVAILABLE', message: expect.stringContaining(reason) }
      await expect(account.feeOf('pi_1')).rejects.toMatchObject(unavailable)
      await expect(account.bookedCharges(createdAfter)[Symbol.asyncIterator]().next()).rejects.toMatchObject(
        unavailable,
      )
    },
  )

  it.each(unanswered)('%j: a cancelled charge may still happen', async (given) => {
    answer = given
    expect(await account.cancelCharge('pi_1')).toMatchObject({ status: 'UNKNOWN' })
  })

  it.each([
    ['amount', { amount: 1_998 }],
    ['sum that was received', { amount_received: 1 }],
    ['currency', { currency: 'usd' }],
    ['payment', { metadata: { bulkhead_payment: '0190a0c0-0000-7000-8000-000000000002' } }],
    ['payment that is a filter', { metadata: { bulkhead_payment: { gte: '0' } } }],
  ])('of a charge of another %s than was asked for: UNKNOWN', async (_what, odd) => {
    const payment = '0190a0c0-0000-7000-8000-000000000001'
    const intent = { id: 'pi_1', status: 'succeeded', amount: 1_999, currency: 'eur' }
    const charge = { ...CHARGE, paymentId: payment }
    const answerWith = (fields: object) => {
      const metadata = { bulkhead_payment: payment }
      answer = { status: 200, body: JSON.stringify({ ...intent, metadata, ...fields }) }
    }
    answerWith({})
    expect(await account.charge(charge)).toMatchObject({ status: 'SUCCEEDED', reference: 'pi_1' })
    answerWith(odd)
    expect(await account.charge(charge)).toMatchObject({ status: 'UNKNOWN' })
    const found = await account.findCharge({ ...charge, reference: 'pi_1', createdAfter: new Date(0) })
    expect(found).toMatchObject({ status: 'UNKNOWN' })
  })

  it('of a refund of another sum, currency or charge than was asked for: UNKNOWN', async () => {
    const refund = { id: 're_1', status: 'succeeded', amount: 500, currency: 'eur', payment_intent: 'pi_1' }
    answer = { status: 200, body: JSON.stringify(refund) }
    expect(await account.refund(REFUND)).toEqual({ status: 'SUCCEEDED', reference: 're_1' })
    for (const odd of [
      { amount: 501 },
      { currency: 'usd' },
      { payment_intent: 'pi_2' },
      { id: { gte: '' } },
    ]) {
      answer = { status: 200, body: JSON.stringify({ ...refund, ...odd }) }
      expect(await account.refund(REFUND)).toMatchObject({ status: 'UNKNOWN' })
      expect(await account.findRefund({ ...REFUND, reference: 're_1' })).toMatchObject({ status: 'UNKNOWN' })
    }
  })

  it('of a charge that succeeded with an invalid answer: UNKNOWN', async () => {
    answer = {
      status: 200,
      body: JSON.stringify({
        id: 'pi_1',
        status: 'succeeded',
        latest_charge: { balance_transaction: { fee: 'much' } },
      }),
    }
    expect(await account.charge(CHARGE)).toMatchObject({ status: 'UNKNOWN' })
  })
})

describe('a key that is tried', () => {
  it.each([
    [{ status: 401, error: invalid({ message: SECRET_KEY }) }, 'BAD_USER_INPUT', 'the key opens no account'],
    [{ status: 403, error: invalid({ message: SECRET_KEY }) }, 'BAD_USER_INPUT', 'the key is too restricted'],
    [{ status: 500, error: invalid({ message: SECRET_KEY }) }, 'SERVICE_UNAVAILABLE', 'cannot be asked'],
    ['SILENCE' as const, 'SERVICE_UNAVAILABLE', 'cannot be asked'],
    ['CUT' as const, 'SERVICE_UNAVAILABLE', 'cannot be asked'],
  ])('%j: %s', async (given, code, words) => {
    answer = given
    const error = await gateway.examine('STRIPE', SECRET_KEY).then(
      () => expect.unreachable('the key was taken'),
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) })
    expect((error as AppError).message).not.toContain(SECRET_KEY)
  })

  it.each([
    '',
    'nonsense',
    'pk_test_abcdefgh',
    'sk_test_',
    'sk_test_abc def',
    'sk_live_abcdefgh\n',
    'whsec_abcdefgh',
  ])('%j is no secret key, and nobody is asked', async (secretKey) => {
    await expect(gateway.examine('STRIPE', secretKey)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    expect(asked).toEqual([])
  })

  it.each(['sk_test_abcdefgh', 'rk_test_abcdefgh', 'sk_live_abcdefgh', 'rk_live_abcdefgh'])(
    '%s is asked about, in its own mode',
    async (secretKey) => {
      answer = {
        status: 200,
        body: JSON.stringify({ id: 'acct_1', settings: { dashboard: { display_name: 'Shop' } } }),
      }
      expect(await gateway.examine('STRIPE', secretKey)).toEqual({
        reference: 'acct_1',
        name: 'Shop',
        liveMode: secretKey.includes('_live_'),
      })
    },
  )

  it.each(['sk_live_abcdefghijklmnop', 'rk_test_abcdefghijklmnop'])(
    'the sandbox takes no %s',
    async (key) => {
      await expect(gateway.examine('SANDBOX', key)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    },
  )
})
