// The permissions of a schema that any server runs, checked in its fields. test/package runs it over a database.
import {
  buildSchema,
  type ExecutionResult,
  type GraphQLField,
  type GraphQLObjectType,
  graphql,
  parse,
  subscribe,
} from 'graphql'
import { expect, it } from 'vitest'
import type { Permission } from '../../src/auth/permissions.ts'
import { guardFields } from '../../src/graphql/guard-fields.ts'

const schema = buildSchema(/* GraphQL */ `
  interface Named { name: String! }
  union Any = Thing | Place
  type Thing implements Named { name: String! price: Int! place: Place }
  type Place implements Named { name: String! }
  type Payload { thing: Thing }
  type Query { thing: Thing things: [Thing!] named: Named any: Any version: String! secret: String! payload: Payload }
  type Subscription { changed: Thing }
`)

const objectOf = (name: string) => schema.getType(name) as GraphQLObjectType
const fieldOf = (type: string, name: string) =>
  objectOf(type).getFields()[name] as GraphQLField<unknown, unknown>

objectOf('Thing').extensions = { permission: 'things:read' }
objectOf('Place').extensions = { permission: 'places:read' }
fieldOf('Thing', 'price').extensions = { permission: 'things:refund' }
fieldOf('Query', 'secret').extensions = { permission: 'places:read' }
fieldOf('Payload', 'thing').extensions = { showsOwnRecord: true }
let subscriptions = 0
fieldOf('Subscription', 'changed').subscribe = async function* () {
  subscriptions += 1
  yield { changed: thing }
}
guardFields(schema)

const place = { __typename: 'Place', name: 'here' }
const thing = { __typename: 'Thing', name: 'a', price: 1, place }
const rootValue = {
  thing,
  things: [thing],
  named: thing,
  any: thing,
  version: '1',
  secret: 's',
  payload: { thing },
}

const contextOf = (permissions: readonly Permission[]) => ({
  caller: { permissions: new Set(permissions) },
})

/** The data; for a refusal its path and the permission. */
function answerOf({ data, errors }: ExecutionResult): unknown {
  const [error] = errors ?? []
  return error === undefined ? JSON.parse(JSON.stringify(data)) : [error.path?.join('.'), error.message]
}

const ask = async (source: string, ...permissions: Permission[]) =>
  answerOf(await graphql({ schema, source, rootValue, contextValue: contextOf(permissions) }))

const needs = (permission: Permission) => `this needs the permission ${permission}`

it.each<[what: string, source: string, path: string, permission: Permission]>([
  ['a record', '{ thing { name } }', 'thing', 'things:read'],
  ['a list of records', '{ things { name } }', 'things', 'things:read'],
  ['an interface, by the record’s type', '{ named { name } }', 'named', 'things:read'],
  ['a union, by the record’s type', '{ any { ... on Thing { name } } }', 'any', 'things:read'],
  ['a field with its own', '{ secret }', 'secret', 'places:read'],
])('%s needs the permission', async (_what, source, path, permission) => {
  expect(await ask(source)).toEqual([path, needs(permission)])
  expect(await ask(source, permission)).toEqual({ [path]: expect.anything() })
})

it('the fields of a record need their own permissions and those of their types', async () => {
  expect(await ask('{ thing { price } }', 'things:read')).toEqual(['thing.price', needs('things:refund')])
  expect(await ask('{ thing { place { name } } }', 'things:read')).toEqual([
    'thing.place',
    needs('places:read'),
  ])
})

it('a field without a permission needs none, nor does a mutation’s own record, but what is below it does', async () => {
  expect(await ask('{ version payload { thing { name } } }')).toEqual({
    version: '1',
    payload: { thing: { name: 'a' } },
  })
  expect(await ask('{ payload { thing { price } } }')).toEqual([
    'payload.thing.price',
    needs('things:refund'),
  ])
})

it('a subscription is refused before it starts', async () => {
  const document = parse('subscription { changed { name } }')
  const begin = (...permissions: Permission[]) =>
    subscribe({ schema, document, contextValue: contextOf(permissions) })
  expect(answerOf((await begin()) as ExecutionResult)).toEqual(['changed', needs('things:read')])
  expect(subscriptions).toBe(0)
  const events = (await begin('things:read')) as AsyncGenerator<ExecutionResult>
  expect(answerOf((await events.next()).value)).toEqual({ changed: { name: 'a' } })
})
