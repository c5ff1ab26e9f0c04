// Which operations are compiled, and which are left to graphql-js.
import { Kind, type OperationDefinitionNode, parse, validate } from 'graphql'
import { expect, it } from 'vitest'
import { reasonNotCompiled } from '../../../src/answers/operation.ts'
import { buildSchema } from '../../../src/schema.ts'

const schema = buildSchema()

function reasonOf(source: string): string | null {
  const document = parse(source)
  expect(validate(schema, document)).toEqual([])
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION)
  return reasonNotCompiled(schema, document, operation as OperationDefinitionNode)
}

it.each([
  'query ($id: ID!) { order(id: $id) { id number status version currency total { amountMinor amount } placedAt } }',
  '{ orders(first: 20) { nodes { id customer { name } lines(first: 3) { nodes { sku total { amount } } totalCount } } pageInfo { endCursor } totalCount } }',
  'query ($n: Int) { a: customers(first: $n) { edges { cursor node { ...c } } } b: products { nodes { title } } } fragment c on Customer { id email orders(last: $n) { nodes { number } } }',
  'mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { order { id lines { nodes { sku } } } userErrors { field code message } } }',
])('compiled: %s', (source) => expect(reasonOf(source)).toBeNull())

it.each([
  ['{ orders { nodes { tags } } }', 'Order.tags is not made of its row’s columns alone'],
  ['{ viewer { id } }', 'viewer is not read by one statement'],
  ['{ node(id: "x") { id } }', 'node is not read by one statement'],
  ['{ __schema { queryType { name } } }', 'the introspection of the schema'],
  [
    '{ orders { nodes { a: lines(first: 1) { totalCount } b: lines(first: 2) { totalCount } } } }',
    'two pages of lines',
  ],
])('left to graphql-js: %s', (source, reason) => expect(reasonOf(source)).toBe(reason))
