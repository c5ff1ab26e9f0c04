// The cost of the product's own operations: a frontend's are far below the limit, and abusive ones are above it.
import { type GraphQLObjectType, type OperationDefinitionNode, parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { PERMISSIONS } from '../../../src/auth/permissions.ts'
import { factsOf } from '../../../src/edge/cost-analysis.ts'
import { buildSchema } from '../../../src/schema.ts'

const schema = buildSchema()

function priceOf(source: string, variables: Record<string, unknown> = {}): number {
  const document = parse(source)
  return factsOf(schema, document, document.definitions[0] as OperationDefinitionNode).plan(
    variables,
    new Set(PERMISSIONS),
  ).cost
}

const ids = Array<string>(100).fill('prod_01ja5sa799fskv8swbf8p8efwh')

describe('typical operations', () => {
  it.each([
    [
      '20 orders with their customers',
      '{ orders(first: 20) { nodes { id number status paymentStatus version placedAt updatedAt total { amount currency } customer { id name email } } pageInfo { hasNextPage endCursor } } }',
      95,
    ],
    [
      '50 orders with 10 lines each',
      '{ orders(first: 50) { nodes { id number status paymentStatus version placedAt total { amount currency } customer { id name email phone } lines(first: 10) { nodes { id sku title quantity unitPrice { amount } total { amount } } } } pageInfo { hasNextPage endCursor } } }',
      2_206,
    ],
    [
      '100 products with 10 variants each',
      '{ products(first: 100) { nodes { id handle title vendor category status version createdAt updatedAt variants(first: 10) { nodes { id sku price { amount currency } stock { onHand available } } } } totalCount } }',
      4_133,
    ],
    [
      '100 customers',
      '{ customers(first: 100) { nodes { id name email phone version createdAt updatedAt address { line1 line2 city postalCode country } } pageInfo { hasNextPage endCursor } totalCount } }',
      395,
    ],
    [
      'an order placed',
      'mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { order { id number status total { amount } lines { nodes { sku quantity } } } userErrors { field message code } } }',
      32,
    ],
  ])('%s', (_name, source, points) => {
    expect(priceOf(source)).toBe(points)
  })
})

describe('what is over the bound of 10,000', () => {
  const aliases = (count: number, field: string) =>
    Array.from({ length: count }, (_, n) => `a${n}: ${field}`).join(' ')

  it.each([
    [
      '49 times the description of one product, a hundred times',
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Product { ${aliases(49, 'description')} } } }`,
    ],
    [
      'the descriptions of a page, six times',
      `{ products(first: 100) { nodes { ${aliases(6, 'description')} } } }`,
    ],
    [
      'the description of the product of each line',
      '{ orders(first: 10) { nodes { lines(first: 100) { nodes { variant { product { description } } } } } } }',
    ],
    [
      'fifty scalars of each line',
      `{ orders(first: 20) { nodes { lines(first: 100) { nodes { ${aliases(48, 'sku')} } } } } }`,
    ],
  ])('%s', (_name, source) => {
    expect(priceOf(source, { ids })).toBeGreaterThan(10_000)
  })
})

describe('texts', () => {
  const bytesOf = (type: string, field: string) =>
    (schema.getType(type) as GraphQLObjectType).getFields()[field]?.extensions.bytes

  it('a description is priced by the bound that its input has', () => {
    expect(bytesOf('Product', 'description')).toBe(20_000)
  })
})
