// Amounts in requests and answers; test/graphql/scalars.test.ts tests the scalars.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Api, startApi } from '../../support/api.ts'
import { makeVariant } from '../support/shop.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

it.each([
  ['USD', '123456', '1234.56'],
  ['JPY', '123456', '123456'],
  ['KWD', '123456', '123.456'],
])('a price in %s', async (currency, amountMinor, amount) => {
  const { id } = await makeVariant(api.as('A'), { priceMinor: BigInt(amountMinor), currency, stock: 0 })
  const { variant } = await api
    .as('A')
    .data('query ($id: ID!) { variant(id: $id) { price { amount amountMinor currency } } }', { id })
  expect(variant.price).toEqual({ amount, amountMinor, currency })
})

it('an amount beyond 2^53 as a literal keeps its last digit', async () => {
  const { errors } = await api.as('A').send('{ orders(filter: { placedFrom: 5 }) { nodes { id } } }')
  expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  const { id } = await makeVariant(api.as('A'), { stock: 0 })
  const { variantUpdate } = await api.as('A').data(
    `mutation ($id: ID!) { variantUpdate(input: { id: $id, expectedVersion: 1, price: { amountMinor: 999999999999, currency: "JPY" } }) {
      variant { price { amountMinor amount } } userErrors { message } } }`,
    { id },
  )
  expect(variantUpdate).toEqual({
    variant: { price: { amountMinor: '999999999999', amount: '999999999999' } },
    userErrors: [],
  })
})
