// `nodes` with several types in one request, and their nested fields.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Api, type Session, startApi } from '../../support/api.ts'
import { makeShop, type Shop } from '../support/shop.ts'

let api: Api
let a: Session
let shop: Shop
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  shop = await makeShop(api, 'A')
})
afterAll(() => api?.close())

it('show the fields of their type, with relations', async () => {
  const { nodes } = await a.data(
    `query ($ids: [ID!]!) { nodes(ids: $ids) {
      ... on Order { number customer { name } lines(first: 1) { totalCount nodes { sku } } }
      ... on Customer { email orders(first: 1) { totalCount } }
    } }`,
    { ids: [shop.orders.PLACED.id, shop.customers[1]] },
  )
  expect(nodes).toEqual([
    {
      number: 1,
      customer: { name: 'Anchor Buyer 1' },
      lines: { totalCount: 2, nodes: [{ sku: 'Anchor-1' }] },
    },
    { email: 'anchor.buyer2@shop.example', orders: { totalCount: 0 } },
  ])
})
