// Relay connections: a list's types, its paging arguments, and fields that are lists.
import type { FieldRef, ObjectRef } from '@pothos/core'
import type { Permission } from '../auth/permissions.ts'
import type { ModelName } from '../db/register.ts'
import { builder, type SchemaTypes } from './builder.ts'
import { type Page, type PageArguments, planPage, type Row } from './keyset.ts'
import { PAGE_SIZE_DEFAULT, PAGE_SIZES } from './page-size.ts'
import { projection } from './projection.ts'
import { connectionRef } from './refs.ts'
import { relationList } from './relations.ts'
import { sortOfRelation } from './sorts.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>

/** The additional cost of `totalCount`, which counts all matching rows. */
const TOTAL_COUNT_COST = 10

const PageInfo = builder.objectRef<Page<Row>>('PageInfo').implement({
  description: 'The position of a page in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage'),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage'),
    startCursor: t.exposeString('startCursor', { nullable: true }),
    endCursor: t.exposeString('endCursor', { nullable: true }),
  }),
})

/** Makes `XConnection` and `XEdge` for the node type X. Counting needs X's own permission. */
export function connectionOf<T extends Row>(
  name: string,
  node: ObjectRef<Types, T>,
  permission: Permission,
): ObjectRef<Types, Page<T>> {
  const edge = builder.objectRef<{ node: T; cursor: string }>(`${name}Edge`)
  edge.implement({
    extensions: { permission },
    fields: (t) => ({
      cursor: t.exposeString('cursor'),
      node: t.field({ type: node, extensions: { permission }, resolve: (parent) => parent.node as never }),
    }),
  })
  const connection = connectionRef<T>(name)
  connection.implement({
    extensions: { permission },
    fields: (t) => ({
      nodes: t.field({ type: [node], extensions: { permission }, resolve: (page) => page.nodes as never }),
      edges: t.field({ type: [edge], resolve: (page) => page.edges }),
      pageInfo: t.field({ type: PageInfo, resolve: (page) => page }),
      totalCount: t.int({
        // Counted by a statement of its own, which may fail alone.
        nullable: true,
        description: 'The number of rows in the whole list.',
        extensions: { cost: TOTAL_COUNT_COST },
        resolve: (page) => page.totalCount(),
      }),
    }),
  })
  return connection
}

type ArgBuilder = PothosSchemaTypes.RootFieldBuilder<Types, unknown>['arg']

/** `first`, `after`, `last` and `before`. */
export function pageArgs(t: ArgBuilder) {
  return {
    first: t.int({
      description: `The first rows of the list: ${PAGE_SIZES}. Default: ${PAGE_SIZE_DEFAULT}.`,
    }),
    after: t.string({ description: 'Only rows after this cursor.' }),
    last: t.int({ description: `The last rows of the list: ${PAGE_SIZES}.` }),
    before: t.string({ description: 'Only rows before this cursor.' }),
  }
}

/**
 * A field that is a page of a to-many relation, loaded with its parent and sorted by a column: times latest first, all
 * others ascending.
 */
export function relationListField<Parent extends Row, T extends Row>(
  t: PothosSchemaTypes.ObjectFieldBuilder<Types, Parent>,
  type: ObjectRef<Types, Page<T>>,
  {
    model,
    relation,
    sort: column,
  }: { readonly model: ModelName; readonly relation: string; readonly sort: string },
  description: string,
): FieldRef<Types, Page<T>> {
  const sort = sortOfRelation(model, relation, column)
  return t.field({
    type,
    description,
    args: pageArgs(t.arg),
    ...projection({
      many: relation,
      query: (args, context) => {
        const list = { tenantId: context.caller.scope.tenantId, type: type.name }
        const plan = planPage(args as PageArguments, sort, list)
        return { plan, columns: ['id', sort.column] }
      },
    }),
    resolve: (parent, args, context, info) =>
      relationList<T>(parent, { relation, sort }, args, context, info) as never,
  })
}
