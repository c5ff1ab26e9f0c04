// Arguments that decide how much an operation reads, from literals, variables and defaults.
import { Kind, type OperationDefinitionNode, type ValueNode } from 'graphql'
import { AppError } from '../core/errors.ts'
import { isCursorOf, type ListKey } from '../graphql/keyset.ts'
import { checkPageSize, PAGE_SIZE_DEFAULT } from '../graphql/page-size.ts'

export type Variables = Readonly<Record<string, unknown>>

/** An argument's value: a literal, or a variable with its default. */
export type Given =
  | { readonly kind: 'literal'; readonly value: unknown }
  | {
      readonly kind: 'variable'
      readonly name: string
      readonly fallback: unknown
      /** The value is this field of the variable's object. */
      readonly within?: string
    }

/** The arguments of a connection; `undefined` means omitted. */
export type PageArguments = { readonly field: string; readonly first: Given; readonly last: Given }

/** The arguments of a period of days, both included; `daysMax`: a longer one is refused when it is read. */
export type PeriodArguments = { readonly from: Given; readonly until: Given; readonly daysMax: number }

const DAY_MS = 86_400_000

/** An operation's value for an argument, or for a field of it; `fallback` is the schema's default. */
export function givenValue(
  node: ValueNode | undefined,
  operation: OperationDefinitionNode,
  fallback: unknown,
  within?: string,
): Given {
  if (within !== undefined && node?.kind === Kind.OBJECT) {
    return givenValue(node.fields.find(({ name }) => name.value === within)?.value, operation, undefined)
  }
  if (node === undefined) return { kind: 'literal', value: fallback }
  if (node.kind !== Kind.VARIABLE) return { kind: 'literal', value: literal(node) }
  const name = node.name.value
  const definition = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)
  const { defaultValue } = definition ?? {}
  return {
    kind: 'variable',
    name,
    fallback: defaultValue === undefined ? fallback : literal(defaultValue, within),
    ...(within !== undefined && { within }),
  }
}

export function isVariable(given: Given): boolean {
  return given.kind === 'variable'
}

/** Whether there may be a value. */
export function isGiven(given: Given): boolean {
  return given.kind === 'variable' || (given.value !== undefined && given.value !== null)
}

/**
 * Integers, strings, booleans and lists unchanged, null as null; of an object its field `within`. For anything else only its
 * presence matters.
 */
function literal(node: ValueNode, within?: string): unknown {
  switch (node.kind) {
    case Kind.INT:
      return Number(node.value)
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value
    case Kind.NULL:
      return null
    case Kind.LIST:
      return node.values
    case Kind.OBJECT: {
      const field = node.fields.find(({ name }) => name.value === within)
      return field === undefined ? node : { [field.name.value]: literal(field.value) }
    }
    default:
      return node
  }
}

export function valueGiven(given: Given, variables: Variables): unknown {
  if (given.kind === 'literal') return given.value
  const value =
    Object.hasOwn(variables, given.name) && variables[given.name] !== undefined
      ? variables[given.name]
      : given.fallback
  if (given.within === undefined) return value
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[given.within]
    : undefined
}

/** The page size of a connection; default: PAGE_SIZE_DEFAULT. Throws BAD_USER_INPUT. */
export function pageSize({ field, first, last }: PageArguments, variables: Variables): number {
  // Null is as left out: clients send it for a variable that is not set.
  const forward = valueGiven(first, variables) ?? undefined
  const backward = valueGiven(last, variables) ?? undefined
  if (forward === undefined && backward === undefined) return PAGE_SIZE_DEFAULT
  if (typeof forward === 'number' && typeof backward === 'number') {
    throw new AppError('BAD_USER_INPUT', `${field}: ask for first or last, not both`)
  }
  return checkPageSize(forward ?? backward, field)
}

/** The number of days of a period: 0 to `daysMax`. 0 for what is no period, which is refused when it is read. */
export function dayCount({ from, until, daysMax }: PeriodArguments, variables: Variables): number {
  const [first, last] = [valueGiven(from, variables), valueGiven(until, variables)]
  if (typeof first !== 'string' || typeof last !== 'string') return 0
  const days = (Date.parse(last) - Date.parse(first)) / DAY_MS + 1
  return days > 0 ? Math.min(Math.ceil(days), daysMax) : 0
}

/** The length of a list argument; GraphQL coerces a single value to a list of one. Throws BAD_USER_INPUT. */
export function arrayLength(
  { field, list, max }: { readonly field: string; readonly list: Given; readonly max: number },
  variables: Variables,
): number {
  const value = valueGiven(list, variables)
  if (!Array.isArray(value)) return value === null || value === undefined ? 0 : 1
  if (value.length > max) throw new AppError('BAD_USER_INPUT', `${field} takes at most ${max} ids`)
  return value.length
}

/**
 * Throws BAD_USER_INPUT for a cursor that does not belong to the list's type and this tenant. Its sort order is checked
 * when the list is read.
 */
export function checkCursor(given: Given, variables: Variables, list: ListKey): void {
  const cursor = valueGiven(given, variables)
  if (typeof cursor === 'string' && !isCursorOf(cursor, list)) {
    throw new AppError('BAD_USER_INPUT', 'the cursor does not belong to this list')
  }
}
