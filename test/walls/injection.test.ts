// Case 22: SQL, patterns and bytes that PostgreSQL cannot store, through every text, id and cursor of the schema.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSchema } from '../../src/schema.ts'
import { makeShop } from '../shop/support/shop.ts'
import { type Api, type Data, startApi } from '../support/api.ts'
import { documentOf, placesOf, selectionOf, slotsOf, withValue } from '../support/operations.ts'
import { validArguments } from '../support/recipes.ts'
import { rowsOf, withNewKey } from './every-field.ts'

const ATTACKS = [
  `' OR '1'='1`,
  `x'); DROP TABLE orders; --`,
  `") OR ("1"="1`,
  `$1 :name ? {0} %s`,
  `\\'; SELECT set_config('app.tenant_id', '', false); --`,
  `%\\`,
  `a\u0000b`,
  `\ud800`,
  `\u202e\ufeff\u{1f6a2}`,
]

const places = placesOf(buildSchema()).filter(({ field }) => slotsOf(field).some(isText))

let api: Api
beforeAll(async () => {
  api = await startApi()
  await makeShop(api, 'A')
  await makeShop(api, 'B')
})
afterAll(() => api?.close())

function isText({ type }: { type: string }): boolean {
  return type === 'String' || type === 'ID'
}

describe('case 22: a hostile text has no effect but its own', () => {
  it.each(places.map((place) => [place.name, place] as const))('%s', async (_name, place) => {
    const others = await rowsOf(api.database, api.tenantIds.B)
    for (const slot of slotsOf(place.field).filter(isText)) {
      let valid = await validArguments(api, place, 'A')
      const own = await rowsOf(api.database, api.tenantIds.A)
      for (const attack of ATTACKS) {
        const given = withValue(withNewKey(valid), slot, attack)
        const source = documentOf(place, given, selectionOf(api.schema, place.field.type, 1))
        const { data, errors } = await api.as('A').send(source, given)
        const where = `${slot.path} = ${JSON.stringify(attack)}: ${JSON.stringify(errors)}`
        for (const { code } of errors) expect(code, where).toBe('BAD_USER_INPUT')
        if (place.operation === 'mutation') {
          // An accepted value changed the record; a refused one changed nothing.
          if (data?.answer?.userErrors.length === 0) valid = await validArguments(api, place, 'A')
        } else if (place.path.length === 0) expect(found(data?.answer), where).toBe(0)
      }
      if (place.operation === 'query')
        expect(await rowsOf(api.database, api.tenantIds.A), slot.path).toEqual(own)
    }
    expect(await rowsOf(api.database, api.tenantIds.B)).toEqual(others)
  })
})

/** How many objects an answer shows: an attack must not find more than a word. */
function found(answer: Data): number {
  // Checks that an attack must not turn positive.
  if (typeof answer?.allowed === 'boolean') return Number(answer.allowed)
  if (Array.isArray(answer)) return answer.filter((node) => node !== null).length
  return answer?.nodes?.length ?? (answer ? 1 : 0)
}

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
