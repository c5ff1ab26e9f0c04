// Describes what the schema's own code does not: names that mean the same in every type, generated types, and fields whose
// column in the Prisma schema has a `///` comment. A description that is written at the field wins.
import {
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql'
import type { Datamodel, Model } from '../db/models.ts'

type Described = { description?: string | null | undefined }
type Texts = Readonly<Record<string, string>>

const FIELDS: Texts = {
  id: 'The opaque id: `node(id)` takes it.',
  createdAt: 'When the record was made.',
  updatedAt: 'When the record was last changed.',
  version: 'Increases with each change; an edit names it as `expectedVersion`.',
  currency: 'The currency, ISO 4217.',
  cursor: 'The position of the row: for `after` and `before`.',
  node: 'The row.',
  nodes: 'The rows.',
  edges: 'The rows, each with its cursor.',
  pageInfo: 'Where the page is in its list.',
  userErrors: 'What is wrong with the input; empty: the call was carried out.',
  hasNextPage: 'Whether rows follow.',
  hasPreviousPage: 'Whether rows precede.',
  startCursor: 'The cursor of the first row; null: the page is empty.',
  endCursor: 'The cursor of the last row; null: the page is empty.',
}
const INPUT_FIELDS: Texts = {
  id: 'The record to change.',
  idempotencyKey: 'The same key with the same input returns the first outcome: 1 to 255 characters.',
  expectedVersion: 'The version that was seen. Another present version is a CONFLICT.',
  currency: 'ISO 4217.',
}
const ARGUMENTS: Texts = {
  input: 'What to do.',
  filter: 'Only rows for which all of it is true.',
  query: 'Only rows in which these words are found.',
  sortKey: 'What the rows are sorted by.',
  reverse: 'Reverses the order.',
  id: 'The opaque id of the record.',
  ids: 'Opaque ids.',
}
/** By the end of a generated type's name. */
const TYPES: readonly (readonly [suffix: string, describe: (rest: string) => string])[] = [
  ['Connection', (rest) => `A page of a list: ${rest}.`],
  ['Edge', (rest) => `A row of a list with its cursor: ${rest}.`],
  ['Payload', (rest) => `The outcome of ${lower(rest)}.`],
  ['SortKey', (rest) => `What a list can be sorted by: ${rest}.`],
  ['Filter', (rest) => `Which rows of a list: ${rest}. All that is given must be true.`],
  ['Input', (rest) => `${rest}, as a mutation takes it.`],
]
const ROOTS: Texts = {
  Query: 'What can be read.',
  Mutation: 'What can be done. Several in one operation run one after the other, each for itself.',
}

/** Adds descriptions to the types, fields, arguments and values that have none. */
export function describeUsual(schema: GraphQLSchema, models: Datamodel): void {
  const mutations = new Set(Object.keys(schema.getMutationType()?.getFields() ?? {}))
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue
    const model = modelFor(type, models)
    describe(type, ROOTS[type.name] ?? inputOf(mutations, type) ?? describeType(type, model))
    if (isObjectType(type) || isInterfaceType(type)) describeFields(type, model, models)
    if (isInputObjectType(type)) describeInput(type, model)
    if (isEnumType(type) && type.name.endsWith('SortKey')) describeSorts(type)
  }
}

function describe(described: Described, text: string | undefined): void {
  if (!described.description && text !== undefined) described.description = text
}

function inputOf(mutations: ReadonlySet<string>, { name }: GraphQLNamedType): string | undefined {
  const mutation = lower(name.replace(/Input$/, ''))
  return name.endsWith('Input') && mutations.has(mutation) ? `What ${mutation} takes.` : undefined
}

function describeType(type: GraphQLNamedType, model: Model | undefined): string | undefined {
  for (const [suffix, text] of TYPES)
    if (type.name.endsWith(suffix)) return text(type.name.slice(0, -suffix.length))
  return isObjectType(type) ? model?.description : undefined
}

function describeFields(
  type: GraphQLObjectType | GraphQLInterfaceType,
  model: Model | undefined,
  models: Datamodel,
): void {
  for (const field of Object.values(type.getFields())) {
    describe(field, documented(model, field.name) ?? FIELDS[field.name])
    const found = modelFor(getNamedType(field.type), models)
    for (const argument of field.args)
      describe(argument, ARGUMENTS[argument.name] ?? documented(found, argument.name))
  }
}

function describeInput(type: GraphQLInputObjectType, model: Model | undefined): void {
  for (const field of Object.values(type.getFields()))
    describe(field, documented(model, field.name) ?? INPUT_FIELDS[field.name])
}

function describeSorts(type: GraphQLEnumType): void {
  for (const value of type.getValues())
    describe(value, `By ${value.name.toLowerCase().replaceAll('_', ' ').replace(/ at$/, ' time')}.`)
}

/** The `///` comment of a column or a relation. */
function documented(model: Model | undefined, name: string): string | undefined {
  return (model?.columns.get(name) ?? model?.relations.get(name))?.description
}

/** The model that a type shows, or with whose name it begins: `OrderPlaceInput` is about orders. */
function modelFor({ name, extensions }: GraphQLNamedType, models: Datamodel): Model | undefined {
  if (typeof extensions.model === 'string') return models.get(extensions.model)
  const [longest] = [...models.keys()]
    .filter((model) => name === model || (name.startsWith(model) && /^[A-Z]/.test(name.slice(model.length))))
    .toSorted((left, right) => right.length - left.length)
  return longest === undefined ? undefined : models.get(longest)
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
