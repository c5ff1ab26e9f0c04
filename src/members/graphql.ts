// Who is asking, for which tenant, and who else works there.

import { ROLES } from '../commands/permissions.ts'
import type { Member as MemberRow, Tenant as TenantRow } from '../generated/prisma/client.ts'
import { builder } from '../graphql/builder.ts'
import { pageArgs } from '../graphql/connections.ts'
import type { Context } from '../graphql/context.ts'
import { look } from '../graphql/look-ahead.ts'
import { Node, nodeId } from '../graphql/node.ts'
import { readOne, readPage } from '../graphql/read.ts'
import { Member, MemberConnection, Tenant } from '../graphql/refs.ts'

const Role = builder.enumType('Role', { values: ROLES })

Tenant.implement({
  description: 'A merchant.',
  extensions: { model: 'Tenant' },
  fields: (t) => ({
    slug: t.string({
      description: 'Its address: what tokens name it by.',
      ...look({ columns: [] }),
      resolve: (_tenant, _args, { caller }) => caller.tenantSlug,
    }),
    name: t.exposeString('name'),
    currency: t.expose('currency', {
      type: 'Currency',
      description: 'What its prices are in unless they say otherwise.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
})

Member.implement({
  description: 'A person who works for the merchant.',
  interfaces: [Node],
  extensions: { model: 'Member', nodePermission: 'members:read' },
  fields: (t) => ({
    id: t.id({ ...look({ columns: ['id'] }), resolve: ({ id }) => nodeId('Member', id) }),
    name: t.exposeString('name'),
    email: t.exposeString('email'),
    role: t.expose('role', { type: Role }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
})

const Viewer = builder.objectRef<Context['caller']>('Viewer')
Viewer.implement({
  description: 'Who the request speaks for.',
  fields: (t) => ({
    member: t.field({
      type: Member,
      nullable: true,
      resolve: ({ actor }, _args, context, info) =>
        readOne<MemberRow>(context, info, 'Member', { id: actor.id }),
    }),
    tenant: t.field({
      type: Tenant,
      nullable: true,
      resolve: ({ scope }, _args, context, info) =>
        readOne<TenantRow>(context, info, 'Tenant', { tenantId: scope.tenantId }),
    }),
    permissions: t.stringList({
      description: 'What it may do, as object:action.',
      resolve: ({ permissions }) => [...permissions].sort(),
    }),
  }),
})

builder.queryFields((t) => ({
  viewer: t.field({ type: Viewer, resolve: (_root, _args, { caller }) => caller }),
  members: t.field({
    type: MemberConnection,
    description: 'The people who work for the merchant, by e-mail address.',
    args: pageArgs(t.arg),
    resolve: (_root, args, context, info) =>
      readPage<MemberRow>(
        context,
        info,
        {
          model: 'Member',
          where: { status: 'ACTIVE' },
          sort: { column: 'email', type: 'string', descending: false },
        },
        args,
      ),
  }),
}))
