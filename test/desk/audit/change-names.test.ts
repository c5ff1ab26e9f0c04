// The changes of every mutation's audit entries: fields of the object's type in the API, and the API's values. New mutations are
// covered; their arguments come from recipes.ts.
import { getNamedType, isObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSchema } from '../../../src/schema.ts'
import { type Api, type Data, startApi } from '../../support/api.ts'
import { documentOf, placesOf, selectionOf } from '../../support/operations.ts'
import { askerOf, succeedingArguments } from '../../support/recipes.ts'

const mutations = placesOf(buildSchema()).filter(({ operation }) => operation === 'mutation')

/** What is recorded beside the fields of a type, by object and field. */
const BESIDE_THE_TYPE: Readonly<Record<string, string>> = {
  'Member.invitationId': 'the invitation that made the member',
  'Tenant.owner': 'the address of the first owner, who is a member',
  'Variant.reason': 'why the stock was changed: a field of the movement',
  'Variant.position': "the variant's place in its product, which lists follow",
  'PaymentProvider.webhookSecret': 'that it was changed; no type shows a secret',
}
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i

const ENTRIES = `query ($filter: AuditEntryFilter) { auditEntries(first: 100, filter: $filter) {
  nodes { action subject { type subjectId } changes { field before after } } } }`

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

function isShown(type: string, path: string): boolean {
  let at: unknown = api.schema.getType(type)
  for (const name of path.split('.')) {
    const field = isObjectType(at) ? at.getFields()[name] : undefined
    if (field === undefined) return false
    at = getNamedType(field.type)
  }
  return true
}

/** The changes that name no field of the API, or have a key of the database. */
function faultsOf(entries: readonly Data[]): string[] {
  return entries.flatMap(({ action, subject, changes }) =>
    changes.flatMap(({ field, before, after }: Data) => {
      const named = isShown(subject.type, field) || `${subject.type}.${field}` in BESIDE_THE_TYPE
      return [
        ...(named ? [] : [`${action}: ${subject.type} has no ${field}`]),
        ...(UUID.test(`${before} ${after}`) ? [`${action}: ${field} shows a key`] : []),
        ...(before === after ? [`${action}: ${field} did not change`] : []),
      ]
    }),
  )
}

async function entriesOf(filter: Data = {}): Promise<Data[]> {
  return (await api.as('A', 'ADMIN').data(ENTRIES, { filter })).auditEntries.nodes
}

describe('the changes of a mutation name fields of the API', () => {
  it.each(mutations.map((place) => [place.field.name, place] as const))('%s', async (name, place) => {
    const given = await succeedingArguments(api, place, 'A')
    const source = documentOf(place, given, selectionOf(api.schema, place.field.type, 1))
    const { data, errors } = await askerOf(api, place, 'A').send(source, given)
    expect([errors, data?.answer?.userErrors]).toEqual([[], []])
    const entries = await entriesOf({ action: [name] })
    expect(entries).not.toEqual([])
    expect(faultsOf(entries)).toEqual([])
    for (const { subject } of entries) expect(subject.subjectId).not.toMatch(UUID)
  })
})

it('what jobs recorded meanwhile does, too', async () => {
  expect(faultsOf(await entriesOf({ actorKind: ['SYSTEM'] }))).toEqual([])
})
