// Keys and accounts: every test key opens its own account, which no other can see or change.

import Stripe from 'stripe'
import { expect, it } from 'vitest'
import { sandboxUrl } from '../support/sandbox-url.ts'
import { charged, errorOf, merchantWith, newMerchant } from './merchant.ts'

it('a key opens the same account each time, another key another one', async () => {
  const one = newMerchant()
  const [first, again, other] = await Promise.all(
    [one, merchantWith(one.secretKey), newMerchant()].map(({ stripe }) => stripe.accounts.retrieveCurrent()),
  )
  expect(first?.id).toMatch(/^acct_[0-9a-f]{16}$/)
  expect(again?.id).toBe(first?.id)
  expect(other?.id).not.toBe(first?.id)
})

it.each([
  ['of the live mode', `sk_live_${'a'.repeat(24)}`],
  ['too short', 'sk_test_short'],
  ['with other characters', `sk_test_${'a'.repeat(16)}_`],
  ['of another form', 'rk_test_aaaaaaaaaaaaaaaa'],
])('a key %s opens nothing: 401', async (_form, key) => {
  const error = await errorOf(merchantWith(key).stripe.accounts.retrieveCurrent())
  expect(error).toBeInstanceOf(Stripe.errors.StripeAuthenticationError)
  expect(error).toMatchObject({ statusCode: 401, rawType: 'invalid_request_error' })
})

it('without a key neither calls nor controls are answered: 401', async () => {
  for (const path of ['v1/payment_intents', '_sandbox/deliveries']) {
    expect((await fetch(`${sandboxUrl()}/${path}`)).status).toBe(401)
  }
})

it('cross-account: another account’s objects are 404, and its lists are empty', async () => {
  const [owner, other] = [newMerchant(), newMerchant()]
  const { stripe } = other
  const intent = await owner.stripe.paymentIntents.create(charged())
  const charge = await owner.stripe.charges.retrieve(intent.latest_charge as string)
  const endpoint = await owner.stripe.webhookEndpoints.create({
    url: 'http://127.0.0.1:9',
    enabled_events: ['*'],
  })
  const [event] = (await owner.stripe.events.list()).data
  const refund = await owner.stripe.refunds.create({ payment_intent: intent.id, amount: 1 })
  const dispute = await owner.control<Stripe.Dispute>('disputes', { payment_intent: intent.id, amount: 1 })
  const refused = [
    stripe.paymentIntents.retrieve(intent.id),
    stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' }),
    stripe.paymentIntents.cancel(intent.id),
    stripe.charges.retrieve(charge.id),
    stripe.balanceTransactions.retrieve(charge.balance_transaction as string),
    stripe.refunds.create({ payment_intent: intent.id }),
    stripe.refunds.create({ charge: charge.id }),
    stripe.refunds.retrieve(refund.id),
    stripe.disputes.retrieve(dispute.id),
    stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: 'winning_evidence' } }),
    stripe.disputes.close(dispute.id),
    stripe.webhookEndpoints.retrieve(endpoint.id),
    stripe.webhookEndpoints.update(endpoint.id, { disabled: true }),
    stripe.webhookEndpoints.del(endpoint.id),
    stripe.events.retrieve(event?.id ?? ''),
    stripe.paymentIntents.list({ starting_after: intent.id }),
  ]
  // All are awaited at once: an unhandled rejection would end the run.
  for (const error of await Promise.all(refused.map(errorOf))) {
    expect(error).toMatchObject({ statusCode: 404, code: 'resource_missing' })
  }
  await expect(other.control('disputes', { payment_intent: intent.id })).rejects.toThrow(/404/)
  await expect(other.control(`disputes/${dispute.id}`, { status: 'won' })).rejects.toThrow(/404/)
  const lists = [
    stripe.paymentIntents,
    stripe.refunds,
    stripe.disputes,
    stripe.webhookEndpoints,
    stripe.events,
  ] as const
  for (const list of lists) expect((await list.list()).data).toEqual([])
  expect((await stripe.balance.retrieve()).available).toEqual([])
  expect(await owner.stripe.webhookEndpoints.retrieve(endpoint.id)).toMatchObject({ status: 'enabled' })
})

it('cross-account: idempotency keys are separate per account', async () => {
  const [one, two] = [newMerchant(), newMerchant()]
  const options = { idempotencyKey: 'the-same' }
  const first = await one.stripe.paymentIntents.create(charged(), options)
  const second = await two.stripe.paymentIntents.create(charged({ amount: 5 }), options)
  expect(second.id).not.toBe(first.id)
})

it('cross-account: another account’s events are not sent again, nor its settings changed', async () => {
  const [owner, other] = [newMerchant(), newMerchant()]
  await owner.stripe.paymentIntents.create(charged())
  const [event] = (await owner.stripe.events.list()).data
  await expect(other.control(`events/${event?.id}/resend`, { copies: 2 })).rejects.toThrow(/404/)
  await other.control('settings', { webhooks: 'paused' })
  expect(await owner.control('settings', {})).toMatchObject({ webhooks: 'on' })
})

it('every answer has the id of its request', async () => {
  const { stripe, send } = newMerchant()
  const { lastResponse } = await stripe.accounts.retrieveCurrent()
  expect(lastResponse.requestId).toMatch(/^req_/)
  expect((await errorOf(stripe.charges.retrieve('ch_none'))).requestId).toMatch(/^req_/)
  expect((await send('GET', 'unheard_of')).headers.get('request-id')).toMatch(/^req_/)
})

it.each([
  ['%', 400],
  ['%E0%A4%A', 400],
  ['p'.repeat(120), 404],
  ['p'.repeat(600), 414],
])('an address that ends in %s is refused in Stripe’s form', async (id, status) => {
  const refusal = await newMerchant().send('GET', `payment_intents/${id}`)
  expect([refusal.status, refusal.headers.get('request-id')]).toEqual([
    status,
    expect.stringMatching(/^req_/),
  ])
  expect(await refusal.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
})

it('its own page lists the test payment methods', async () => {
  const page = await (await fetch(sandboxUrl())).text()
  expect(page).toContain('<html lang="en">')
  for (const method of ['pm_card_visa', 'pm_card_processing', 'pm_card_refundTimeout']) {
    expect(page).toContain(method)
  }
})
