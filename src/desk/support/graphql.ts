// Support access: types, the query and the mutations, and the support access of the viewer.

import type { SupportGrant as SupportGrantRow } from '../../generated/prisma/client.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs } from '../../graphql/connections.ts'
import { describedValues } from '../../graphql/described-values.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { idField, nodeUuid } from '../../graphql/node-ids.ts'
import { computed } from '../../graphql/projection.ts'
import { one, page, readField } from '../../graphql/read.ts'
import { enumRef } from '../../graphql/refs.ts'
import { sortOf } from '../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { SupportGrant, SupportGrantConnection, Viewer } from '../refs.ts'
import { grantSupportAccess, supportAccessGrant } from './grant-access.ts'
import { revokeSupportAccess, supportAccessRevoke } from './revoke-access.ts'
import { HOURS_MAX, statusOf } from './support-grant.ts'

const NEWEST_FIRST = sortOf('SupportGrant', 'createdAt')

const SupportAccess = enumRef(
  'SupportAccess',
  'READ: what an administrator may read. WRITE: also what STAFF may write.',
)

const SupportGrantStatus = builder.enumType('SupportGrantStatus', {
  description: 'Whether a grant is in force.',
  values: describedValues<ReturnType<typeof statusOf>>({
    ACTIVE: 'In force.',
    EXPIRED: 'Its time has ended.',
    REVOKED: 'Ended before its time.',
  }),
})

SupportGrant.implement({
  description: 'A grant for platform staff to enter this tenant. Without one they have no access.',
  interfaces: [Node],
  extensions: { model: 'SupportGrant', permission: 'support:manage' },
  fields: (t) => ({
    id: t.id(idField('SupportGrant')),
    access: t.expose('access', { type: SupportAccess }),
    reason: t.exposeString('reason', textBytes(NOTE_BYTES)),
    status: t.field({
      description: 'Whether it is in force.',
      type: SupportGrantStatus,
      ...computed('SupportGrant', ['revokedAt', 'expiresAt'], (grant, { caller }) =>
        statusOf(grant, caller.clock()),
      ),
    }),
    grantedBy: t.exposeString('grantedBy', {
      description: 'The e-mail address of the member who granted it.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
})

const ViewerSupport = builder.objectRef<SupportGrantRow>('ViewerSupport').implement({
  description: 'The tenant’s grant under which platform staff act here.',
  extensions: { model: 'SupportGrant', noPermission: 'shows platform staff their own grant' },
  fields: (t) => ({
    access: t.expose('access', { type: SupportAccess }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
  }),
})

builder.objectField(Viewer, 'support', (t) =>
  readField(t, {
    type: ViewerSupport,
    nullable: true,
    description: 'Set only for platform staff.',
    read: (_args, { caller: { actor } }) =>
      actor.kind === 'SUPPORT' ? one('SupportGrant', { id: actor.id }) : null,
  }),
)

builder.queryFields((t) => ({
  supportGrants: readField(t, {
    type: SupportGrantConnection,
    description: 'All grants for platform staff, latest first.',
    args: pageArgs(t.arg),
    read: (paging) => page({ where: {}, sort: NEWEST_FIRST }, paging),
  }),
}))

addMutation(supportAccessGrant, {
  description: 'Grants platform staff access for some hours.',
  fields: (t) => ({
    access: t.field({
      description: 'What platform staff may do.',
      type: SupportAccess,
      required: true,
      defaultValue: 'READ',
    }),
    hours: t.int({ required: true, description: `1 to ${HOURS_MAX}.` }),
    reason: t.string({ required: true, description: 'The reason, which is audited.' }),
  }),
  result: { field: 'supportGrant', type: SupportGrant, model: 'SupportGrant' },
  run: (caller, input, { sessions }) => grantSupportAccess(caller, input, sessions),
})

addMutation(supportAccessRevoke, {
  description: 'Revokes a grant. One that has ended is unchanged.',
  fields: (t) => ({ id: t.id({ required: true }) }),
  result: { field: 'supportGrant', type: SupportGrant, model: 'SupportGrant' },
  run: (caller, { id, ...input }, { sessions }) =>
    revokeSupportAccess(caller, { id: nodeUuid('SupportGrant', id), ...input }, sessions),
})
