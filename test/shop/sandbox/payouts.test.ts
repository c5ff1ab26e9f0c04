// The balance and payouts.
import { expect, it } from 'vitest'
import { charged, errorOf, newMerchant } from './merchant.ts'

it('the balance is what was charged, less fees, refunds and payouts, by currency', async () => {
  const { stripe } = newMerchant()
  const { id } = await stripe.paymentIntents.create(charged())
  await stripe.paymentIntents.create(charged({ amount: 1_000, currency: 'eur' }))
  await stripe.refunds.create({ payment_intent: id, amount: 500 })
  const payout = await stripe.payouts.create({ amount: 1_000, currency: 'usd' })
  expect(payout).toMatchObject({ status: 'paid', amount: 1_000, currency: 'usd' })
  expect((await stripe.balance.retrieve()).available).toMatchObject([
    { currency: 'eur', amount: 1_000 - 59 },
    { currency: 'usd', amount: 2_000 - 88 - 500 - 1_000 },
  ])
  expect(await stripe.payouts.retrieve(payout.id)).toMatchObject({ id: payout.id, status: 'paid' })
  expect((await stripe.payouts.list()).data.map((listed) => listed.id)).toEqual([payout.id])
  const line = await stripe.balanceTransactions.retrieve(payout.balance_transaction as string)
  expect(line).toMatchObject({ type: 'payout', amount: -1_000, net: -1_000, source: payout.id })
})

it('a payout takes at most the whole balance', async () => {
  const { stripe } = newMerchant()
  await stripe.paymentIntents.create(charged())
  const pay = (amount: number, currency = 'usd') => stripe.payouts.create({ amount, currency })
  expect(await errorOf(pay(1_913))).toMatchObject({ statusCode: 400, code: 'balance_insufficient' })
  expect(await errorOf(pay(1, 'eur'))).toMatchObject({ statusCode: 400, code: 'balance_insufficient' })
  await pay(1_912)
  expect(await errorOf(pay(1))).toMatchObject({ statusCode: 400, code: 'balance_insufficient' })
})

it('concurrent payouts never exceed the balance', async () => {
  const { stripe } = newMerchant()
  await stripe.paymentIntents.create(charged())
  const tries = await Promise.allSettled(
    Array.from({ length: 5 }, () => stripe.payouts.create({ amount: 900, currency: 'usd' })),
  )
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
})

it('reports it in two events', async () => {
  const { stripe } = newMerchant()
  await stripe.paymentIntents.create(charged())
  const { id } = await stripe.payouts.create({ amount: 100, currency: 'usd' })
  const { data } = await stripe.events.list({ types: ['payout.created', 'payout.paid'] })
  expect(data.map(({ type, data: { object } }) => [type, 'id' in object && object.id])).toEqual([
    ['payout.paid', id],
    ['payout.created', id],
  ])
})
