// Case 22: a filter finds hostile texts like any other text.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Api, startApi } from '../../support/api.ts'
import { ATTACKS } from '../../walls/attacks.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

it.each(ATTACKS.filter((text) => !text.includes('\u0000') && text.isWellFormed()))(
  '%j is a title like any other',
  async (text) => {
    const source = `mutation ($input: ProductCreateInput!) {
      productCreate(input: $input) { product { id title vendor } userErrors { message } }
    }`
    const handle = `attack-${ATTACKS.indexOf(text)}`
    const { productCreate } = await api.as('B').data(source, { input: { title: text, vendor: text, handle } })
    expect(productCreate.userErrors).toEqual([])
    expect(productCreate.product).toMatchObject({ title: text.trim(), vendor: text.trim() })
    const { products } = await api
      .as('B')
      .data('query ($v: String) { products(filter: { vendor: $v }) { nodes { id } } }', { v: text.trim() })
    expect(products.nodes).toEqual([{ id: productCreate.product.id }])
  },
)
