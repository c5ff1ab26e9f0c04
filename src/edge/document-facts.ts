// What is known of a validated operation before it runs: which permissions it needs and what it costs. Computed once
// for each operation; only page sizes that stand in variables are left to be counted per request.
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import type { Permission } from '../commands/permissions.ts'
import { COST_MIN } from './cost-budget.ts'
import {
  arrayLength,
  type Given,
  givenValue,
  isVariable,
  type PageArguments,
  pageSize,
  type Variables,
} from './page-arguments.ts'

/** What a list is taken to hold when nothing says how long it is. */
const LIST_SIZE_DEFAULT = 10
/** `__schema` and `__type`: the answer is large, but comes from memory. */
const INTROSPECTION_COST = 100

export type OperationFacts = {
  readonly permissions: readonly Permission[]
  /** Points, at least 1. Throws BAD_USER_INPUT for a page size out of bounds. */
  cost(variables: Variables): number
  /** Points that a field costs beside the objects it returns, by the name it has in the response. */
  readonly prices: ReadonlyMap<string, number>
}

/** A field that costs something. Scalars cost nothing and are left out. */
type Priced = {
  /** Once for each parent. */
  readonly price: number
  readonly count: Count
  /** Set where a page begins: the size of the lists below. */
  readonly page: PageArguments | null
  readonly within: readonly Priced[]
}

/** How many objects a field returns for each parent. */
type Count =
  | { readonly kind: 'fixed'; readonly count: number }
  | { readonly kind: 'page' }
  | { readonly kind: 'given'; readonly list: Given }

const known = new WeakMap<OperationDefinitionNode, OperationFacts>()

/** The facts of an operation of a document that was validated against the schema, and whose fragments are finite. */
export function factsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationFacts {
  const before = known.get(operation)
  if (before !== undefined) return before
  const facts = compile(schema, document, operation)
  known.set(operation, facts)
  return facts
}

function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationFacts {
  const walk: Walk = {
    schema,
    fragments: fragmentsOf(document),
    operation,
    permissions: new Set(),
    prices: new Map(),
    isVariable: false,
  }
  const root = schema.getRootType(operation.operation)
  const fields = root ? pricedFields(walk, root, operation.selectionSet) : []
  const permissions = [...walk.permissions]
  if (walk.isVariable) {
    return { permissions, prices: walk.prices, cost: (variables) => total(fields, variables) }
  }
  // Counted at the first use rather than here, since a literal page size may be out of bounds.
  let constant: number | undefined
  const cost = () => {
    constant ??= total(fields, {})
    return constant
  }
  return { permissions, prices: walk.prices, cost }
}

type Walk = {
  readonly schema: GraphQLSchema
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly operation: OperationDefinitionNode
  readonly permissions: Set<Permission>
  readonly prices: Map<string, number>
  /** Whether a variable has a say in the cost. */
  isVariable: boolean
}

function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  return fragments
}

function pricedFields(walk: Walk, type: GraphQLCompositeType, set: SelectionSetNode): Priced[] {
  return set.selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return pricedField(walk, type, selection) ?? []
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : walk.fragments.get(selection.name.value)
    if (fragment === undefined) return []
    const condition = fragment.typeCondition
    const inner = condition === undefined ? type : walk.schema.getType(condition.name.value)
    if (!isCompositeType(inner)) return []
    // A fragment on a guarded type needs its permission too: the field around it may only promise an interface.
    require(walk, inner.extensions.permission)
    return pricedFields(walk, inner, fragment.selectionSet)
  })
}

function pricedField(walk: Walk, parent: GraphQLCompositeType, node: FieldNode): Priced | null {
  const name = node.name.value
  if (name === '__typename') return null
  if (name === '__schema' || name === '__type') {
    return price(walk, node, INTROSPECTION_COST, { kind: 'fixed', count: 0 })
  }
  const field = 'getFields' in parent ? parent.getFields()[name] : undefined
  if (field === undefined) return null
  const type = getNamedType(field.type)
  const own = typeof field.extensions.cost === 'number' ? field.extensions.cost : 0
  require(walk, field.extensions.permission)
  if (!isCompositeType(type)) return own === 0 ? null : price(walk, node, own, { kind: 'fixed', count: 0 })
  require(walk, type.extensions.permission)
  const page = isConnection(type) ? pageOf(walk, field, node) : null
  const within = node.selectionSet === undefined ? [] : pricedFields(walk, type, node.selectionSet)
  return price(walk, node, own, countOf(walk, parent, field, node), page, within)
}

function price(
  walk: Walk,
  node: FieldNode,
  points: number,
  count: Count,
  page: PageArguments | null = null,
  within: readonly Priced[] = [],
): Priced {
  if (points > 0) walk.prices.set((node.alias ?? node.name).value, points)
  return { price: points, count, page, within }
}

function require(walk: Walk, permission: unknown): void {
  // The builder's options are typed: a permission there is one of the table.
  if (typeof permission === 'string') walk.permissions.add(permission as Permission)
}

function isConnection(type: GraphQLCompositeType): boolean {
  return isObjectType(type) && type.name.endsWith('Connection')
}

function countOf(
  walk: Walk,
  parent: GraphQLCompositeType,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): Count {
  if (!isListType(getNullableType(field.type))) return { kind: 'fixed', count: 1 }
  if (isConnection(parent)) return { kind: 'page' }
  const { listSize } = field.extensions
  if (typeof listSize === 'number') return { kind: 'fixed', count: listSize }
  if (!field.args.some((argument) => argument.name === 'ids')) {
    return { kind: 'fixed', count: LIST_SIZE_DEFAULT }
  }
  return { kind: 'given', list: argumentOf(walk, field, node, 'ids') }
}

function pageOf(walk: Walk, field: GraphQLField<unknown, unknown>, node: FieldNode): PageArguments {
  return {
    field: node.name.value,
    first: argumentOf(walk, field, node, 'first'),
    last: argumentOf(walk, field, node, 'last'),
  }
}

function argumentOf(walk: Walk, field: GraphQLField<unknown, unknown>, node: FieldNode, name: string): Given {
  const given = node.arguments?.find((argument) => argument.name.value === name)?.value
  const fallback = field.args.find((argument) => argument.name === name)?.defaultValue
  const value = givenValue(given, walk.operation, fallback)
  if (isVariable(value)) walk.isVariable = true
  return value
}

function total(fields: readonly Priced[], variables: Variables): number {
  return Math.max(COST_MIN, sum(fields, variables, 1))
}

function sum(fields: readonly Priced[], variables: Variables, around: number): number {
  let points = 0
  for (const { price, count, page, within } of fields) {
    const below = page === null ? around : pageSize(page, variables)
    points += price + countOfObjects(count, variables, around) * (1 + sum(within, variables, below))
  }
  return points
}

function countOfObjects(count: Count, variables: Variables, page: number): number {
  if (count.kind === 'fixed') return count.count
  return count.kind === 'page' ? page : arrayLength(count.list, variables)
}
