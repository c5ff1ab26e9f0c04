// The static facts of a validated operation: its permissions, its cost and its cursors. Computed once per operation;
// only the variables are looked up per request.
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
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql'
import type { Permission } from '../auth/permissions.ts'
import { isConnection } from '../graphql/schema-rules.ts'
import { ENVELOPE_BYTES, leafUnits, OBJECT_UNITS, pointsOf, UNITS_PER_POINT } from './answer-price.ts'
import {
  arrayLength,
  checkCursor,
  type Given,
  givenValue,
  isGiven,
  isVariable,
  type PageArguments,
  pageSize,
  type Variables,
} from './page-arguments.ts'

/** The answer comes from memory, but is large: the whole schema is 280 kB in 4,500 objects and scalars' worth. */
const SCHEMA_COST = 5_000
/** Of `__type`: one type of about a hundred. */
const TYPE_COST = 100

export type OperationCost = {
  readonly permissions: readonly Permission[]
  /** Points, at least 1. Throws BAD_USER_INPUT for a page size or a list out of bounds. */
  cost(variables: Variables): number
  /** Throws BAD_USER_INPUT for a cursor that does not belong to the list's type and this tenant. */
  checkCursors(variables: Variables, tenantId: string): void
  /** The points of fields beside the objects that they return, by response name. */
  readonly prices: ReadonlyMap<string, number>
  /** How often the request's input may be checked: once per mutation in the operation. */
  readonly inputUses: number
}

/** The cost of one object of a selection, in units: all scalars together, and the other fields one by one. */
type Selected = { readonly leaves: number; readonly fields: readonly Priced[] }

/** A field that returns objects, or has a price. */
type Priced = {
  /** Units per parent. */
  readonly price: number
  readonly count: Count
  /** Set where a page begins: the page size of the lists below. */
  readonly page: PageArguments | null
  /** Units of each object's scalars. */
  readonly leaves: number
  readonly within: readonly Priced[]
}

type Cursor = { readonly type: string; readonly given: Given }

/** The number of objects that a field returns per parent. */
type Count =
  | { readonly kind: 'fixed'; readonly count: number }
  | { readonly kind: 'page' }
  | { readonly kind: 'given'; readonly field: string; readonly list: Given; readonly max: number }

const known = new WeakMap<OperationDefinitionNode, OperationCost>()

/** The facts of an operation in a validated document with finite fragments. */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationCost {
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
): OperationCost {
  const walk: Walk = {
    schema,
    fragments: fragmentsOf(document),
    operation,
    permissions: new Set(),
    prices: new Map(),
    cursors: [],
    isVariable: false,
  }
  const root = schema.getRootType(operation.operation)
  const selected = root ? selectedFields(walk, root, operation.selectionSet) : NOTHING
  const { prices, cursors } = walk
  const permissions = [...walk.permissions]
  const isMutation = operation.operation === OperationTypeNode.MUTATION
  const inputUses = isMutation ? Math.max(1, selected.fields.length) : 1
  const checkCursors = (variables: Variables, tenantId: string) => {
    for (const { type, given } of cursors) checkCursor(given, variables, { tenantId, type })
  }
  if (walk.isVariable) {
    return { permissions, prices, inputUses, checkCursors, cost: (variables) => total(selected, variables) }
  }
  // Computed at the first use, since a literal page size may be out of bounds.
  let constant: number | undefined
  const cost = () => {
    constant ??= total(selected, {})
    return constant
  }
  return { permissions, prices, inputUses, checkCursors, cost }
}

const NOTHING: Selected = { leaves: 0, fields: [] }

type Walk = {
  readonly schema: GraphQLSchema
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly operation: OperationDefinitionNode
  readonly permissions: Set<Permission>
  readonly prices: Map<string, number>
  readonly cursors: Cursor[]
  /** Whether the cost depends on a variable. */
  isVariable: boolean
}

function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  return fragments
}

function selectedFields(walk: Walk, type: GraphQLCompositeType, set: SelectionSetNode): Selected {
  let leaves = 0
  const fields: Priced[] = []
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) {
      const cost = fieldCost(walk, type, selection)
      if (typeof cost === 'number') leaves += cost
      else fields.push(cost)
      continue
    }
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : walk.fragments.get(selection.name.value)
    if (fragment === undefined) continue
    const condition = fragment.typeCondition
    const inner = condition === undefined ? type : walk.schema.getType(condition.name.value)
    if (!isCompositeType(inner)) continue
    // A fragment on a guarded type needs its permission too, even where the field's type is only an interface.
    if (inner !== type) require(walk, inner.extensions.permission)
    const selected = selectedFields(walk, inner, fragment.selectionSet)
    leaves += selected.leaves
    fields.push(...selected.fields)
  }
  return { leaves, fields }
}

/** A scalar's units; for a field of objects, how they are counted. */
function fieldCost(walk: Walk, parent: GraphQLCompositeType, node: FieldNode): Priced | number {
  const name = node.name.value
  const shownName = (node.alias ?? node.name).value
  if (name === '__typename') return leafUnits(shownName, null, 1)
  if (name === '__schema' || name === '__type') {
    return (name === '__schema' ? SCHEMA_COST : TYPE_COST) * UNITS_PER_POINT
  }
  const field = 'getFields' in parent ? parent.getFields()[name] : undefined
  if (field === undefined) return 0
  const type = getNamedType(field.type)
  const own = typeof field.extensions.cost === 'number' ? field.extensions.cost : 0
  if (own > 0) walk.prices.set(shownName, own)
  const price = own * UNITS_PER_POINT
  require(walk, field.extensions.permission)
  if (!isCompositeType(type)) {
    const items = isListType(getNullableType(field.type)) ? listSizeOf(field) : 1
    return price + leafUnits(shownName, field, items)
  }
  // The resolver checks the permission of the payload's own record; the fields below it are checked here.
  if (field.extensions.showsOwnRecord !== true) require(walk, type.extensions.permission)
  const page = isConnection(type) ? pageOf(walk, field, node) : null
  const { leaves, fields } =
    node.selectionSet === undefined ? NOTHING : selectedFields(walk, type, node.selectionSet)
  return {
    price: price + shownName.length + ENVELOPE_BYTES,
    count: countOf(walk, parent, field, node),
    page,
    leaves,
    within: fields,
  }
}

function require(walk: Walk, permission: unknown): void {
  // The builder's options are typed, so a permission is one of the table.
  if (typeof permission === 'string') walk.permissions.add(permission as Permission)
}

function countOf(
  walk: Walk,
  parent: GraphQLCompositeType,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): Count {
  if (!isListType(getNullableType(field.type))) return { kind: 'fixed', count: 1 }
  if (isConnection(parent)) return { kind: 'page' }
  if (!field.args.some((argument) => argument.name === 'ids')) {
    return { kind: 'fixed', count: listSizeOf(field) }
  }
  const { listMax } = field.extensions
  return {
    kind: 'given',
    field: node.name.value,
    list: argumentOf(walk, field, node, 'ids'),
    max: typeof listMax === 'number' ? listMax : Number.POSITIVE_INFINITY,
  }
}

/** The assumed number of items. The start refuses a schema with a list that has none. */
function listSizeOf({ name, extensions: { listSize, listMax } }: GraphQLField<unknown, unknown>): number {
  const size = listSize ?? listMax
  if (typeof size !== 'number') throw new Error(`the list ${name} has no listSize`)
  return size
}

function pageOf(walk: Walk, field: GraphQLField<unknown, unknown>, node: FieldNode): PageArguments {
  for (const name of ['after', 'before']) {
    const given = argumentOf(walk, field, node, name)
    if (isGiven(given)) walk.cursors.push({ type: getNamedType(field.type).name, given })
  }
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

function total({ leaves, fields }: Selected, variables: Variables): number {
  return pointsOf(leaves + sum(fields, variables, 1))
}

function sum(fields: readonly Priced[], variables: Variables, around: number): number {
  let units = 0
  for (const { price, count, page, leaves, within } of fields) {
    const below = page === null ? around : pageSize(page, variables)
    const each = OBJECT_UNITS + leaves + sum(within, variables, below)
    units += price + countOfObjects(count, variables, around) * each
  }
  return units
}

function countOfObjects(count: Count, variables: Variables, page: number): number {
  if (count.kind === 'fixed') return count.count
  return count.kind === 'page' ? page : arrayLength(count, variables)
}
