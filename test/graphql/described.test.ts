// Everything in the schema is described, and a project's own types get the usual descriptions and those of their columns.
import { isEnumType, isInputObjectType, isObjectType, buildSchema as parseSchema } from 'graphql'
import { expect, it } from 'vitest'
import { datamodelOf } from '../../src/db/models.ts'
import { describeUsual } from '../../src/graphql/usual-descriptions.ts'
import { buildSchema } from '../../src/schema.ts'
import { undescribed } from '../../tools/undescribed.ts'

it('everything in the schema is described', () => {
  expect(undescribed(buildSchema())).toEqual([])
})

it('names what is not', () => {
  const schema = parseSchema(`
    type Query { crate(id: ID): Crate }
    type Crate { label: String }
    "Described." enum State { OPEN "Closed." CLOSED }
    "Described." input Search { text: String }
  `)
  expect(undescribed(schema)).toEqual([
    'Query',
    'Query.crate',
    'Query.crate(id)',
    'Crate',
    'Crate.label',
    'State.OPEN',
    'Search.text',
  ])
})

it('usual names, generated types and columns are described, and a description that is there stays', () => {
  const schema = parseSchema(`
    type Query { crates(filter: CrateFilter, label: String): CrateConnection }
    type Mutation { crateOpen(input: CrateOpenInput): CratePayload }
    type Crate { id: ID label: String "Own." createdAt: String }
    type CrateConnection { nodes: [Crate] }
    type CratePayload { crate: Crate }
    enum CrateSortKey { CREATED_AT }
    input CrateFilter { label: String }
    input CrateOpenInput { label: String place: PlaceInput idempotencyKey: String }
    input PlaceInput { row: Int }
  `)
  const column = {
    type: 'String',
    isEnum: false,
    isList: false,
    isNullable: false,
    hasDefault: false,
    size: null,
  }
  describeUsual(
    schema,
    datamodelOf({
      models: [
        [
          'Crate',
          {
            table: 'crates',
            description: 'A box.',
            columns: [['label', { ...column, name: 'label', description: 'What it says.' }]],
            relations: [],
            keys: [],
            indexes: [],
          },
        ],
      ],
      enums: [],
    }),
  )
  const type = (name: string) => schema.getType(name)
  const [crate, input, sorts] = [type('Crate'), type('CrateOpenInput'), type('CrateSortKey')]
  if (!isObjectType(crate) || !isInputObjectType(input) || !isEnumType(sorts)) throw new Error('other types')
  expect(crate.description).toBe('A box.')
  expect(crate.getFields().label?.description).toBe('What it says.')
  expect(crate.getFields().createdAt?.description).toBe('Own.')
  expect(input.getFields().label?.description).toBe('What it says.')
  expect(input.description).toBe('What crateOpen takes.')
  expect(type('PlaceInput')?.description).toBe('Place, as a mutation takes it.')
  expect(sorts.getValue('CREATED_AT')?.description).toBe('By created time.')
  expect(type('CrateConnection')?.description).toBe('A page of a list: Crate.')
  expect(undescribed(schema)).toEqual([
    'Query.crates',
    'Mutation.crateOpen',
    'CratePayload.crate',
    'CrateOpenInput.place',
    'PlaceInput.row',
  ])
})
