// Case 20: every field of the schema, and every argument with an id, a cursor or a text, requested by tenant B with
// tenant A's values. New fields are covered without further work.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NODE_TYPES } from '../../src/graphql/node-ids.ts'
import { buildSchema } from '../../src/schema.ts'
import { type Api, compilesByDefault, startApi } from '../support/api.ts'
import { placesOf } from '../support/operations.ts'
import { TELLING } from '../support/samples.ts'
import { failureOf, leaksOf, makeSecrets, rowsOf, type Secrets } from './every-field.ts'

const schema = buildSchema()
// A mutation runs the same command whatever answers it.
const places = placesOf(schema).filter(({ operation }) => compilesByDefault() || operation === 'query')

let api: Api
let secrets: Secrets
beforeAll(async () => {
  api = await startApi()
  secrets = await makeSecrets(api)
})
afterAll(() => api?.close())

it('there is something to find: ids of every type, texts, and rows in every table', async () => {
  const types = api.schema.getPossibleTypes(api.schema.getType('Node') as never)
  const found = new Set(secrets.ids.map(({ prefix }) => String(NODE_TYPES.get(prefix))))
  expect([...found, ...secrets.shared].toSorted()).toEqual(types.map(({ name }) => name).toSorted())
  expect(secrets.shared, 'what is no tenant’s own').toEqual(['RoleDefinition'])
  for (const column of TELLING) expect(secrets.texts.get(column), column).not.toHaveLength(0)
  expect(secrets.telling).toContain(api.tenantIds.A)
  for (const [table, rows] of Object.entries(await rowsOf(api.database, api.tenantIds.A)))
    expect(rows.length, table).toBeGreaterThan(0)
})

describe('case 20: cross-tenant: another tenant’s record gets the answer of a missing one, and is not changed', () => {
  it.each(places.map((place) => [place.name, place] as const))('%s', async (_name, place) => {
    expect(await failureOf(api, place), 'a valid call of its own').toBeNull()
    expect(await leaksOf(api, place, secrets)).toEqual([])
  })
})

it('there is no subscription that this test does not cover', () => {
  expect(schema.getSubscriptionType()).toBeUndefined()
})
