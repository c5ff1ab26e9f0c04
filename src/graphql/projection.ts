// Projection: turns the requested fields of a type into one selection of rows, so that a nested list needs no query per
// row. Fields declare their needs in `extensions.projection`; a field without it needs the column of its own name.
import { isDeepStrictEqual } from 'node:util'
import {
  type FieldNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  isObjectType,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import type { AnyQuery } from '../db/reader/any-query.ts'
import { type ModelName, modelOf, type RowOf } from '../db/register.ts'
import type { Context } from './context.ts'
import { missingFor } from './guard-fields.ts'
import type { PagePlan } from './keyset.ts'

/** A selection while it is composed. */
export type Selection = { [field: string]: true | (AnyQuery & { readonly select?: Selection }) }

/** What a field needs from its parent's row. */
export type Projection =
  | {
      readonly columns: readonly string[]
      /** The field's value, from the columns alone. Absent: the field needs more, and only graphql-js resolves it. */
      readonly of?: (row: never, context: Context) => unknown
      /** The field's JSON from the texts of its columns, none of them NULL: the same as `of` and its type make, but faster. */
      readonly text?: (...texts: readonly string[]) => string
      /**
       * Its type is an object whose fields have `extensions.fromTexts`, which take the texts of these columns, none of them NULL.
       * Where one is, `of` makes the value.
       */
      readonly passesTexts?: boolean
    }
  | { readonly one: string }
  | {
      readonly many: string
      /** The requested page, and the columns of its cursors. Throws BAD_USER_INPUT. */
      query(args: Record<string, unknown>, context: Context): { plan: PagePlan; columns: readonly string[] }
    }

/** The extensions of a field, which this module reads. */
export function projection(needs: Projection): { extensions: { projection: Projection } } {
  return { extensions: { projection: needs } }
}

type ColumnOf<Name extends ModelName> = keyof RowOf<Name> & string

/**
 * A field's options for a value that `of` makes of columns of its row. `of` must be synchronous and read nothing else but the
 * context: such a field is part of a compiled answer. `extensions`: further ones of the field.
 */
export function computed<Name extends ModelName, const Column extends ColumnOf<Name>, Value>(
  _model: Name,
  columns: readonly Column[],
  of: (row: Pick<RowOf<Name>, Column>, context: Context) => Value,
  extensions: Readonly<Record<string, unknown>> = {},
): {
  extensions: { projection: Extract<Projection, { columns: readonly string[] }> }
  resolve: (row: Pick<RowOf<Name>, Column>, args: object, context: Context) => Value
} {
  return {
    extensions: { ...extensions, projection: { columns, of } },
    resolve: (row, _args, context) => of(row, context),
  }
}

type Walk = {
  readonly info: GraphQLResolveInfo
  readonly context: Context
  readonly deferred: Set<FieldNode>
  /** How many lists are around the walked fields, in this statement. */
  depth: number
}

/**
 * A statement has lists within lists only to this depth; deeper ones load in batches. PostgreSQL escapes the text of a list inside
 * another: each level doubles its backslashes.
 */
export const LISTS_DEEP_MAX = 3

/**
 * Lists that load in batches: those too deep, and those of one relation that is requested twice with different arguments, of which
 * a row holds only one.
 */
const deferredOf = new WeakMap<Context, Set<FieldNode>>()

/** Whether this field was left out of its parent's selection. */
export function isDeferred(context: Context, node: FieldNode | undefined): boolean {
  return node !== undefined && (deferredOf.get(context)?.has(node) ?? false)
}

/** The selection for the object of type `typeName` that the field of `info` resolves to. */
export function selectionOf(info: GraphQLResolveInfo, context: Context, typeName: string): Selection {
  const selection: Selection = {}
  for (const node of info.fieldNodes)
    collect(walkOf(info, context), objectType(info, typeName), node.selectionSet, selection)
  return selection
}

/** The selection for the nodes of the connection that the field of `info` resolves to. */
export function selectionOfNodes(info: GraphQLResolveInfo, context: Context, connection: string): Selection {
  const selection: Selection = {}
  for (const node of info.fieldNodes) {
    collectPage(walkOf(info, context), objectType(info, connection), node.selectionSet, selection)
  }
  return selection
}

/** The selection of one relation, for a parent that was loaded without it. */
export function selectionOfRelation(info: GraphQLResolveInfo, context: Context): Selection {
  const selection: Selection = {}
  const walk = walkOf(info, context)
  const field = info.parentType.getFields()[info.fieldName]
  for (const node of info.fieldNodes) if (field !== undefined) collectField(walk, field, node, selection)
  return selection
}

function walkOf(info: GraphQLResolveInfo, context: Context): Walk {
  let deferred = deferredOf.get(context)
  if (deferred === undefined) {
    deferred = new Set()
    deferredOf.set(context, deferred)
  }
  return { info, context, deferred, depth: 0 }
}

function objectType(info: GraphQLResolveInfo, name: string): GraphQLObjectType {
  const type = info.schema.getType(name)
  if (!isObjectType(type)) throw new Error(`${name} is no object type`)
  return type
}

function collect(
  walk: Walk,
  type: GraphQLObjectType,
  set: SelectionSetNode | undefined,
  into: Selection,
): void {
  const model = type.extensions.model as ModelName | undefined
  if (model !== undefined && modelOf(model).columns.has('id')) into.id = true
  for (const [field, node] of fieldsOf(walk, type, set)) collectField(walk, field, node, into, model)
  // A selection of only `__typename`, of a row without an id.
  if (model !== undefined && Object.keys(into).length === 0) into.tenantId = true
}

function collectField(
  walk: Walk,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  into: Selection,
  model?: ModelName,
): void {
  const needs = field.extensions.projection as Projection | undefined
  if (needs === undefined) {
    if (model !== undefined && modelOf(model).columns.has(field.name)) into[field.name] = true
  } else if ('columns' in needs) {
    for (const column of needs.columns) into[column] = true
  } else if ('one' in needs) {
    const select = relationOf(into, needs.one).select ?? {}
    collect(walk, objectType(walk.info, getNamedType(field.type).name), node.selectionSet, select)
    into[needs.one] = { select }
  } else {
    collectList(walk, field, node, needs, into)
  }
}

function collectList(
  walk: Walk,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  needs: Extract<Projection, { many: string }>,
  into: Selection,
): void {
  const { plan, columns } = needs.query(
    getArgumentValues(field, node, walk.info.variableValues),
    walk.context,
  )
  const present = into[needs.many]
  const isAnother = typeof present === 'object' && !samePage(present, plan)
  if (isAnother || walk.depth >= LISTS_DEEP_MAX) {
    walk.deferred.add(node)
    return
  }
  const select = relationOf(into, needs.many).select ?? {}
  walk.depth += 1
  collectPage(walk, objectType(walk.info, getNamedType(field.type).name), node.selectionSet, select)
  walk.depth -= 1
  for (const column of columns) select[column] = true
  into[needs.many] = { where: plan.where, orderBy: plan.orderBy, take: plan.take, select }
  if (asksForTotal(walk, field, node))
    into._count = { select: { ...relationOf(into, '_count').select, [needs.many]: true } }
}

function asksForTotal(walk: Walk, field: GraphQLField<unknown, unknown>, node: FieldNode): boolean {
  const connection = objectType(walk.info, getNamedType(field.type).name)
  for (const [{ name }] of fieldsOf(walk, connection, node.selectionSet))
    if (name === 'totalCount') return true
  return false
}

function collectPage(
  walk: Walk,
  connection: GraphQLObjectType,
  set: SelectionSetNode | undefined,
  into: Selection,
): void {
  for (const [field, node] of fieldsOf(walk, connection, set)) {
    const type = getNamedType(field.type)
    if (!isObjectType(type)) continue
    if (field.name === 'nodes' || field.name === 'node') collect(walk, type, node.selectionSet, into)
    else if (field.name === 'edges') collectPage(walk, type, node.selectionSet, into)
  }
}

function relationOf(selection: Selection, name: string): { readonly select?: Selection } {
  const present = selection[name]
  return typeof present === 'object' ? present : {}
}

function samePage({ where, orderBy, take }: AnyQuery, list: PagePlan): boolean {
  return isDeepStrictEqual([where, orderBy, take], [list.where, list.orderBy, list.take])
}

/**
 * The fields of `type` that a selection set requests, through fragments, without skipped ones and those that the caller may
 * not read: their guards refuse them, and nothing is read for them.
 */
function* fieldsOf(
  walk: Walk,
  type: GraphQLObjectType,
  set: SelectionSetNode | undefined,
): Generator<[GraphQLField<unknown, unknown>, FieldNode]> {
  for (const selection of set?.selections ?? []) {
    if (!isIncluded(walk, selection)) continue
    if (selection.kind === 'Field') {
      const field = type.getFields()[selection.name.value]
      if (field !== undefined && missingFor(field, walk.context.caller.permissions) === null)
        yield [field, selection]
      continue
    }
    const fragment =
      selection.kind === 'FragmentSpread' ? walk.info.fragments[selection.name.value] : selection
    const condition = fragment?.typeCondition?.name.value
    if (
      condition === undefined ||
      condition === type.name ||
      type.getInterfaces().some(({ name }) => name === condition)
    ) {
      yield* fieldsOf(walk, type, fragment?.selectionSet)
    }
  }
}

function isIncluded({ info }: Walk, node: SelectionNode): boolean {
  if (node.directives === undefined || node.directives.length === 0) return true
  if (getDirectiveValues(GraphQLSkipDirective, node, info.variableValues)?.if === true) return false
  return getDirectiveValues(GraphQLIncludeDirective, node, info.variableValues)?.if !== false
}
