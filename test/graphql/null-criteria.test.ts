// Filters of every list, from the schema: null as a criterion is refused, as the whole filter it is none.
import {
  type GraphQLInputObjectType,
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSchema } from '../../src/schema.ts'
import { type Api, startApi } from '../support/api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const lists = Object.values(buildSchema().getQueryType()?.getFields() ?? {}).flatMap((field) => {
  const filter = field.args.find(({ name }) => name === 'filter')
  const isPaged = field.args.some(({ name }) => name === 'first')
  return filter !== undefined && isPaged && isInputObjectType(filter.type)
    ? [[field.name, filter.type] as [string, GraphQLInputObjectType]]
    : []
})

it('there are lists with a filter', () => expect(lists.length).toBeGreaterThan(0))

describe.each(lists)('%s', (name, type) => {
  const ask = (filter: unknown) =>
    api
      .as('A')
      .send(`query ($filter: ${type.name}) { ${name}(filter: $filter, first: 1) { nodes { __typename } } }`, {
        filter,
      })

  it.each(Object.keys(type.getFields()))('a null %s is refused', async (criterion) => {
    const { data, errors } = await ask({ [criterion]: null })
    expect(data?.[name] ?? null).toBeNull()
    expect(errors).toMatchObject([
      { code: 'BAD_USER_INPUT', message: `filter.${criterion} is null: give a value, or leave it out` },
    ])
  })

  const bounds = Object.values(type.getFields()).flatMap(({ name: criterion, type: range }) =>
    isInputObjectType(range) ? [[criterion, range] as const] : [],
  )
  it.each(bounds)('a null bound of %s is refused', async (criterion, range) => {
    for (const { name: bound, type: of } of Object.values(range.getFields())) {
      if (isNonNullType(of)) continue
      const required = Object.values(range.getFields()).some((field) => isNonNullType(field.type))
      const { errors } = await ask({ [criterion]: { ...(required && { currency: 'USD' }), [bound]: null } })
      expect(errors).toMatchObject([
        {
          code: 'BAD_USER_INPUT',
          message: `filter.${criterion}.${bound} is null: give a value, or leave it out`,
        },
      ])
    }
  })

  it('a null filter is none, and an empty list of values matches nothing', async () => {
    const all = await ask(undefined)
    expect(all.errors ?? []).toEqual([])
    expect(await ask(null)).toEqual(all)
    expect(await ask({})).toEqual(all)
    for (const { name: criterion, type: of } of Object.values(type.getFields()))
      if (isListType(of) && getNamedType(of).name !== 'ID') {
        const { data, errors } = await ask({ [criterion]: [] })
        expect(errors ?? [], criterion).toEqual([])
        expect(data?.[name].nodes, criterion).toEqual([])
      }
  })
})
