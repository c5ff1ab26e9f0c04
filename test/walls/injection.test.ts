// Case 22: SQL, patterns and bytes that PostgreSQL cannot store, through every text, id and cursor of the schema.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSchema } from '../../src/schema.ts'
import { type Api, type Data, startApi } from '../support/api.ts'
import { documentOf, placesOf, selectionOf, slotsOf, withValue } from '../support/operations.ts'
import { validArguments } from '../support/recipes.ts'
import { fillTenant } from '../support/samples.ts'
import { ATTACKS } from './attacks.ts'
import { rowsOf, withNewKey } from './every-field.ts'

const places = placesOf(buildSchema()).filter(({ field }) => slotsOf(field).some(isText))

let api: Api
beforeAll(async () => {
  api = await startApi()
  await fillTenant(api, 'A')
  await fillTenant(api, 'B')
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
  '%j is a reason like any other',
  async (text) => {
    const { supportAccessGrant } = await api.as('B').data(
      `mutation ($input: SupportAccessGrantInput!) {
        supportAccessGrant(input: $input) { supportGrant { reason } userErrors { message } } }`,
      { input: { hours: 1, reason: text } },
    )
    expect(supportAccessGrant).toEqual({ supportGrant: { reason: text.trim() }, userErrors: [] })
  },
)
