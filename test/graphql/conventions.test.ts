// Conventions of the whole schema, read from the schema.
import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { COMMON_ERRORS } from '../../src/commands/error-codes.ts'
import { NODE_TYPES } from '../../src/graphql/node-ids.ts'
import { buildSchema } from '../../src/schema.ts'

const schema = buildSchema()
type Field = GraphQLField<unknown, unknown>

const named = (of: (field: Field) => boolean): [string, Field][] =>
  [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}).flatMap((field): [string, Field][] =>
      of(field) ? [[field.name, field]] : [],
    ),
  )

const mutations = Object.values(schema.getMutationType()?.getFields() ?? {}).map((field): [string, Field] => [
  field.name,
  field,
])
const inputOf = (field: Field) => {
  const type = getNamedType(field.args[0]?.type)
  if (!isInputObjectType(type)) throw new Error(`${field.name} has no input object`)
  return type.getFields()
}

describe.each(mutations)('%s', (name, field) => {
  const pascal = `${name.charAt(0).toUpperCase()}${name.slice(1)}`

  it('takes one input, is nullable, and returns a nullable record and non-null user errors', () => {
    expect(field.args.map(({ name: argument, type }) => `${argument}: ${type}`)).toEqual([
      `input: ${pascal}Input!`,
    ])
    expect(String(field.type)).toBe(`${pascal}Payload`)
    const payload = schema.getType(`${pascal}Payload`)
    if (!isObjectType(payload)) throw new Error('the payload is no object')
    const { userErrors, ...records } = payload.getFields()
    expect(String(userErrors?.type)).toBe('[UserError!]!')
    const { rows, ...shown } = records
    // Of many: a result for each row, with a nullable record and the errors of the row.
    if (rows !== undefined) expect(String(rows.type)).toBe(`[${pascal}Row!]!`)
    for (const record of Object.values(shown)) expect(isNonNullType(record.type)).toBe(false)
  })

  it('lists the codes of its own errors, each described once', () => {
    const payload = schema.getType(`${pascal}Payload`)
    if (!isObjectType(payload)) throw new Error('the payload is no object')
    const { description = '' } = payload.getFields().userErrors ?? {}
    const [, own = ''] = description?.split('Its own codes: ') ?? []
    const codes = own.match(/[A-Z_]+/g) ?? []
    if ('expectedVersion' in inputOf(field)) expect(codes).toContain('CONFLICT')
    const known = schema.getType('UserErrorCode')
    if (!isEnumType(known)) throw new Error('the code is no enum')
    for (const code of codes) expect(known.getValue(code)?.description, code).toMatch(/\.$/)
    expect(known.getValues().map(({ name: code }) => code)).toEqual(
      expect.arrayContaining([...COMMON_ERRORS]),
    )
  })

  it('takes an idempotency key, required for stock and money, and the version of what it edits, not of what it ends', () => {
    const input = inputOf(field)
    const required = /^(order|stock|paymentTake|paymentRecord|refund)/.test(name)
    expect(String(input.idempotencyKey?.type)).toBe(required ? 'String!' : 'String')
    // A mutation that only ends something needs no version; and a tenant has only itself.
    const isEdit = ('id' in input && !name.endsWith('Revoke')) || name === 'tenantUpdate'
    expect(String(input.expectedVersion?.type)).toBe(isEdit ? 'Int!' : 'undefined')
  })
})

it('a user error has one type, with its code, place, message and the values in it', () => {
  const error = schema.getType('UserError')
  if (!isObjectType(error)) throw new Error('the error is no object')
  const fields = Object.values(error.getFields()).map(({ name: own, type }) => `${own}: ${type}`)
  expect(fields.sort()).toEqual([
    'code: UserErrorCode!',
    'field: [String!]',
    'message: String!',
    'params: JSON',
  ])
  const ofErrors = Object.keys(schema.getTypeMap()).filter((name) => /(UserError|ErrorCode)$/.test(name))
  expect(ofErrors.sort()).toEqual(['UserError', 'UserErrorCode'])
})

describe('a list', () => {
  const isList = (field: Field) => getNamedType(field.type).name.endsWith('Connection')

  it.each(named(isList))('%s is a connection with paging by cursors', (_name, field) => {
    const args = Object.fromEntries(field.args.map(({ name, type }) => [name, String(type)]))
    expect(args).toMatchObject({ first: 'Int', after: 'String', last: 'Int', before: 'String' })
    const sortKey = 'sortKey' in args
    expect('reverse' in args).toBe(sortKey)
    const connection = getNamedType(field.type)
    if (!isObjectType(connection)) throw new Error('a connection is an object')
    expect(Object.keys(connection.getFields()).sort()).toEqual(['edges', 'nodes', 'pageInfo', 'totalCount'])
    expect(connection.extensions.permission).toEqual(expect.any(String))
  })
})

it('no root field is non-null, so that one that fails leaves the answers of the others', () => {
  const required = named(({ type }) => isNonNullType(type)).map(([name]) => name)
  expect(required).toEqual([])
})

describe('types', () => {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))

  /** A request is no object here: its id finds the lines in the log. */
  it('no money is a float, and no field is named after an id that could be an object', () => {
    for (const type of types.filter(isObjectType)) {
      for (const [name, { type: of }] of Object.entries(type.getFields())) {
        expect(getNamedType(of).name, `${type.name}.${name}`).not.toBe('Float')
        // Beside `node` an id may be from outside.
        if (name !== 'id' && name !== 'requestId' && !('node' in type.getFields()))
          expect(name, type.name).not.toMatch(/Ids?$/)
      }
    }
  })

  it('the field id stands on Nodes only, and their ids have prefixes of their own', () => {
    const withId = types
      .filter((type) => isObjectType(type) && 'id' in type.getFields())
      .map(({ name }) => name)
    const nodes = schema.getPossibleTypes(schema.getType('Node') as never).map(({ name }) => name)
    expect(withId.toSorted()).toEqual(nodes.toSorted())
    expect([...NODE_TYPES.values()].toSorted()).toEqual(nodes.toSorted())
  })

  it('every object that needs a permission says which', () => {
    for (const type of types) {
      const { permission } = type.extensions
      if (typeof permission !== 'string') continue
      expect(type.description?.split(`Needs ${permission}.`), type.name).toHaveLength(2)
    }
  })

  it('every object type has a description', () => {
    const undescribed = (type: GraphQLNamedType) =>
      isObjectType(type) && !type.description && !/(Connection|Edge|Payload|Query|Mutation)$/.test(type.name)
    expect(types.filter(undescribed).map(String)).toEqual([])
  })
})

it('what is called a reason, a message or a description says how long it may be', () => {
  const unpriced = Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .flatMap((type) =>
      Object.values((type as GraphQLObjectType).getFields()).flatMap((field) =>
        /reason$|message$|description$|failure$|error$/i.test(field.name) &&
        /^String!?$/.test(String(field.type)) &&
        typeof field.extensions.bytes !== 'number'
          ? `${type.name}.${field.name}`
          : [],
      ),
    )
  expect(unpriced).toEqual([])
})
