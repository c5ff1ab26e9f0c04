// Documents generated from the schema: all fields of a type, and the slots for values in a field's arguments. New
// fields and arguments are covered without further work. recipes.ts has the values.
import {
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  parse,
} from 'graphql'
import { AppError } from '../../src/core/errors.ts'
import { isEnd } from '../../src/db/proof/candidates.ts'
import { checkSyntaxLimits } from '../../src/edge/syntax-limits.ts'

export type Field = GraphQLField<unknown, unknown>

/** A field with its path from the root: the fields before it need no arguments. */
export interface Place {
  name: string
  operation: 'query' | 'mutation'
  path: string[]
  field: Field
}

/** Every field of Query and Mutation, and every nested field with arguments. */
export function placesOf(schema: GraphQLSchema): Place[] {
  const queries = Object.values(schema.getQueryType()?.getFields() ?? {})
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {})
  return [
    ...queries.map((field): Place => ({ name: `query ${field.name}`, operation: 'query', path: [], field })),
    ...mutations.map(
      (field): Place => ({ name: `mutation ${field.name}`, operation: 'mutation', path: [], field }),
    ),
    ...nestedPlaces(schema),
  ]
}

function nestedPlaces(schema: GraphQLSchema): Place[] {
  const places: Place[] = []
  const seen = new Set<string>()
  const reached: { type: GraphQLObjectType; path: string[] }[] = []
  const query = schema.getQueryType()
  if (query) reached.push({ type: query, path: [] })
  for (const { type, path } of reached) {
    for (const field of Object.values(type.getFields())) {
      if (path.length > 0 && field.args.length > 0)
        places.push({ name: `${type.name}.${field.name}`, operation: 'query', path, field })
      const next = getNamedType(field.type)
      if (!isObjectType(next) || !isWalkable(field) || seen.has(next.name)) continue
      seen.add(next.name)
      reached.push({ type: next, path: [...path, stepThrough(field)] })
    }
  }
  return places
}

/** Whether a field returns objects without being told which: it is a list, or has no arguments. */
export const isWalkable = ({ args }: Field) => args.length === 0 || args.some(({ name }) => name === 'first')

/** A walkable field in a path: a list has so many parents, and figures are of these days. */
export function stepThrough({ name, args }: Field): string {
  const given = args.flatMap((arg) => {
    if (arg.name === 'first') return `first: ${PARENTS}`
    return isRequiredArgument(arg) ? `${arg.name}: ${literalFor(arg.name, arg.type)}` : []
  })
  return given.length === 0 ? name : `${name}(${given.join(', ')})`
}

/** Two days around now, so that today is among them in every time zone. */
function literalFor(name: string, type: GraphQLInputType): string {
  const kind = getNamedType(type).name
  if (kind !== 'Date') throw new Error(`no ${kind} is known for "${name}" of a list that is walked through`)
  return JSON.stringify(new Date(Date.now() + (isEnd(name) ? DAY_MS : -DAY_MS)).toISOString().slice(0, 10))
}

const DAY_MS = 86_400_000

/** The number of parents for which a nested field is requested. */
const PARENTS = 5
/** The number of rows of every list in a generated selection. */
const ROWS = 2

/** The rows of the page itself: of a default page all fields would cost more than an operation may. */
const PAGE_ROWS = 10

/**
 * All fields of a type, objects down to `depth`. A type is not nested within itself, and edges show plain fields only,
 * since the document must stay within the server's limits.
 */
export function selectionOf(schema: GraphQLSchema, output: GraphQLOutputType, depth: number): string {
  return select(startOf(schema, implementingTypes(schema)), output, depth)
}

/**
 * The operations for a field that together request all fields of its answer: one, or several where the types of an interface
 * are too many for the server's limits.
 */
export function documentsOf(schema: GraphQLSchema, place: Place, given: Given, depth: number): string[] {
  const showing = (types: readonly GraphQLObjectType[]): string[] => {
    const source = documentOf(place, given, select(startOf(schema, types), place.field.type, depth))
    if (types.length <= 1 || isWithinLimits(source)) return [source]
    const half = Math.ceil(types.length / 2)
    return [...showing(types.slice(0, half)), ...showing(types.slice(half))]
  }
  return showing(implementingTypes(schema))
}

function isWithinLimits(source: string): boolean {
  try {
    checkSyntaxLimits(parse(source))
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'QUERY_TOO_COMPLEX') return false
    throw error
  }
}

function implementingTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => type.getInterfaces().length > 0)
}

interface Selecting {
  schema: GraphQLSchema
  around: readonly string[]
  differing: ReadonlySet<string>
  /** Of the types of an interface, those to show. */
  shown: readonly GraphQLObjectType[]
}

const startOf = (schema: GraphQLSchema, shown: readonly GraphQLObjectType[]): Selecting => ({
  schema,
  around: [],
  differing: new Set(),
  shown,
})

function select(at: Selecting, output: GraphQLOutputType, depth: number): string {
  const type = getNamedType(output)
  if (isLeafType(type)) return ''
  // All types at once, so one level less: an operation may have 1,000 fields.
  if (isInterfaceType(type)) {
    const possible = at.schema.getPossibleTypes(type).filter((one) => at.shown.includes(one))
    return selectPossible(at, possible, depth - 1)
  }
  if (!isObjectType(type)) throw new Error(`nothing selects from ${type.name} yet`)
  const isList = /(Connection|Edge)$/.test(type.name)
  const around = isList ? at.around : [...at.around, type.name]
  // A list does not count as a level; its objects do.
  const left = type.name.endsWith('Edge') ? 0 : isList ? depth : depth - 1
  const fields = Object.values(type.getFields()).flatMap((field) => {
    if (field.args.some(isRequiredArgument)) return []
    const shown = at.differing.has(field.name) ? `${type.name}_${field.name}: ${field.name}` : field.name
    const next = getNamedType(field.type)
    if (isLeafType(next)) return [shown]
    if (left < 0 || around.includes(itemOf(next.name))) return []
    const paging = field.args.some(({ name }) => name === 'first') ? `(first: ${ROWS})` : ''
    return [`${shown}${paging} ${select({ ...at, around, differing: new Set() }, field.type, left)}`]
  })
  return `{ __typename ${fields.join(' ')} }`
}

const itemOf = (name: string) => name.replace(/(Connection|Edge)$/, '')

/** Fields with the same name and different types get aliases. */
function selectPossible(at: Selecting, types: readonly GraphQLObjectType[], depth: number): string {
  const meanings = Map.groupBy(
    types.flatMap((type) => Object.values(type.getFields())),
    ({ name }) => name,
  )
  const differing = new Set<string>()
  for (const [name, fields] of meanings)
    if (new Set(fields.map(({ type }) => String(type))).size > 1) differing.add(name)
  const parts = types.map((type) => `... on ${type.name} ${select({ ...at, differing }, type, depth)}`)
  return `{ __typename ${parts.join(' ')} }`
}

/** A slot for a scalar in a field's arguments: `input.lines.0.variantId`, an `ID` named `variantId`. */
export interface Slot {
  path: string
  type: string
  name: string
  /** Makes a valid value, where the schema has one: `extensions.sample`. */
  sample?: unknown
}

/** Every slot for a scalar, through input objects and lists. */
export function slotsOf(field: Field): Slot[] {
  return field.args.flatMap(({ type, name }) => slotsIn(type, name, name))
}

function slotsIn(type: GraphQLInputType, path: string, name: string): Slot[] {
  if (isNonNullType(type)) return slotsIn(type.ofType, path, name)
  if (isListType(type)) return slotsIn(type.ofType, `${path}.0`, name)
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields())
    return fields.flatMap((field) => slotsIn(field.type, `${path}.${field.name}`, field.name))
  }
  return isEnumType(type) ? [] : [{ path, type: type.name, name }]
}

export type Given = Record<string, unknown>
export type ValueFor = (slot: Slot) => unknown

/** The required arguments of a field, without optional ones. */
export function requiredArguments(field: Field, valueFor: ValueFor): Given {
  const needed = field.args.filter(isRequiredArgument)
  return Object.fromEntries(
    needed.map(({ type, name }) => [name, valueOfType(type, { path: name, name }, valueFor)]),
  )
}

function valueOfType(
  type: GraphQLInputType,
  { path, name, sample }: Omit<Slot, 'type'>,
  valueFor: ValueFor,
): unknown {
  if (isNonNullType(type)) return valueOfType(type.ofType, { path, name, sample }, valueFor)
  if (isListType(type)) return [valueOfType(type.ofType, { path: `${path}.0`, name, sample }, valueFor)]
  if (isEnumType(type)) return type.getValues()[0]?.name
  if (!isInputObjectType(type)) return valueFor({ path, type: type.name, name, sample })
  const needed = Object.values(type.getFields()).filter(
    (field) => isRequiredInputField(field) || field.name === onlyOneOf(type),
  )
  return Object.fromEntries(
    needed.map((field) => [
      field.name,
      valueOfType(
        field.type,
        { path: `${path}.${field.name}`, name: field.name, sample: field.extensions.sample },
        valueFor,
      ),
    ]),
  )
}

/** The field to give of those of which exactly one is needed. */
function onlyOneOf(type: GraphQLInputObjectType): string | undefined {
  return (type.extensions.exactlyOne as readonly string[] | undefined)?.[0]
}

/** `given` with the value at a slot's path; missing lists and objects are made. */
export function withValue(given: Given, { path }: Slot, value: unknown): Given {
  const [step = '', ...rest] = path.split('.')
  return setAt(given, [step, ...rest], value) as Given
}

function setAt(into: unknown, [step, ...rest]: string[], value: unknown): unknown {
  if (step === undefined) return value
  if (step === '0') return [setAt(Array.isArray(into) ? into[0] : undefined, rest, value)]
  const object = (into ?? {}) as Given
  return { ...object, [step]: setAt(object[step], rest, value) }
}

/** The operation for a field with variables for the given arguments. */
export function documentOf({ operation, path, field }: Place, given: Given, selection: string): string {
  const used = field.args.filter(({ name }) => name in given)
  const variables = used.map(({ name, type }) => `$${name}: ${type}`).join(', ')
  const isPage = field.args.some(({ name }) => name === 'first') && !('first' in given || 'last' in given)
  const args = [
    ...(isPage ? [`first: ${PAGE_ROWS}`] : []),
    ...used.map(({ name }) => `${name}: $${name}`),
  ].join(', ')
  const call = `answer: ${field.name}${args === '' ? '' : `(${args})`} ${selection}`
  const body = path.reduceRight((inner, step) => `${step} { ${inner} }`, call)
  return `${operation}${variables === '' ? '' : ` (${variables})`} { ${body} }`
}
