// Refunds: partial, too large, slow, failing, and unanswered.
import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { charged, errorOf, type Merchant, newMerchant } from './merchant.ts'

/** The merchant with one payment of 20 dollars. */
async function paid(payment_method = 'pm_card_visa'): Promise<Merchant & { intent: Stripe.PaymentIntent }> {
  const merchant = newMerchant()
  const intent = await merchant.stripe.paymentIntents.create(charged({ payment_method }))
  return { ...merchant, intent }
}

async function chargeOf(stripe: Stripe, { id }: Stripe.PaymentIntent): Promise<Stripe.Charge> {
  const { latest_charge } = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })
  return latest_charge as Stripe.Charge
}

describe('a refund', () => {
  it('is of everything that is left when it names no amount', async () => {
    const { stripe, intent } = await paid()
    const part = await stripe.refunds.create({
      payment_intent: intent.id,
      amount: 500,
      reason: 'requested_by_customer',
      metadata: { note: 'late' },
    })
    expect(part).toMatchObject({
      status: 'succeeded',
      amount: 500,
      currency: 'usd',
      charge: intent.latest_charge,
      payment_intent: intent.id,
      reason: 'requested_by_customer',
      metadata: { note: 'late' },
    })
    expect(await chargeOf(stripe, intent)).toMatchObject({ amount_refunded: 500, refunded: false })
    const rest = await stripe.refunds.create({ charge: intent.latest_charge as string })
    expect(rest.amount).toBe(1_500)
    expect(await chargeOf(stripe, intent)).toMatchObject({ amount_refunded: 2_000, refunded: true })
    expect(await stripe.refunds.retrieve(part.id)).toMatchObject({ id: part.id, amount: 500 })
    const listed = await stripe.refunds.list({ payment_intent: intent.id })
    expect(listed.data.map(({ id }) => id)).toEqual([rest.id, part.id])
  })

  it('of more than is left is refused, and after all of it any', async () => {
    const { stripe, intent } = await paid()
    const refund = (amount?: number) =>
      stripe.refunds.create({ payment_intent: intent.id, ...(amount !== undefined && { amount }) })
    expect(await errorOf(refund(2_001))).toMatchObject({ statusCode: 400, param: 'amount' })
    await refund(1_500)
    expect(await errorOf(refund(501))).toMatchObject({ statusCode: 400, param: 'amount' })
    await refund()
    expect(await errorOf(refund(1))).toMatchObject({ statusCode: 400, code: 'charge_already_refunded' })
    expect(await chargeOf(stripe, intent)).toMatchObject({ amount_refunded: 2_000 })
  })

  it('concurrent ones never exceed what is left', async () => {
    const { stripe, intent } = await paid()
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () => stripe.refunds.create({ payment_intent: intent.id, amount: 300 })),
    )
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(6)
    expect(await chargeOf(stripe, intent)).toMatchObject({ amount_refunded: 1_800 })
  })

  it.each([
    ['of nothing', { amount: 0 }, 'amount'],
    ['for a reason that there is not', { reason: 'whim' as 'duplicate' }, 'reason'],
  ])('%s is refused', async (_which, wrong, param) => {
    const { stripe, intent } = await paid()
    expect(await errorOf(stripe.refunds.create({ payment_intent: intent.id, ...wrong }))).toMatchObject({
      statusCode: 400,
      param,
    })
  })

  it.each([{ payment_intent: 'pi_unheard_of' }, { charge: 'ch_unheard_of' }])(
    '%o: 404, naming what was given',
    async (params) => {
      expect(await errorOf(newMerchant().stripe.refunds.create(params))).toMatchObject({
        statusCode: 404,
        code: 'resource_missing',
        param: Object.keys(params)[0],
      })
    },
  )

  it('of a payment that was declined is refused', async () => {
    const { stripe } = newMerchant()
    const params = charged({ payment_method: 'pm_card_chargeDeclined' })
    const { payment_intent } = await errorOf(stripe.paymentIntents.create(params))
    expect(await errorOf(stripe.refunds.create({ payment_intent: payment_intent?.id ?? '' }))).toMatchObject({
      statusCode: 400,
    })
  })
})

describe('a refund that takes a while', () => {
  it('is pending, then succeeds', async () => {
    const { stripe, control, intent } = await paid('pm_card_refundPending')
    await control('settings', { processingDelayMs: 50 })
    const refund = await stripe.refunds.create({ payment_intent: intent.id })
    expect(refund.status).toBe('pending')
    await eventually(async () =>
      expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'succeeded' }),
    )
    expect(await chargeOf(stripe, intent)).toMatchObject({ amount_refunded: 2_000, refunded: true })
  })

  it('or fails: the money is back, and can be refunded again', async () => {
    const { stripe, control, intent } = await paid('pm_card_refundFail')
    await control('settings', { processingDelayMs: 50 })
    // In one answer: soon after it may have failed.
    const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 700, expand: ['charge'] })
    expect(refund).toMatchObject({ status: 'pending', charge: { amount_refunded: 700 } })
    const failed = await eventually(async () => {
      const read = await stripe.refunds.retrieve(refund.id, { expand: ['failure_balance_transaction'] })
      expect(read).toMatchObject({ status: 'failed', failure_reason: expect.any(String) })
      return read
    })
    expect(failed.failure_balance_transaction).toMatchObject({ type: 'refund_failure', net: 700 })
    expect(await chargeOf(stripe, intent)).toMatchObject({ amount_refunded: 0, refunded: false })
    expect((await stripe.balance.retrieve()).available).toMatchObject([{ amount: 1_912, currency: 'usd' }])
    expect(await stripe.refunds.create({ payment_intent: intent.id })).toMatchObject({ amount: 2_000 })
  })
})

it.each(['payment_intent', 'charge'] as const)(
  'pm_card_refundTimeout, named by its %s, refunds and is lost: a retry returns it',
  async (by) => {
    const { stripe, intent } = await paid('pm_card_refundTimeout')
    const params =
      by === 'charge' ? { charge: intent.latest_charge as string } : { payment_intent: intent.id }
    const refund = () => stripe.refunds.create({ ...params, amount: 100 }, { idempotencyKey: 'k' })
    expect(await errorOf(refund())).toBeInstanceOf(Stripe.errors.StripeConnectionError)
    expect(await chargeOf(stripe, intent)).toMatchObject({ amount_refunded: 100 })
    expect(await refund()).toMatchObject({ status: 'succeeded', amount: 100 })
    expect((await stripe.refunds.list({ charge: intent.latest_charge as string })).data).toHaveLength(1)
  },
)
