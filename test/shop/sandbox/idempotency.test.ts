// Idempotency keys, and answers that are lost.
import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { charged, errorOf, newMerchant } from './merchant.ts'

const FORM = { amount: '2000', currency: 'usd', payment_method: 'pm_card_visa', confirm: 'true' }

describe('a key', () => {
  it('is answered the same to the byte, and charged once', async () => {
    const { stripe, send } = newMerchant()
    const [first, second] = [
      await send('POST', 'payment_intents', { form: FORM, key: 'k' }),
      await send('POST', 'payment_intents', { form: FORM, key: 'k' }),
    ]
    expect(await second.text()).toBe(await first.text())
    expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
    expect((await stripe.paymentIntents.list()).data).toHaveLength(1)
  })

  it('replays a decline as well, payment included', async () => {
    const { stripe } = newMerchant()
    const params = charged({ payment_method: 'pm_card_chargeDeclined' })
    const pay = () => errorOf(stripe.paymentIntents.create(params, { idempotencyKey: 'k' }))
    const [first, second] = [await pay(), await pay()]
    expect(second).toMatchObject({ statusCode: 402, decline_code: 'generic_decline' })
    expect(second.payment_intent?.id).toBe(first.payment_intent?.id)
    expect(second.headers?.['idempotent-replayed']).toBe('true')
    expect((await stripe.charges.list()).data).toHaveLength(1)
  })

  it('says what was said then, not what is now', async () => {
    const { stripe } = newMerchant()
    const create = () => stripe.paymentIntents.create(charged({ confirm: false }), { idempotencyKey: 'k' })
    const { id } = await create()
    await stripe.paymentIntents.confirm(id)
    expect(await create()).toMatchObject({ id, status: 'requires_confirmation' })
  })

  it('does not mind the order of the parameters', async () => {
    const { send } = newMerchant()
    await send('POST', 'payment_intents', { form: FORM, key: 'k' })
    const form = Object.fromEntries(Object.entries(FORM).toReversed())
    const again = await send('POST', 'payment_intents', { form, key: 'k' })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  it('is refused for another input, and for another call', async () => {
    const { stripe } = newMerchant()
    const options = { idempotencyKey: 'k' }
    const { id } = await stripe.paymentIntents.create(charged(), options)
    for (const call of [
      stripe.paymentIntents.create(charged({ amount: 2_001 }), options),
      stripe.refunds.create({ payment_intent: id }, options),
    ]) {
      const error = await errorOf(call)
      expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError)
      expect(error).toMatchObject({ statusCode: 400, rawType: 'idempotency_error' })
    }
    expect((await stripe.refunds.list()).data).toEqual([])
  })

  it('is free again after a refusal before anything was done', async () => {
    const { stripe } = newMerchant()
    const options = { idempotencyKey: 'k' }
    expect(await errorOf(stripe.paymentIntents.create(charged({ amount: 0 }), options))).toMatchObject({
      statusCode: 400,
    })
    expect(await stripe.paymentIntents.create(charged(), options)).toMatchObject({ status: 'succeeded' })
  })

  it('in use is 409 until the first call has its answer, then its replay', async () => {
    const { stripe, control } = newMerchant()
    await control('settings', { latencyMs: 1_500 })
    const pay = () => stripe.paymentIntents.create(charged(), { idempotencyKey: 'k' })
    const tries = await Promise.allSettled(Array.from({ length: 5 }, pay))
    const paid = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []))
    const refused = tries.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(paid).toHaveLength(1)
    expect(refused.map(({ statusCode, code }) => [statusCode, code])).toEqual(
      Array.from({ length: 4 }, () => [409, 'idempotency_key_in_use']),
    )
    await control('settings', { latencyMs: 0 })
    expect((await pay()).id).toBe(paid[0])
    expect((await stripe.paymentIntents.list()).data).toHaveLength(1)
  })

  it('has at most 255 characters', async () => {
    const { stripe } = newMerchant()
    const pay = (length: number) =>
      stripe.paymentIntents.create(charged(), { idempotencyKey: 'k'.repeat(length) })
    expect(await pay(255)).toMatchObject({ status: 'succeeded' })
    expect(await errorOf(pay(256))).toMatchObject({ statusCode: 400 })
  })
})

describe('an answer that never arrives', () => {
  // Stripe's library retries once when a connection is cut, so a fault must happen more often.
  it('pm_card_timeout_after_charge charges first: a retry returns it', async () => {
    const { stripe } = newMerchant()
    const pay = () =>
      stripe.paymentIntents.create(charged({ payment_method: 'pm_card_timeout_after_charge' }), {
        idempotencyKey: 'k',
      })
    expect(await errorOf(pay())).toBeInstanceOf(Stripe.errors.StripeConnectionError)
    const [charge] = (await stripe.paymentIntents.list()).data
    expect(charge).toMatchObject({ status: 'succeeded' })
    const told = await pay()
    expect(told.id).toBe(charge?.id)
    expect(told.lastResponse.headers['idempotent-replayed']).toBe('true')
    expect((await stripe.charges.list()).data).toHaveLength(1)
  })

  it('pm_card_timeout_before_charge does nothing: the key then charges', async () => {
    const { stripe } = newMerchant()
    const pay = () =>
      stripe.paymentIntents.create(charged({ payment_method: 'pm_card_timeout_before_charge' }), {
        idempotencyKey: 'k',
      })
    expect(await errorOf(pay())).toBeInstanceOf(Stripe.errors.StripeConnectionError)
    expect((await stripe.paymentIntents.list()).data).toEqual([])
    expect(await pay()).toMatchObject({ status: 'succeeded' })
    expect((await stripe.charges.list()).data).toHaveLength(1)
  })

  it('of a call that never arrived leaves its key free for another', async () => {
    const { stripe } = newMerchant()
    const pay = (amount: number) =>
      stripe.paymentIntents.create(charged({ amount, payment_method: 'pm_card_timeout_before_charge' }), {
        idempotencyKey: 'k',
      })
    expect(await errorOf(pay(1_000))).toBeInstanceOf(Stripe.errors.StripeConnectionError)
    const paid = await pay(2_000)
    expect(paid.amount).toBe(2_000)
    expect((await pay(2_000)).id).toBe(paid.id)
    expect(await errorOf(pay(1_000))).toMatchObject({ rawType: 'idempotency_error' })
  })

  it('pm_card_error500_after_charge charges, answers 500 once, and then returns it', async () => {
    const { stripe } = newMerchant()
    const pay = () =>
      stripe.paymentIntents.create(charged({ payment_method: 'pm_card_error500_after_charge' }), {
        idempotencyKey: 'k',
      })
    const error = await errorOf(pay())
    expect(error).toBeInstanceOf(Stripe.errors.StripeAPIError)
    expect(error.statusCode).toBe(500)
    expect(await pay()).toMatchObject({ status: 'succeeded' })
    expect((await stripe.charges.list()).data).toHaveLength(1)
  })

  it('happens when a payment is confirmed, too', async () => {
    const { stripe } = newMerchant()
    const { id } = await stripe.paymentIntents.create(
      charged({ payment_method: 'pm_card_timeout_after_charge', confirm: false }),
    )
    const confirm = () => stripe.paymentIntents.confirm(id, {}, { idempotencyKey: 'k' })
    expect(await errorOf(confirm())).toBeInstanceOf(Stripe.errors.StripeConnectionError)
    expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'succeeded' })
    expect(await confirm()).toMatchObject({ id, status: 'succeeded' })
  })

  it('with another key happens again', async () => {
    const { stripe } = newMerchant()
    const params = charged({ payment_method: 'pm_card_timeout_after_charge' })
    for (const idempotencyKey of ['one', 'two']) {
      expect(await errorOf(stripe.paymentIntents.create(params, { idempotencyKey }))).toBeInstanceOf(
        Stripe.errors.StripeConnectionError,
      )
    }
    expect((await stripe.charges.list()).data).toHaveLength(2)
  })
})
