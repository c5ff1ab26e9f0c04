// Text search: every word begins a word, or a part of one, in any of the columns, without case and accents.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { makeCustomer, makeProduct, makeVariant, placeOrder } from '../support/shop.ts'

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  for (const title of TITLES) await makeProduct(a, { title, vendor: 'Öst & Väst', category: 'Kitchen' })
  await makeVariant(a, { title: 'Boat', sku: 'BOAT-100%' })
  const customer = await makeCustomer(a, {
    name: "Ann O'Neil",
    email: 'ann_o@x.example',
    address: { city: 'Malmö' },
  })
  const { id } = await makeVariant(a, { title: 'Anchor' })
  for (let n = 0; n < 12; n += 1) await placeOrder(a, customer, [{ variantId: id, quantity: 1 }])
  // Another tenant sells the same, which must not be counted or found.
  const b = api.as('B')
  for (const title of TITLES) await makeProduct(b, { title, vendor: 'Öst & Väst' })
})
afterAll(() => api?.close())

const TITLES = [
  '100% wool',
  '100x wool',
  'under_score',
  'underXscore',
  'back\\slash',
  "single ' quote",
  'double " quote',
  'Straße',
  'ÉTOILE',
  '日本 kettle',
  '$1 {json} [] ; --',
]

async function found(query: string): Promise<string[]> {
  const { products } = await a.data(
    'query ($q: String) { products(first: 100, query: $q, sortKey: TITLE) { totalCount nodes { title } } }',
    { q: query },
  )
  expect(products.totalCount).toBe(products.nodes.length)
  return products.nodes.map(({ title }: Data) => title)
}

describe('a search for products', () => {
  it.each([
    ['100%', ['100% wool', 'Boat']],
    ['100%w', []],
    ['wool 100x', ['100x wool']],
    ['under_', ['under_score']],
    ['score', ['under_score']],
    ['_', []],
    ['%', []],
    ['"', []],
    ["'single", ["single ' quote"]],
    ['slash', ['back\\slash']],
    ['étoile', ['ÉTOILE']],
    ['etoile', ['ÉTOILE']],
    ['e\u0301toi', ['ÉTOILE']],
    ['STRASSE', ['Straße']],
    ['straße', ['Straße']],
    ['日本', ['日本 kettle']],
    ['本', ['日本 kettle']],
    ['１００％', ['100% wool', 'Boat']],
    ['ＫＥＴＴＬＥ', ['日本 kettle']],
    ['ettle', []],
    ['$1 {json} --', ['$1 {json} [] ; --']],
    ['boat-100', ['Boat']],
    ['100', ['100% wool', '100x wool', 'Boat']],
    ['wool kettle', []],
    ['nothing like it', []],
    [`${'x'.repeat(199)}😀`, []],
  ])('%j finds %j', async (query, titles) => {
    expect((await found(query)).sort()).toEqual([...titles].sort())
  })

  it('finds by vendor and category, and words may be in different columns', async () => {
    expect(await found('öst kitchen 100%')).toEqual(['100% wool'])
  })

  it('without a word finds everything', async () => {
    const all = await found('')
    expect(all).toHaveLength(TITLES.length + 2)
    expect(await found(' \t\n ')).toEqual(all)
  })

  it('reads a bounded part of what was typed', async () => {
    expect(await found(`wool ${' '.repeat(300)} nothing`)).toHaveLength(2)
    expect(await found(`${'wool '.repeat(8)} nothing`)).toHaveLength(2)
    expect(await found('x'.repeat(100_000))).toEqual([])
    expect(await found(`wool${'😀'.repeat(200)}`)).toEqual([])
  })
})

it('a search for customers searches name, address and city', async () => {
  for (const query of ["o'neil", 'neil', 'ann_o@', 'x.example', 'malmo', 'ann malmö']) {
    const { customers } = await a.data('query ($q: String) { customers(query: $q) { totalCount } }', {
      q: query,
    })
    expect(customers.totalCount, query).toBe(1)
  }
})

describe('a search for orders', () => {
  const numbers = async (query: string) => {
    const { orders } = await a.data(
      'query ($q: String) { orders(query: $q, sortKey: NUMBER, reverse: true, first: 100) { totalCount nodes { number } } }',
      { q: query },
    )
    expect(orders.totalCount).toBe(orders.nodes.length)
    return orders.nodes.map(({ number }: Data) => number)
  }

  it.each([
    ['7', [7]],
    ['#7', [7]],
    [' 12 ', [12]],
    ['007', [7]],
    ['99999', []],
    ['9999999999999999', []],
  ])('by number: %j finds %j', async (query, expected) => expect(await numbers(query)).toEqual(expected))

  it("by the customer's name or address", async () => {
    expect(await numbers("O'NEIL ann_o")).toHaveLength(12)
    expect(await numbers('annXo')).toEqual([])
  })
})

describe('a filter takes its text literally', () => {
  it('an empty text finds the records without one, and without a filter all are found', async () => {
    const { none, all } = await a.data(
      `{ none: products(filter: { vendor: "" }) { totalCount nodes { title } } all: products(filter: {}) { totalCount } }`,
    )
    expect(none.nodes.map(({ title }: Data) => title).sort()).toEqual(['Anchor', 'Boat'])
    expect(all.totalCount).toBe(TITLES.length + 2)
  })

  it('an empty set of states finds nothing', async () => {
    const { orders, products } = await a.data(
      '{ orders(filter: { status: [] }) { totalCount } products(filter: { status: [] }) { totalCount } }',
    )
    expect([orders.totalCount, products.totalCount]).toEqual([0, 0])
  })

  it('placedFrom is inclusive, placedBefore exclusive, to the millisecond', async () => {
    const { orders } = await a.data(
      '{ orders(sortKey: NUMBER, reverse: true) { nodes { number placedAt } } }',
    )
    const [, second] = orders.nodes
    const source =
      'query ($f: DateTime, $b: DateTime) { orders(filter: { placedFrom: $f, placedBefore: $b }) { totalCount } }'
    const later = orders.nodes.filter(({ placedAt }: Data) => placedAt >= second.placedAt).length
    expect((await a.data(source, { f: second.placedAt })).orders.totalCount).toBe(later)
    expect((await a.data(source, { b: second.placedAt })).orders.totalCount).toBe(12 - later)
    expect(
      (await a.data(source, { f: '0001-01-01T00:00:00Z', b: '9999-12-31T00:00:00Z' })).orders.totalCount,
    ).toBe(12)
  })
})
