// Charges through Stripe's library: the effect of each test payment method, and the refusals.
import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { charged, errorOf, newMerchant } from './merchant.ts'

const merchant = newMerchant()
const { stripe } = merchant

describe('a card that succeeds', () => {
  it.each([
    [2_000, 88],
    // 2.9 % of these are 14.5 and 0.435: halves are rounded up.
    [500, 45],
    [15, 30],
    [99_999_999, 2_900_030],
  ])('%i minor units cost a fee of %i, shown by expanding', async (amount, fee) => {
    const intent = await stripe.paymentIntents.create(
      charged({ amount, expand: ['latest_charge.balance_transaction'] }),
    )
    expect(intent).toMatchObject({
      object: 'payment_intent',
      status: 'succeeded',
      amount_received: amount,
      latest_charge: {
        object: 'charge',
        paid: true,
        refunded: false,
        amount_refunded: 0,
        failure_code: null,
        payment_intent: intent.id,
        balance_transaction: { amount, fee, net: amount - fee, currency: 'usd' },
      },
    })
  })

  it('is read back as answered, with its charge and its balance transaction', async () => {
    const made = await stripe.paymentIntents.create(
      charged({ payment_method: 'pm_card_mastercard', metadata: { order: '7' }, description: 'Order 7' }),
    )
    const read = await stripe.paymentIntents.retrieve(made.id)
    expect({ ...read }).toEqual({ ...made })
    expect(read).toMatchObject({ metadata: { order: '7' }, description: 'Order 7', status: 'succeeded' })
    const charge = await stripe.charges.retrieve(made.latest_charge as string)
    expect(charge).toMatchObject({ amount: 2_000, metadata: { order: '7' } })
    const line = await stripe.balanceTransactions.retrieve(charge.balance_transaction as string)
    expect(line).toMatchObject({ type: 'charge', source: charge.id, fee: 88, net: 1_912 })
  })

  it('keeps metadata whose names are numbers', async () => {
    const metadata = { 7: 'seven', 0: 'none' }
    expect(await stripe.paymentIntents.create(charged({ metadata }))).toMatchObject({ metadata })
  })

  it('is charged when it is confirmed, not before', async () => {
    const made = await stripe.paymentIntents.create(charged({ confirm: false }))
    expect(made).toMatchObject({ status: 'requires_confirmation', latest_charge: null })
    expect(await stripe.paymentIntents.confirm(made.id)).toMatchObject({ status: 'succeeded' })
    expect(await errorOf(stripe.paymentIntents.confirm(made.id))).toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
    })
  })

  it('may be named only when it is confirmed', async () => {
    const made = await stripe.paymentIntents.create({ amount: 100, currency: 'eur' })
    expect(made.status).toBe('requires_payment_method')
    const paid = await stripe.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa' })
    expect(paid).toMatchObject({ status: 'succeeded', currency: 'eur' })
  })
})

describe('a card that is declined', () => {
  it.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
  ])('%s: %s, %s', async (payment_method, code, decline_code) => {
    const error = await errorOf(stripe.paymentIntents.create(charged({ payment_method })))
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError)
    expect(error).toMatchObject({
      statusCode: 402,
      code,
      decline_code,
      payment_intent: {
        status: 'requires_payment_method',
        payment_method: null,
        last_payment_error: { code, decline_code, payment_method: { id: payment_method } },
      },
    })
    expect(error.charge).toBe(error.payment_intent?.latest_charge)
    const intent = await stripe.paymentIntents.retrieve(error.payment_intent?.id ?? '', {
      expand: ['latest_charge'],
    })
    expect(intent).toMatchObject({
      status: 'requires_payment_method',
      amount_received: 0,
      latest_charge: { paid: false, failure_code: code, balance_transaction: null },
    })
  })

  it('is not charged again unless it is named again', async () => {
    const { payment_intent } = await errorOf(
      stripe.paymentIntents.create(charged({ payment_method: 'pm_card_chargeDeclined' })),
    )
    const id = payment_intent?.id ?? ''
    expect(await errorOf(stripe.paymentIntents.confirm(id))).toMatchObject({
      statusCode: 400,
      param: 'payment_method',
    })
    expect((await stripe.charges.list({ payment_intent: id })).data).toHaveLength(1)
    await merchant.control('settings', { processingDelayMs: 3_600_000 })
    expect(await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_processing' })).toMatchObject({
      status: 'processing',
      last_payment_error: null,
    })
  })

  it('can be followed by one that succeeds, for the same payment', async () => {
    const { payment_intent } = await errorOf(
      stripe.paymentIntents.create(charged({ payment_method: 'pm_card_chargeDeclined' })),
    )
    const paid = await stripe.paymentIntents.confirm(payment_intent?.id ?? '', {
      payment_method: 'pm_card_visa',
    })
    expect(paid).toMatchObject({ status: 'succeeded', last_payment_error: null })
  })
})

describe('a payment that takes a while', () => {
  it('cannot be cancelled meanwhile', async () => {
    await merchant.control('settings', { processingDelayMs: 3_600_000 })
    const made = await stripe.paymentIntents.create(charged({ payment_method: 'pm_card_processing' }))
    expect(made).toMatchObject({ status: 'processing', latest_charge: null })
    expect(await errorOf(stripe.paymentIntents.cancel(made.id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
      payment_intent: { status: 'processing' },
    })
  })

  it('succeeds in the end', async () => {
    await merchant.control('settings', { processingDelayMs: 50 })
    const made = await stripe.paymentIntents.create(charged({ payment_method: 'pm_card_processing' }))
    expect(made.status).toBe('processing')
    await eventually(async () =>
      expect(await stripe.paymentIntents.retrieve(made.id)).toMatchObject({
        status: 'succeeded',
        amount_received: 2_000,
      }),
    )
  })

  it('or fails', async () => {
    await merchant.control('settings', { processingDelayMs: 50 })
    const made = await stripe.paymentIntents.create(charged({ payment_method: 'pm_card_processingFails' }))
    expect(made.status).toBe('processing')
    await eventually(async () =>
      expect(await stripe.paymentIntents.retrieve(made.id)).toMatchObject({
        status: 'requires_payment_method',
        last_payment_error: { type: 'card_error', code: 'card_declined' },
      }),
    )
  })
})

describe('a payment that the buyer has to confirm with their bank', () => {
  const return_url = 'http://127.0.0.1:9/thanks?order=7'
  const ask = () =>
    stripe.paymentIntents.create(charged({ payment_method: 'pm_card_authenticationRequired', return_url }))
  const pageOf = (intent: Stripe.PaymentIntent) => intent.next_action?.redirect_to_url?.url ?? ''
  const answer = (intent: Stripe.PaymentIntent, word: string) =>
    fetch(pageOf(intent), {
      method: 'POST',
      body: new URLSearchParams({ answer: word }),
      redirect: 'manual',
    })

  it('shows a page with two buttons, and comes back paid when it is approved', async () => {
    const intent = await ask()
    expect(intent).toMatchObject({
      status: 'requires_action',
      next_action: { type: 'redirect_to_url', redirect_to_url: { return_url } },
    })
    const page = await (await fetch(pageOf(intent))).text()
    expect(page).toContain('<form method="post">')
    expect([...page.matchAll(/<button[^>]*value="(\w+)"/g)].map(([, word]) => word)).toEqual([
      'approve',
      'decline',
    ])
    const back = await answer(intent, 'approve')
    expect([back.status, back.headers.get('location')]).toEqual([303, return_url])
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'succeeded',
      next_action: null,
    })
  })

  it('comes back unpaid when it is declined, and a second answer changes nothing', async () => {
    const intent = await ask()
    expect((await answer(intent, 'decline')).headers.get('location')).toBe(return_url)
    expect((await answer(intent, 'approve')).headers.get('location')).toBe(return_url)
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'payment_intent_authentication_failure' },
    })
  })

  it('takes the way back when it is confirmed, too', async () => {
    const made = await stripe.paymentIntents.create(
      charged({ payment_method: 'pm_card_authenticationRequired', confirm: false }),
    )
    const asked = await stripe.paymentIntents.confirm(made.id, { return_url })
    expect(asked.next_action?.redirect_to_url?.return_url).toBe(return_url)
  })

  it('comes back to an address in any letters', async () => {
    const params = charged({ payment_method: 'pm_card_authenticationRequired' })
    const intent = await stripe.paymentIntents.create({ ...params, return_url: 'http://127.0.0.1:9/謝?ñ' })
    expect((await answer(intent, 'approve')).headers.get('location')).toBe(
      'http://127.0.0.1:9/%E8%AC%9D?%C3%B1',
    )
  })

  it('is declined where there is no way back', async () => {
    const params = charged({ payment_method: 'pm_card_authenticationRequired' })
    expect(await errorOf(stripe.paymentIntents.create(params))).toMatchObject({
      statusCode: 402,
      code: 'authentication_required',
    })
  })

  it('can be cancelled while it waits, and the bank page then has no form', async () => {
    const intent = await ask()
    const cancelled = await stripe.paymentIntents.cancel(intent.id, { cancellation_reason: 'abandoned' })
    expect(cancelled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' })
    await answer(intent, 'approve')
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({ status: 'canceled' })
    expect(await (await fetch(pageOf(intent))).text()).not.toContain('<form')
  })
})

describe('what is refused', () => {
  it.each([
    [{ amount: 0 }, 'amount', undefined],
    [{ amount: -1 }, 'amount', undefined],
    [{ amount: 1.5 }, 'amount', undefined],
    [{ amount: 100_000_000 }, 'amount', 'amount_too_large'],
    [{ currency: 'USD' }, 'currency', undefined],
    [{ currency: 'xxy' }, 'currency', undefined],
    [{ payment_method: 'pm_card_unheard_of' }, 'payment_method', 'resource_missing'],
    [{ payment_method: 'constructor' }, 'payment_method', 'resource_missing'],
    [{ return_url: 'nowhere' }, 'return_url', 'url_invalid'],
  ])('%o: 400 for %s', async (wrong, param, code) => {
    const error = await errorOf(stripe.paymentIntents.create(charged(wrong)))
    expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError)
    expect([error.statusCode, error.param, error.code]).toEqual([400, param, code])
  })

  it('a payment that succeeded cannot be cancelled', async () => {
    const { id } = await stripe.paymentIntents.create(charged())
    expect(await errorOf(stripe.paymentIntents.cancel(id))).toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
    })
    expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'succeeded' })
  })

  it.each([
    ['payment_intents', { currency: 'usd' }, 'amount'],
    ['payment_intents', { amount: '100' }, 'currency'],
    ['refunds', {}, 'payment_intent'],
    ['payouts', { currency: 'usd' }, 'amount'],
    ['webhook_endpoints', { url: 'http://127.0.0.1:9' }, 'enabled_events'],
  ])('%s without what it needs: %o lacks %s', async (path, form, param) => {
    const refusal = await merchant.send('POST', path, { form })
    expect(refusal.status).toBe(400)
    expect(await refusal.json()).toMatchObject({ error: { code: 'parameter_missing', param } })
  })

  it('what does not exist: 404 resource_missing', async () => {
    expect(await errorOf(stripe.paymentIntents.retrieve('pi_unheard_of'))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
    })
  })

  it('an unknown call: 404; a body that is too large: 413, as an error of Stripe’s form', async () => {
    expect((await merchant.send('GET', 'unheard_of')).status).toBe(404)
    const large = await merchant.send('POST', 'payment_intents', {
      form: { description: 'x'.repeat(2 ** 21) },
    })
    expect(large.status).toBe(413)
    expect(await large.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  })
})
