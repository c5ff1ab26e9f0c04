// The schema arranged for reading: subjects, each with its queries, mutations and types. Pure.
import {
  type GraphQLArgument,
  type GraphQLEnumValue,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql'

export type RootField = {
  readonly parent: 'Query' | 'Mutation'
  readonly field: GraphQLField<unknown, unknown>
}

export type Subject = {
  /** The words that its types begin with: `Order`, `ApiKey`. */
  readonly title: string
  readonly rootFields: readonly RootField[]
  /** Objects, inputs, enums, scalars, and at the end the pages of lists. */
  readonly types: readonly GraphQLNamedType[]
}

export type Member =
  | GraphQLField<unknown, unknown>
  | GraphQLInputField
  | GraphQLArgument
  | (GraphQLEnumValue & { readonly type?: undefined })

/** The subject of what no query or mutation is about. */
const SHARED = 'Shared'

/** The whole schema, by subject: the first word of a type's name, as in OrderLine and OrderPlaceInput. */
export function subjectsOf(schema: GraphQLSchema): Subject[] {
  const rootFields = rootFieldsOf(schema)
  const keyOfField = ({ parent, field }: RootField) =>
    firstWord(parent === 'Mutation' ? pascal(field.name) : getNamedType(field.type).name)
  const main = new Set(rootFields.map(keyOfField))
  const types = shownTypes(schema)
  const keyOfType = new Map(types.map((type) => [type.name, firstWord(type.name)]))
  for (const type of types) {
    if (main.has(firstWord(type.name))) continue
    // NewProductStatus belongs to the product, which alone uses it.
    const users = new Set(
      [
        ...types.filter((user) => membersOf(user).some(refersTo(type))).map(({ name }) => firstWord(name)),
        ...rootFields.filter(({ field }) => [field, ...field.args].some(refersTo(type))).map(keyOfField),
      ].filter((key) => key !== firstWord(type.name)),
    )
    const [only] = users
    keyOfType.set(type.name, users.size === 1 && only !== undefined && main.has(only) ? only : SHARED)
  }
  return [...[...main].toSorted(), SHARED].map((key) => {
    const own = types.filter(({ name }) => keyOfType.get(name) === key).toSorted(byRank)
    return {
      title: key === SHARED ? SHARED : titleOf(own.filter(({ name }) => firstWord(name) === key)) || key,
      rootFields: rootFields.filter((field) => keyOfField(field) === key),
      types: own,
    }
  })
}

/** Fields, input fields or values; none for a scalar. */
export function membersOf(type: GraphQLNamedType): Member[] {
  if (isEnumType(type)) return [...type.getValues()]
  if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type))
    return Object.values(type.getFields())
  return []
}

export function isPage({ name }: GraphQLNamedType): boolean {
  return name.endsWith('Connection') || name.endsWith('Edge')
}

function rootFieldsOf(schema: GraphQLSchema): RootField[] {
  const fields = (parent: RootField['parent'], fields: Record<string, GraphQLField<unknown, unknown>> = {}) =>
    Object.values(fields).map((field) => ({ parent, field }))
  return [
    ...fields('Query', schema.getQueryType()?.getFields()),
    ...fields('Mutation', schema.getMutationType()?.getFields()),
  ]
}

function shownTypes(schema: GraphQLSchema): GraphQLNamedType[] {
  const roots = [schema.getQueryType(), schema.getMutationType()]
  return Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !roots.some((root) => root === type))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function refersTo(type: GraphQLNamedType): (member: Member) => boolean {
  return (member) => {
    if (member.type !== undefined && getNamedType(member.type) === type) return true
    return 'args' in member && member.args.some((argument) => getNamedType(argument.type) === type)
  }
}

function byRank(a: GraphQLNamedType, b: GraphQLNamedType): number {
  return rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1)
}

function rankOf(type: GraphQLNamedType): number {
  if (isPage(type)) return 6
  if (isSpecifiedScalarType(type)) return 5
  if (isEnumType(type)) return 3
  if (isInputObjectType(type)) return 2
  if (isObjectType(type) || isInterfaceType(type)) return type.name.endsWith('Payload') ? 1 : 0
  return 4
}

/** The words that all names begin with. */
function titleOf(types: readonly GraphQLNamedType[]): string {
  const [first = [], ...others] = types.map(({ name }) => wordsOf(name))
  const length = first.findIndex((word, n) => others.some((words) => words[n] !== word))
  return (length === -1 ? first : first.slice(0, length)).join('')
}

const wordsOf = (name: string) => name.match(/[A-Z]+(?![a-z])|[A-Z][a-z0-9]*/g) ?? [name]
const firstWord = (name: string) => wordsOf(name)[0] ?? name
const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)
