// Each schema rule, by a small schema that breaks it, and its message.
import { buildSchema, type GraphQLObjectType, type GraphQLSchema } from 'graphql'
import { beforeEach, describe, expect, it } from 'vitest'
import { schemaProblems } from '../../src/graphql/schema-rules.ts'
import { VISIBILITY as RULES, type Visibility } from '../../src/graphql/visibility.ts'

const VISIBILITY = RULES as Map<string, Visibility>

const SDL = /* GraphQL */ `
  interface Node { id: ID! }
  interface Named { name: String! }
  union Party = Room | Person
  type Room implements Node & Named { id: ID! name: String! price: Money! guests: [Person!]! }
  type Person implements Node { id: ID! }
  type Money { amount: String! }
  type RoomConnection { nodes: [Room!]! }
  type Query {
    room(id: ID!): Room
    rooms(first: Int, after: String, last: Int, before: String): RoomConnection!
    about: About!
  }
  type About { version: String! }
  type Mutation { roomAdd(name: String!): Payload! }
  type Payload { room: Room errors: [String!]! }
`
const NODES = new Map([
  ['room', 'Room'],
  ['pers', 'Person'],
])

let schema: GraphQLSchema
const typeOf = (name: string) => schema.getType(name) as GraphQLObjectType
const fieldOf = (place: string) => {
  const [type = '', name = ''] = place.split('.')
  const field = typeOf(type).getFields()[name]
  if (field === undefined) throw new Error(`there is no ${place}`)
  return field
}
const problems = (nodes: ReadonlyMap<string, string> = NODES) => schemaProblems(schema, nodes)

/** A valid schema, and `more`: types or fields that break a rule. */
function whole(more = ''): void {
  schema = buildSchema(`${SDL} ${more}`)
  typeOf('Room').extensions = { model: 'Room', permission: 'places:read' }
  typeOf('Person').extensions = { model: 'Person', permission: 'members:read' }
  typeOf('RoomConnection').extensions = { permission: 'places:read' }
  fieldOf('Room.guests').extensions = { listSize: 2 }
  fieldOf('Query.about').extensions = { noPermission: 'it says nothing of anybody' }
  fieldOf('Mutation.roomAdd').extensions = { permission: 'places:write' }
  fieldOf('Payload.room').extensions = { showsOwnRecord: true }
  fieldOf('Payload.errors').extensions = { listSize: 1 }
}
beforeEach(() => whole())

const OR = `permission: 'area:read', or noPermission: 'why it needs none'`

it('a schema that says everything has no problem, and values need nothing of their own', () => {
  expect(problems()).toEqual([])
})

it('an id stands on a Node alone: elsewhere it is the id of another object', () => {
  whole('extend type About { id: ID! }')
  expect(problems()).toEqual([
    'About.id is taken by caches for its own, and About is no Node: name it after its object (subjectId) and link that with nodeLink, or make About a Node',
  ])
})

describe('a type that shows records', () => {
  it('needs a permission where it has a model', () => {
    typeOf('Room').extensions = { model: 'Room' }
    expect(problems()).toContain(
      `type Room shows records and has no permission: write ${OR} in the extensions of the type`,
    )
  })

  it('needs one where it is a Node without a model, or hangs on another by a relation', () => {
    whole('extend type Room { floor: Floor! } type Floor { name: String! }')
    typeOf('Person').extensions = {}
    fieldOf('Room.floor').extensions = { projection: { one: 'floor' } }
    expect(problems().map((problem) => problem.split(':')[0])).toEqual([
      'type Person shows records and has no permission',
      'type Floor shows records and has no permission',
    ])
  })

  it('needs none where its author says why, but not for an empty word', () => {
    typeOf('Room').extensions = { model: 'Room', noPermission: 'rooms are on the sign' }
    fieldOf('Query.room').extensions = { noPermission: 'rooms are on the sign' }
    expect(problems()).toEqual([])
    typeOf('Room').extensions = { model: 'Room', noPermission: '' }
    expect(problems()).toHaveLength(1)
  })

  it('and a permission for its look-up alone needs one wherever it is shown', () => {
    typeOf('Person').extensions = { model: 'Person', nodePermission: 'members:read' }
    expect(problems()).toEqual([
      `Room.guests shows a Person, whose nodePermission is checked only by node and nodes: write ${OR} in the extensions of the field`,
    ])
    fieldOf('Room.guests').extensions = { listSize: 2, permission: 'members:read' }
    expect(problems()).toEqual([])
  })

  it.each(['Node', 'Named', 'Party'])('is not shown as %s past its permission', (type) => {
    whole(`extend type Money { of: ${type} }`)
    expect(problems()).toEqual([
      `Money.of shows a ${type}, whose types have permissions of their own: write ${OR} in the extensions of the field`,
    ])
  })
})

describe('a root field', () => {
  it('that needs no permission, nor does its type, is refused', () => {
    fieldOf('Query.about').extensions = {}
    fieldOf('Mutation.roomAdd').extensions = {}
    const where = `write ${OR} in the extensions of the field`
    expect(problems()).toEqual([
      `Query.about has no permission, and neither has its type About: ${where}`,
      `Mutation.roomAdd has no permission, and neither has its type Payload: ${where}`,
    ])
  })

  it('that shows any Node is refused without a permission', () => {
    whole('extend type Query { node(id: ID!): Node }')
    expect(problems()).toEqual([expect.stringContaining('Query.node has no permission')])
  })
})

it('a record that may be hidden is refused where it is never null, but for the items of a list', () => {
  whole(`extend type Person { product: Product! favourite: Product products: [Product!]! }
    type Product { title: String! } type ProductEdge { node: Product! }`)
  typeOf('Product').extensions = { model: 'Hideable', permission: 'places:read' }
  fieldOf('Person.products').extensions = { listSize: 2 }
  expect(problems()).toEqual([])
  VISIBILITY.set('Hideable', { where: {}, unless: [] })
  expect(problems()).toEqual([
    'Person.product is never null, and a Product may be hidden from the caller: write nullable: true',
  ])
  VISIBILITY.delete('Hideable')
})

it('a permission that no module defines is refused, on a type and on a field', () => {
  typeOf('Room').extensions = { model: 'Room', permission: 'rooms:read' }
  fieldOf('Mutation.roomAdd').extensions = { permission: 'invitations:accept' }
  expect(problems()).toEqual([
    'Room needs rooms:read, which no module defines: add it to a module with definePermissions',
    'Mutation.roomAdd needs invitations:accept, which no module defines: add it to a module with definePermissions',
  ])
})

it('a Node without a prefix is refused, and a prefix of what is no Node here', () => {
  const nodes = new Map([
    ['room', 'Room'],
    ['bed', 'Bed'],
    ['mon', 'Money'],
  ])
  const advice = "import its type in the module's graphql.ts, or remove it from defineNodes"
  expect(problems(nodes)).toEqual([
    "type Person is a Node and has no prefix for its ids: write defineNodes({ prefix: 'Person' }) in its module",
    `the prefix bed belongs to Bed, which is not a Node of the schema: ${advice}`,
    `the prefix mon belongs to Money, which is not a Node of the schema: ${advice}`,
  ])
})

describe('a list', () => {
  it('without a size is refused, of objects and of scalars, in a type and in an interface', () => {
    whole('extend type Money { notes: [String!] } interface Tagged { tags: [String!]! }')
    fieldOf('Room.guests').extensions = {}
    const advice =
      'write listSize: <the expected number> in the extensions of the field (listMax: <the maximum>, for a field that takes ' +
      'ids), or make it a connection'
    expect(problems()).toEqual(
      ['Room.guests', 'Money.notes', 'Tagged.tags'].map(
        (place) => `${place} is an unbounded list: ${advice}`,
      ),
    )
  })

  it('that is a connection without paging is refused, at the root and in a type', () => {
    whole('extend type Person { rooms(first: Int, after: String): RoomConnection! }')
    expect(problems()).toEqual([
      'Person.rooms is a connection without last, before: write args: pageArgs(t.arg), and read it by readField and page',
    ])
  })
})

describe('a computed field', () => {
  const of = () => 'a name'

  it('is made of its columns', () => {
    fieldOf('Person.id').extensions = { projection: { columns: ['id'], of } }
    expect(problems()).toEqual([])
  })

  it('that takes arguments is refused, and one that is async, but not one with a resolver of its own', () => {
    whole('extend type Person { title(short: Boolean): String! mail: String! }')
    fieldOf('Person.title').extensions = { projection: { columns: ['name'], of } }
    fieldOf('Person.mail').extensions = { projection: { columns: ['name'], of: async () => 'a name' } }
    const advice = 'write projection({ columns }) and a resolver in place of computed'
    expect(problems()).toEqual([
      `Person.title is computed and takes arguments: ${advice}`,
      `Person.mail is computed and async: ${advice}`,
    ])
    fieldOf('Person.title').extensions = { projection: { columns: ['name'] } }
    fieldOf('Person.mail').extensions = { projection: { columns: ['name'] } }
    expect(problems()).toEqual([])
  })
})

describe('a type of values', () => {
  const OF_VALUE = 'in a type of values: change the field, or remove isValue from the extensions of the type'

  it('has fields of the value alone, also of other values', () => {
    whole('extend type Money { tax: Tax taxes: [Tax!] } type Tax { rate: Int! }')
    typeOf('Money').extensions = { isValue: true }
    typeOf('Tax').extensions = { isValue: true }
    fieldOf('Money.taxes').extensions = { listSize: 1 }
    fieldOf('Money.amount').resolve = ({ amount }) => amount
    expect(problems()).toEqual([])
  })

  it('with arguments, a resolver that takes more, an async one or a field that is no value is refused', () => {
    whole('extend type Money { in(currency: String): String! of: String! later: String! about: About }')
    typeOf('Money').extensions = { isValue: true }
    fieldOf('Money.of').resolve = (_value, _args, context) => context
    fieldOf('Money.later').resolve = async ({ amount }) => amount
    expect(problems()).toEqual([
      `Money.in takes arguments, ${OF_VALUE}`,
      `Money.of is resolved of more than the value, ${OF_VALUE}`,
      `Money.later is async, ${OF_VALUE}`,
      `Money.about shows About, which is no value, ${OF_VALUE}`,
    ])
    typeOf('Money').extensions = {}
    expect(problems()).toEqual([])
  })
})
