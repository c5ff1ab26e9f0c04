// Tests that apply to every resource, generated from the schema: one line in a model's own test.
import { type GraphQLField, type GraphQLSchema, getNamedType, isObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Data, startApi } from './api.ts'
import { type Given, type Place, selectionOf } from './operations.ts'
import { recordMaker, validArguments } from './recipes.ts'
import { unique } from './unique.ts'

/** Tests of creating, reading, editing and deleting, by the tenant and by another one, where the API has them. */
export function itIsAResource(type: string): void {
  const camel = `${type.charAt(0).toLowerCase()}${type.slice(1)}`

  describe(`${type} is a resource`, () => {
    let api: Api
    beforeAll(async () => {
      api = await startApi()
    })
    afterAll(() => api?.close())

    const make = (tenant: 'A' | 'B' = 'A'): Promise<string> => {
      const maker = recordMaker(api.schema, type)
      if (maker === null) throw new Error(`nothing makes a ${type}`)
      return maker(api, tenant)
    }
    const lookUp = `query ($id: ID!) { ${camel}(id: $id) { id } }`
    const listOf = async (tenant: 'A' | 'B'): Promise<Data> => {
      const { name } = listField(api.schema, type)
      return (await api.as(tenant).data(`{ ${name}(first: 100) { nodes { id } totalCount } }`))[name]
    }

    async function write(verb: string, input: Given, tenant: 'A' | 'B' = 'A'): Promise<Data> {
      const name = `${camel}${verb}`
      const source = `mutation ($input: ${type}${verb}Input!) { ${name}(input: $input) {
        ${camel} { id } userErrors { field code } } }`
      return (await api.as(tenant).data(source, { input }))[name]
    }

    it('is made, found by its id with every field, and listed', async () => {
      const id = await make()
      const everything = selectionOf(api.schema, shownType(api.schema, type), 1)
      const found = await api
        .as('A')
        .data(`query ($id: ID!) { ${camel}(id: $id) ${everything} node(id: $id) { __typename id } }`, { id })
      expect(found[camel]).toMatchObject({ id })
      expect(found.node).toEqual({ __typename: type, id })
      expect((await listOf('A')).nodes).toContainEqual({ id })
    })

    it('cross-tenant: another tenant neither finds, lists nor edits it', async () => {
      const id = await make()
      expect(await api.as('B').data(lookUp, { id })).toEqual({ [camel]: null })
      expect((await listOf('B')).nodes).not.toContainEqual({ id })
      for (const verb of ['Update', 'Delete']) {
        if (mutationOf(api.schema, `${camel}${verb}`) === undefined) continue
        const { userErrors } = await write(verb, { id, expectedVersion: 1 }, 'B')
        expect(userErrors).toEqual([{ field: ['id'], code: 'NOT_FOUND' }])
      }
      expect(await api.as('A').data(lookUp, { id })).toEqual({ [camel]: { id } })
    })

    it('is made once, however often its key is sent', async () => {
      const name = `${camel}Create`
      const field = mutationOf(api.schema, name)
      if (field === undefined) return
      const place: Place = { name: `mutation ${name}`, operation: 'mutation', path: [], field }
      const { input } = (await validArguments(api, place, 'A')) as { input: Given }
      const keyed = { ...input, idempotencyKey: unique('key') }
      const first = await write('Create', keyed)
      expect(first.userErrors).toEqual([])
      expect(await write('Create', keyed)).toEqual(first)
    })

    it('is refused to a viewer, who may not write', async () => {
      const id = await make()
      for (const verb of ['Update', 'Delete']) {
        if (mutationOf(api.schema, `${camel}${verb}`) === undefined) continue
        const source = `mutation { ${camel}${verb}(input: { id: "${id}", expectedVersion: 1 }) { userErrors { code } } }`
        const { errors } = await api.as('A', 'VIEWER').send(source)
        expect(errors).toMatchObject([{ code: 'FORBIDDEN' }])
      }
    })

    it('is edited and deleted only as of the version that the user saw', async () => {
      const id = await make()
      const has = (verb: string) => mutationOf(api.schema, `${camel}${verb}`) !== undefined
      const stale = [{ field: ['expectedVersion'], code: 'CONFLICT' }]
      if (has('Update')) {
        // Nothing is changed, so the version stays.
        for (let n = 0; n < 2; n += 1)
          expect((await write('Update', { id, expectedVersion: 1 })).userErrors).toEqual([])
        expect((await write('Update', { id, expectedVersion: 2 })).userErrors).toEqual(stale)
      }
      if (has('Delete')) {
        expect((await write('Delete', { id, expectedVersion: 2 })).userErrors).toEqual(stale)
        const source = `mutation { ${camel}Delete(input: { id: "${id}", expectedVersion: 1 }) {
          ${camel} { id } deletedId userErrors { code } } }`
        expect((await api.as('A').data(source))[`${camel}Delete`]).toEqual({
          [camel]: null,
          deletedId: id,
          userErrors: [],
        })
        expect(await api.as('A').data(lookUp, { id })).toEqual({ [camel]: null })
      }
    })
  })
}

function mutationOf(schema: GraphQLSchema, name: string): GraphQLField<unknown, unknown> | undefined {
  return schema.getMutationType()?.getFields()[name]
}

function shownType(schema: GraphQLSchema, name: string) {
  const type = schema.getType(name)
  if (!isObjectType(type)) throw new Error(`${name} is no object type`)
  return type
}

function listField(schema: GraphQLSchema, type: string): GraphQLField<unknown, unknown> {
  const fields = Object.values(schema.getQueryType()?.getFields() ?? {})
  const found = fields.find((field) => getNamedType(field.type).name === `${type}Connection`)
  if (found === undefined) throw new Error(`nothing lists ${type}`)
  return found
}
