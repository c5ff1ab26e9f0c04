// The static facts of a validated operation: its cost, cursors and permissions. Compiled once per operation; a request looks up
// its variables and its caller's permissions in them.
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  type InlineFragmentNode,
  isCompositeType,
  isListType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { ENVELOPE_BYTES, OBJECT_UNITS, type Prices, UNITS_PER_POINT } from '../answers/weight.ts'
import type { Permission } from '../auth/permissions.ts'
import { neededBy } from '../graphql/guard-fields.ts'
import { isConnection } from '../graphql/schema-rules.ts'
import { FORBIDDEN_UNITS, leafUnits, pointsOf, REFUSAL_COST } from './answer-price.ts'
import {
  arrayLength,
  checkCursor,
  dayCount,
  type Given,
  givenValue,
  isGiven,
  isVariable,
  type PageArguments,
  type PeriodArguments,
  pageSize,
  type Variables,
  valueGiven,
} from './page-arguments.ts'

/** The answer comes from memory, but is large: the whole schema is 280 kB in 4,500 objects and scalars' worth. */
const SCHEMA_COST = 5_000
/** Of `__type`: one type of about a hundred. */
const TYPE_COST = 100

export type OperationFacts = {
  /** For one request. Throws BAD_USER_INPUT for a page size or a list out of bounds. */
  plan(variables: Variables, permissions: ReadonlySet<Permission>): Plan
}

/** An operation without the fields that the request skips, or that its caller may not read. */
export type Plan = {
  /** Points, at least 1. */
  readonly cost: number
  /** The missing permissions by root field's response name, where the caller may read none of them; otherwise null. */
  readonly refusedFor: ReadonlyMap<string, Permission> | null
  /** Whether the caller may not read some of its fields. */
  readonly hasForbidden: boolean
  readonly prices: Prices
  /** How often the request's input may be checked: once per mutation in the operation. */
  readonly inputUses: number
  /** Throws BAD_USER_INPUT for a cursor that does not belong to the list's type and this tenant. */
  checkCursors(tenantId: string): void
}

/** The cost of one object of a selection, in units: its plain scalars together, and its other parts one by one. */
type Selected = { readonly leaves: number; readonly parts: readonly Part[] }

/** A field that returns objects, has a price or conditions, or needs a permission; or a fragment with conditions. */
type Part = {
  readonly when: readonly Condition[]
  readonly needs: readonly Permission[]
  readonly name: string
  /** Points beside its objects. */
  readonly own: number
  /** Units per parent, with `own`. */
  readonly price: number
  /** Set where each day asked for has a price. */
  readonly perDay: PerDay | null
  /** Null: it returns no objects. */
  readonly count: Count | null
  /** Set where a page begins: the page size of the lists below. */
  readonly page: PageArguments | null
  readonly cursors: readonly Cursor[]
  /** Of each object; of a fragment or a scalar field, once. */
  readonly within: Selected
}

/** An `@include` or a `@skip` by a variable. */
type Condition = { readonly given: Given; readonly leftOutBy: boolean }

type Cursor = { readonly type: string; readonly given: Given }

/** The number of objects that a field returns per parent. */
type Count =
  | { readonly kind: 'fixed'; readonly count: number }
  | { readonly kind: 'page' }
  | { readonly kind: 'given'; readonly field: string; readonly list: Given; readonly max: number }
  | { readonly kind: 'days'; readonly days: PeriodArguments }

/** Points for each day of a period, beside `own`. */
type PerDay = { readonly days: PeriodArguments; readonly cost: number }

const known = new WeakMap<OperationDefinitionNode, OperationFacts>()

/** The facts of an operation in a validated document with finite fragments. */
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
  const walk: Walk = { schema, fragments: fragmentsOf(document), operation, around: null, isVariable: false }
  const root = schema.getRootType(operation.operation)
  const selected = root ? selectedFields(walk, root, operation.selectionSet) : NOTHING
  const isMutation = operation.operation === OperationTypeNode.MUTATION
  const make = (variables: Variables, permissions: ReadonlySet<Permission>) =>
    planOf(selected, isMutation, { variables, permissions })
  if (walk.isVariable) return { plan: make }
  // Callers of a role share one set. Made at the first use, since a literal page size may be out of bounds.
  const plans = new WeakMap<ReadonlySet<Permission>, Plan>()
  return {
    plan(variables, permissions) {
      const before = plans.get(permissions)
      if (before !== undefined) return before
      const made = make(variables, permissions)
      plans.set(permissions, made)
      return made
    },
  }
}

const NOTHING: Selected = { leaves: 0, parts: [] }

type Walk = {
  readonly schema: GraphQLSchema
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly operation: OperationDefinitionNode
  /** The field whose selection is walked. */
  around: { readonly field: GraphQLField<unknown, unknown>; readonly node: FieldNode } | null
  /** Whether the plan depends on a variable. */
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
  const parts: Part[] = []
  for (const selection of set.selections) {
    const when = conditionsOf(walk, selection)
    if (when === null) continue
    const part =
      selection.kind === Kind.FIELD ? fieldPart(walk, type, selection) : fragmentPart(walk, type, selection)
    if (when.length > 0) parts.push(conditional(when, part))
    else if (isGroup(part)) {
      leaves += part.leaves
      parts.push(...part.parts)
    } else parts.push(part)
  }
  return { leaves, parts }
}

function isGroup(part: Part | Selected): part is Selected {
  return 'leaves' in part
}

/** Null: left out in any request. */
function conditionsOf(walk: Walk, { directives = [] }: SelectionNode): readonly Condition[] | null {
  const conditions: Condition[] = []
  for (const { name, arguments: args } of directives) {
    if (name.value !== 'skip' && name.value !== 'include') continue
    const given = givenValue(
      args?.find((argument) => argument.name.value === 'if')?.value,
      walk.operation,
      undefined,
    )
    const leftOutBy = name.value === 'skip'
    if (isVariable(given)) {
      walk.isVariable = true
      conditions.push({ given, leftOutBy })
    } else if (given.kind === 'literal' && given.value === leftOutBy) return null
  }
  return conditions
}

const PLAIN = {
  when: [],
  needs: [],
  name: '',
  own: 0,
  price: 0,
  perDay: null,
  count: null,
  page: null,
  cursors: [],
} as const

function conditional(when: readonly Condition[], part: Part | Selected): Part {
  return isGroup(part) ? { ...PLAIN, when, within: part } : { ...part, when }
}

function fragmentPart(
  walk: Walk,
  type: GraphQLCompositeType,
  selection: InlineFragmentNode | FragmentSpreadNode,
): Selected {
  const fragment =
    selection.kind === Kind.INLINE_FRAGMENT ? selection : walk.fragments.get(selection.name.value)
  if (fragment === undefined) return NOTHING
  const condition = fragment.typeCondition
  const inner = condition === undefined ? type : walk.schema.getType(condition.name.value)
  return isCompositeType(inner) ? selectedFields(walk, inner, fragment.selectionSet) : NOTHING
}

/** A plain scalar's units; for any other field, how they are counted. */
function fieldPart(walk: Walk, parent: GraphQLCompositeType, node: FieldNode): Part | Selected {
  const name = node.name.value
  const shownName = (node.alias ?? node.name).value
  if (name === '__typename') return leaf(leafUnits(shownName, null, 1))
  if (name === '__schema' || name === '__type') {
    return leaf((name === '__schema' ? SCHEMA_COST : TYPE_COST) * UNITS_PER_POINT)
  }
  const field = 'getFields' in parent ? parent.getFields()[name] : undefined
  if (field === undefined) return NOTHING
  const type = getNamedType(field.type)
  const own = typeof field.extensions.cost === 'number' ? field.extensions.cost : 0
  const price = own * UNITS_PER_POINT
  const needs = neededBy(field)
  if (!isCompositeType(type)) {
    const items = isListType(getNullableType(field.type)) ? listSizeOf(field) : 1
    const units = leafUnits(shownName, field, items)
    if (own === 0 && needs.length === 0) return leaf(units)
    return { ...PLAIN, needs, name: shownName, own, price, within: leaf(units) }
  }
  const count = countOf(walk, parent, field, node)
  const { around } = walk
  walk.around = { field, node }
  const within = node.selectionSet === undefined ? NOTHING : selectedFields(walk, type, node.selectionSet)
  walk.around = around
  return {
    when: [],
    needs,
    name: shownName,
    own,
    price: price + shownName.length + ENVELOPE_BYTES,
    perDay: perDayOf(walk, field, node),
    count,
    ...(isConnection(type) ? pageOf(walk, field, node) : { page: null, cursors: [] }),
    within,
  }
}

function leaf(units: number): Selected {
  return { leaves: units, parts: [] }
}

function countOf(
  walk: Walk,
  parent: GraphQLCompositeType,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): Count {
  if (!isListType(getNullableType(field.type))) return { kind: 'fixed', count: 1 }
  if (isConnection(parent)) return { kind: 'page' }
  const { listAs } = field.extensions as { readonly listAs?: ListAs }
  if (listAs !== undefined && walk.around !== null) {
    const given = argumentOf(walk, walk.around.field, walk.around.node, listAs.argument, listAs.field)
    return { kind: 'given', field: listAs.field, list: given, max: Number.POSITIVE_INFINITY }
  }
  const days = periodOf(walk, field, node)
  if (days?.isListed === true) return { kind: 'days', days }
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

/** A field's `extensions.perDay`: its arguments `from` and `until`, both included, have a price by their number of days. */
type PeriodPrice = {
  readonly cost: number
  readonly daysMax: number
  /** The list has one item per day. */
  readonly isListed?: boolean
}

function periodOf(
  walk: Walk,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): (PeriodArguments & PeriodPrice) | null {
  const { perDay } = field.extensions as { readonly perDay?: PeriodPrice }
  if (perDay === undefined) return null
  const [from, until] = [argumentOf(walk, field, node, 'from'), argumentOf(walk, field, node, 'until')]
  return { ...perDay, from, until }
}

function perDayOf(walk: Walk, field: GraphQLField<unknown, unknown>, node: FieldNode): PerDay | null {
  const days = periodOf(walk, field, node)
  return days === null ? null : { days, cost: days.cost }
}

/** The assumed number of items. The start refuses a schema with a list that has none. */
function listSizeOf({ name, extensions: { listSize, listMax } }: GraphQLField<unknown, unknown>): number {
  const size = listSize ?? listMax
  if (typeof size !== 'number') throw new Error(`the list ${name} has no listSize`)
  return size
}

function pageOf(
  walk: Walk,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): Pick<Part, 'page' | 'cursors'> {
  const type = getNamedType(field.type).name
  const cursors = ['after', 'before']
    .map((name) => argumentOf(walk, field, node, name))
    .filter(isGiven)
    .map((given) => ({ type, given }))
  const page = {
    field: node.name.value,
    first: argumentOf(walk, field, node, 'first'),
    last: argumentOf(walk, field, node, 'last'),
  }
  return { page, cursors }
}

/** A list in a payload that is as long as one in the mutation's input. */
type ListAs = { readonly argument: string; readonly field: string }

/** The value of an argument, or of a field in its object. */
function argumentOf(
  walk: Walk,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  name: string,
  within?: string,
): Given {
  const given = node.arguments?.find((argument) => argument.name.value === name)?.value
  const fallback = field.args.find((argument) => argument.name === name)?.defaultValue
  const value = givenValue(given, walk.operation, fallback, within)
  if (isVariable(value)) walk.isVariable = true
  return value
}

type Request = { readonly variables: Variables; readonly permissions: ReadonlySet<Permission> }

/** What the parts that are counted add to a plan besides their units. */
type Counted = { readonly prices: Map<string, number>; readonly cursors: Cursor[]; isForbidden: boolean }

function planOf(selected: Selected, isMutation: boolean, request: Request): Plan {
  const { variables } = request
  const counted: Counted = { prices: new Map(), cursors: [], isForbidden: false }
  const points = pointsOf(selected.leaves + sum(selected.parts, request, counted, 1))
  const { cursors, prices } = counted
  return {
    cost: points + (counted.isForbidden ? REFUSAL_COST : 0),
    hasForbidden: counted.isForbidden,
    refusedFor: counted.isForbidden ? refusalOf(selected, request) : null,
    prices,
    inputUses: isMutation ? Math.max(1, countRoots(selected, request)) : 1,
    checkCursors(tenantId) {
      for (const { type, given } of cursors) checkCursor(given, variables, { tenantId, type })
    },
  }
}

function sum(parts: readonly Part[], request: Request, counted: Counted, around: number): number {
  let units = 0
  for (const part of parts) {
    if (!isIncluded(part, request)) continue
    if (missingIn(part, request) !== null) {
      counted.isForbidden = true
      units += FORBIDDEN_UNITS
      continue
    }
    const { own, name, price, perDay, count, page, cursors, within } = part
    const forDays = perDay === null ? 0 : perDay.cost * dayCount(perDay.days, request.variables)
    if (own + forDays > 0) counted.prices.set(name, own + forDays)
    counted.cursors.push(...cursors)
    const below = page === null ? around : pageSize(page, request.variables)
    const each = within.leaves + sum(within.parts, request, counted, below)
    units +=
      price +
      forDays * UNITS_PER_POINT +
      (count === null ? each : countOfObjects(count, request.variables, around) * (OBJECT_UNITS + each))
  }
  return units
}

function isIncluded({ when }: Part, { variables }: Request): boolean {
  return when.every(({ given, leftOutBy }) => valueGiven(given, variables) !== leftOutBy)
}

function missingIn({ needs }: Part, { permissions }: Request): Permission | null {
  for (const permission of needs) if (!permissions.has(permission)) return permission
  return null
}

/** The missing permission of each root field, by response name; null: the caller may read one of them. */
function refusalOf({ leaves, parts }: Selected, request: Request): ReadonlyMap<string, Permission> | null {
  if (leaves > 0) return null
  const missing = new Map<string, Permission>()
  for (const part of parts) {
    if (!isIncluded(part, request)) continue
    const permission = missingIn(part, request)
    if (permission !== null) {
      missing.set(part.name, permission)
      continue
    }
    const within = isFragment(part) ? refusalOf(part.within, request) : null
    if (within === null) return null
    for (const [name, each] of within) missing.set(name, each)
  }
  return missing
}

function countRoots({ parts }: Selected, request: Request): number {
  let roots = 0
  for (const part of parts) {
    if (!isIncluded(part, request) || missingIn(part, request) !== null) continue
    roots += isFragment(part) ? countRoots(part.within, request) : 1
  }
  return roots
}

function isFragment({ name }: Part): boolean {
  return name === ''
}

function countOfObjects(count: Count, variables: Variables, page: number): number {
  if (count.kind === 'fixed') return count.count
  if (count.kind === 'days') return dayCount(count.days, variables)
  return count.kind === 'page' ? page : arrayLength(count, variables)
}
