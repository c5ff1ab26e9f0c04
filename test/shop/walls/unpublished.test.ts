// Products that are not published, and their variants, are found by nobody who may only read the catalogue: by no query of
// the schema, from whichever side. New queries, fields and relations are covered without further work.
import { getNamedType } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GrantablePermission, PERMISSIONS } from '../../../src/auth/permissions.ts'
import { buildSchema } from '../../../src/schema.ts'
import { type Api, startApi } from '../../support/api.ts'
import {
  documentOf,
  type Given,
  type Place,
  placesOf,
  selectionOf,
  slotsOf,
  withValue,
} from '../../support/operations.ts'
import { validArguments } from '../../support/recipes.ts'
import { unique } from '../../support/unique.ts'
import { type Bearer, keyWith } from '../../walls/bearers.ts'
import { makeCustomer, makeVariant, placeOrder } from '../support/shop.ts'

const schema = buildSchema()
const DEPTH = 2
const places = placesOf(schema).filter(({ operation }) => operation === 'query')
/** Without the audit, which records what was changed of everything. */
const READS = PERMISSIONS.filter(
  (permission) => permission.endsWith(':read') && !['unpublished:read', 'audit:read'].includes(permission),
)

type Hidden = { product: string; variant: string; sku: string; handle: string; title: string }

let api: Api
let hidden: Hidden[]
let shopper: Bearer
let seeing: Bearer[]
beforeAll(async () => {
  api = await startApi()
  hidden = [await hide('DRAFT'), await hide('ARCHIVED')]
  shopper = await keyWith(api, 'A', READS)
  seeing = [
    await keyWith(api, 'A', [...READS, 'unpublished:read']),
    await keyWith(api, 'A', [...READS, 'catalogue:write']),
    { ...shopper, who: 'VIEWER', send: api.as('A', 'VIEWER').send },
  ]
})
afterAll(() => api?.close())

/** A product with an order; renamed afterwards, so that what the order copied of it is not what it is called. */
async function hide(status: 'DRAFT' | 'ARCHIVED'): Promise<Hidden> {
  const session = api.as('A')
  const { id: variant } = await makeVariant(session)
  await placeOrder(session, await makeCustomer(session), [{ variantId: variant, quantity: 1 }])
  const { product } = (
    await session.data('query ($id: ID!) { variant(id: $id) { product { id version } } }', { id: variant })
  ).variant
  const words = { title: unique('Hidden title'), handle: unique('hidden-handle').toLowerCase() }
  const sku = unique('HIDDEN-SKU')
  const changed = await session.data(
    `mutation ($product: ProductUpdateInput!, $variant: VariantUpdateInput!) {
       variantUpdate(input: $variant) { userErrors { message } }
       productUpdate(input: $product) { userErrors { message } } }`,
    {
      product: { id: product.id, expectedVersion: product.version, status, vendor: words.title, ...words },
      variant: { id: variant, expectedVersion: 1, sku, title: words.title },
    },
  )
  expect(changed).toEqual({ variantUpdate: { userErrors: [] }, productUpdate: { userErrors: [] } })
  return { product: product.id, variant, sku, ...words }
}

/** Arguments that lead to the hidden records: for each slot that could, one call. */
async function callsOf(place: Place): Promise<Given[]> {
  const given = await validArguments(api, place, 'A')
  const aimed = hidden.flatMap(({ product, variant, title, handle, sku }) => {
    const values: Record<string, string[]> = {
      id: [product, variant],
      ids: [product, variant],
      productId: [product],
      variantId: [variant],
      query: [title, sku],
      handle: [handle],
      sku: [sku],
      vendor: [title],
    }
    return slotsOf(place.field).flatMap((slot) =>
      (values[slot.name] ?? []).map((value) => {
        // Look-ups take one of their arguments.
        const { id: _id, ...others } = given as { id?: unknown }
        return withValue(others, slot, value)
      }),
    )
  })
  return [given, ...aimed]
}

const wordsOf = ({ product, variant, sku, handle, title }: Hidden) => [product, variant, sku, handle, title]

/** With all types, node would need all permissions. */
const isOfNodes = ({ field }: Place) => getNamedType(field.type).name === 'Node'
const NODES = '{ id ... on Product { title handle } ... on Variant { sku } }'

/** The hidden ids and texts in the answers. */
async function shown({ send }: Bearer, place: Place): Promise<string[]> {
  const found = new Set<string>()
  for (const given of await callsOf(place)) {
    const document = documentOf(
      place,
      given,
      isOfNodes(place) ? NODES : selectionOf(schema, place.field.type, DEPTH),
    )
    const { data } = await send(document, given)
    const text = JSON.stringify(data)
    for (const word of hidden.flatMap(wordsOf)) if (text.includes(word)) found.add(word)
  }
  return [...found]
}

const WAYS = [
  'query product',
  'query products',
  'query variant',
  'query variants',
  'query node',
  'query nodes',
  'Product.variants',
]
it.each(places.map((place) => [place.name, place] as const))(
  '%s shows none of them to a key that lacks the permission',
  async (_name, place) => {
    expect(await shown(shopper, place)).toEqual([])
  },
)

it.each(WAYS)(
  '%s shows them to a key with unpublished:read or catalogue:write, and to a viewer',
  async (name) => {
    const place = places.find((one) => one.name === name) as Place
    // Other calls have made products meanwhile, and lists begin with the latest.
    hidden.push(await hide('ARCHIVED'))
    for (const bearer of seeing) expect(await shown(bearer, place), bearer.who).not.toEqual([])
  },
)

it('counts, pages and relations agree with what is shown', async () => {
  const source = `{
    products(first: 100) { totalCount nodes { id } } variants(first: 100) { totalCount nodes { id product { id } } }
    orders(first: 100) { nodes { lines { nodes { sku variant { id } } } } }
    stockMovements(first: 100) { nodes { variant { id } } } }`
  const [all = { data: null }, some] = [await seeing[0]?.send(source), await shopper.send(source)]
  for (const list of ['products', 'variants']) {
    expect(some.data[list].totalCount).toBe(all.data[list].totalCount - hidden.length)
    expect(some.data[list].nodes).toHaveLength(some.data[list].totalCount)
  }
  const variantsOf = ({ data }: { data: typeof some.data }) => [
    ...data.orders.nodes.flatMap(({ lines }: { lines: { nodes: { variant: object | null }[] } }) =>
      lines.nodes.map(({ variant }) => variant),
    ),
    ...data.stockMovements.nodes.map(({ variant }: { variant: object | null }) => variant),
  ]
  expect(variantsOf(all)).not.toContain(null)
  expect(variantsOf(some).filter((variant) => variant === null).length).toBeGreaterThanOrEqual(
    2 * hidden.length,
  )
  expect(some.errors).toEqual([])
})

describe('a mutation', () => {
  const STOCK = `mutation ($input: StockAdjustInput!) {
    stockAdjust(input: $input) { variant { id sku product { id } } userErrors { code } } }`
  const adjust = (variantId: string) => ({
    input: { idempotencyKey: unique('k'), variantId, delta: 1, reason: 'RECEIPT' },
  })
  const keyFor = (...permissions: GrantablePermission[]) => keyWith(api, 'A', permissions)

  it('shows the record that it changed, and nothing beneath it', async () => {
    const { send } = await keyFor('catalogue:read', 'stock:write')
    const { variant, sku } = hidden[0] as Hidden
    const { data, errors } = await send(STOCK, adjust(variant))
    expect([data, errors]).toEqual([
      { stockAdjust: { variant: { id: variant, sku, product: null }, userErrors: [] } },
      [],
    ])
  })

  it('repeated by another caller shows nothing', async () => {
    const { variant } = hidden[1] as Hidden
    const call = adjust(variant)
    await api.as('A').data(STOCK, call)
    const { send } = await keyFor('catalogue:read', 'stock:write')
    expect((await send(STOCK, call)).data.stockAdjust.variant).toBeNull()
  })

  it('makes a draft that its maker sees', async () => {
    const { send } = await keyFor('catalogue:write')
    const { data } = await send(
      `mutation { productCreate(input: { title: "${unique('Draft')}", status: DRAFT }) { product { status } userErrors { message } } }`,
    )
    expect(data.productCreate).toEqual({ product: { status: 'DRAFT' }, userErrors: [] })
  })

  it('cross-tenant: the permission shows no other tenant’s', async () => {
    const { send } = await keyWith(api, 'B', ['catalogue:read', 'unpublished:read'])
    for (const { product, variant } of hidden)
      expect(
        (await send(`{ product(id: "${product}") { id } variant(id: "${variant}") { id } }`)).data,
      ).toEqual({
        product: null,
        variant: null,
      })
  })

  it('an order tells no more of them than that they are not for sale', async () => {
    const customerId = await makeCustomer(api.as('A'))
    const forSale = { variantId: (await makeVariant(api.as('A'))).id, quantity: 1 }
    const source = `mutation ($input: OrderPlaceInput!) {
      orderPlace(input: $input) { order { id } userErrors { code message params } } }`
    for (const permissions of [['orders:write'], ['orders:write', 'catalogue:read', 'stock:read']] as const) {
      const { send } = await keyFor(...permissions)
      for (const { variant } of hidden) {
        const lines = [forSale, { variantId: variant, quantity: 1 }]
        // A total in another currency than the shop's: nothing of the hidden price may be compared with it.
        const expectedTotal = { amountMinor: '1', currency: 'JPY' }
        const input = { idempotencyKey: unique('k'), customerId, lines, expectedTotal }
        const { data } = await send(source, { input })
        expect(data.orderPlace, permissions.join()).toEqual({
          order: null,
          userErrors: [{ code: 'NOT_FOR_SALE', message: 'this is not for sale', params: null }],
        })
      }
    }
  })

  it('an order tells those who see them which variant is not for sale', async () => {
    const customerId = await makeCustomer(api.as('A'))
    const { send } = await keyFor('orders:write', 'catalogue:read', 'unpublished:read')
    const { variant, sku } = hidden[0] as Hidden
    const input = { idempotencyKey: unique('k'), customerId, lines: [{ variantId: variant, quantity: 1 }] }
    const source = `mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { userErrors { code params } } }`
    expect((await send(source, { input })).data.orderPlace.userErrors).toEqual([
      { code: 'NOT_FOR_SALE', params: { sku } },
    ])
  })
})
