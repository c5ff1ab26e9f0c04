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

const UPDATE = `mutation ($id: ID!, $version: Int!, $price: MoneyInput!) {
  variantUpdate(input: { id: $id, expectedVersion: $version, price: $price }) {
    variant { version price { amount amountMinor minorDigits } } userErrors { field code } } }`

it.each([
  ['USD', '19.9', '1990', 2],
  ['HUF', '1999', '199900', 2],
  ['JPY', '5.00', '5', 0],
  ['KWD', '0.001', '1', 3],
])(
  'a price of %s %s in major units is %s in minor units',
  async (currency, amount, amountMinor, minorDigits) => {
    const { id } = await makeVariant(api.as('A'), { stock: 0 })
    const { variantUpdate } = await api.as('A').data(UPDATE, { id, version: 1, price: { amount, currency } })
    expect(variantUpdate).toMatchObject({ variant: { price: { amountMinor, minorDigits } }, userErrors: [] })
  },
)

it.each([
  ['neither form', {}, ['price']],
  ['both forms', { amount: '1.00', amountMinor: '100' }, ['price']],
  ['a tenth of a cent', { amount: '1.001' }, ['price', 'amount']],
  ['less than nothing', { amount: '-0.01' }, ['price', 'amount']],
  ['less than nothing in cents', { amountMinor: '-1' }, ['price', 'amountMinor']],
  ['more than any price', { amount: `1${'0'.repeat(29)}` }, ['price', 'amount']],
])('refuses %s', async (_name, price, field) => {
  const { id } = await makeVariant(api.as('A'), { stock: 0 })
  const { variantUpdate } = await api
    .as('A')
    .data(UPDATE, { id, version: 1, price: { ...price, currency: 'USD' } })
  expect(variantUpdate).toMatchObject({ variant: null, userErrors: [{ field }] })
})

it.each([['amount'], ['amountMinor']])('a conflict names the given %s', async (given) => {
  const { id } = await makeVariant(api.as('A'), { stock: 0 })
  await api.as('A').data(UPDATE, { id, version: 1, price: { amount: '2.00', currency: 'USD' } })
  const price = given === 'amount' ? { amount: '3.00' } : { amountMinor: '300' }
  const { variantUpdate } = await api
    .as('A')
    .data(UPDATE, { id, version: 1, price: { ...price, currency: 'USD' } })
  expect(variantUpdate.userErrors).toEqual([
    { field: ['expectedVersion'], code: 'CONFLICT' },
    { field: ['price', given], code: 'CONFLICT' },
  ])
})

it('the tenant shows the digits of its currency', async () => {
  const { viewer } = await api.as('A').data('{ viewer { tenant { currency minorDigits } } }')
  expect(viewer.tenant).toEqual({ currency: 'USD', minorDigits: 2 })
})
