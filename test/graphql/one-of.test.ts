// Inputs of which exactly one field is given (@oneOf): the product has none, modules may.
import SchemaBuilder from '@pothos/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor, refusalOf } from '../edge/front-door.ts'

/** Not the product's builder: other tests build its schema in the same process. */
const builder = new SchemaBuilder({})
const By = builder.inputType('ParcelBy', {
  isOneOf: true,
  fields: (t) => ({ number: t.int(), barcode: t.string() }),
})
builder.queryType({
  fields: (t) => ({
    parcel: t.string({
      args: { by: t.arg({ type: By, required: true }) },
      resolve: (_root, { by }) => JSON.stringify(by),
    }),
  }),
})

let door: FrontDoor
beforeAll(async () => {
  door = await openFrontDoor({ schema: builder.toSchema() })
})
afterAll(() => door?.close())

const VARIABLE = 'query Q($by: ParcelBy!) { parcel(by: $by) }'

it('takes exactly one, as a literal or a variable', async () => {
  expect((await door.ask('{ parcel(by: { number: 7 }) }')).body.data.parcel).toBe('{"number":7}')
  expect((await door.ask(VARIABLE, { by: { barcode: 'x' } })).body.data.parcel).toBe('{"barcode":"x"}')
})

it.each([
  ['none', '{}', {}],
  ['two', '{ number: 7, barcode: "x" }', { number: 7, barcode: 'x' }],
  ['a null', '{ number: null }', { number: null }],
])('%s is refused as a mistake of the client', async (_name, literal, by) => {
  expect(refusalOf(await door.ask(`{ parcel(by: ${literal}) }`))).toBe('400 BAD_USER_INPUT')
  expect(refusalOf(await door.ask(VARIABLE, { by }))).toBe('400 BAD_USER_INPUT')
})

it('is told by introspection and in the schema as a file', async () => {
  const { body } = await door.ask('{ __type(name: "ParcelBy") { isOneOf } }')
  expect(body.data.__type.isOneOf).toBe(true)
  expect((await door.send('/schema.graphql')).body).toContain('input ParcelBy @oneOf {')
})
