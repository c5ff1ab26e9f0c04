// The viewer, the tenant, and its members and invitations: types and queries.

import { PERMISSIONS } from '../../auth/permissions.ts'
import { NO_ID } from '../../core/ids.ts'
import { minorDigitsOf } from '../../core/money.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs } from '../../graphql/connections.ts'
import { describedValues } from '../../graphql/described-values.ts'
import { MINOR_DIGITS } from '../../graphql/money.ts'
import { defineNodeWithoutModel, Node } from '../../graphql/node.ts'
import { idField } from '../../graphql/node-ids.ts'
import { computed } from '../../graphql/projection.ts'
import { one, page, readField } from '../../graphql/read.ts'
import { enumRef } from '../../graphql/refs.ts'
import { sortOf } from '../../graphql/sorts.ts'
import {
  ApiKey,
  Invitation,
  InvitationConnection,
  Member,
  MemberConnection,
  Role,
  Tenant,
  Viewer,
} from '../refs.ts'
import { type InvitationState, stateOf } from './invitation.ts'

const BY_EMAIL = sortOf('Member', 'email')
const NEWEST_FIRST = sortOf('Invitation', 'createdAt')

const MemberStatus = enumRef(
  'MemberStatus',
  'A REMOVED member has no access; their past actions keep their name.',
)

const InvitationStatus = builder.enumType('InvitationStatus', {
  description: 'A PENDING invitation can be accepted. EXPIRED: it was not accepted in time.',
  values: describedValues<InvitationState>({
    PENDING: 'Can be accepted.',
    ACCEPTED: 'The person has become a member.',
    REVOKED: 'Withdrawn.',
    EXPIRED: 'It was not accepted in time.',
  }),
})

Tenant.implement({
  description: 'A merchant.',
  interfaces: [Node],
  extensions: { model: 'Tenant', noPermission: 'every caller belongs to this tenant' },
  fields: (t) => ({
    id: t.id(idField('Tenant', 'tenantId')),
    slug: t.string({
      description: 'Its unique name in URLs and tokens.',
      ...computed('Tenant', [], (_tenant, { caller }) => caller.tenantSlug),
    }),
    name: t.exposeString('name'),
    currency: t.expose('currency', {
      type: 'Currency',
      description: 'The default currency of its prices.',
    }),
    minorDigits: t.int({
      description: `Of its currency. ${MINOR_DIGITS}`,
      ...computed('Tenant', ['currency'], ({ currency }) => minorDigitsOf(currency)),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
})

Member.implement({
  description: 'A person who works for the merchant.',
  interfaces: [Node],
  extensions: { model: 'Member', nodePermission: 'members:read' },
  fields: (t) => ({
    id: t.id(idField('Member')),
    name: t.exposeString('name'),
    email: t.exposeString('email'),
    role: t.expose('role', { type: Role }),
    status: t.expose('status', { type: MemberStatus }),
    version: t.exposeInt('version', { description: 'Send it back as expectedVersion when you change them.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
})

Invitation.implement({
  description: 'An invitation to work for the merchant. Its token is only in the mail.',
  interfaces: [Node],
  extensions: { model: 'Invitation', permission: 'members:read' },
  fields: (t) => ({
    id: t.id(idField('Invitation')),
    email: t.exposeString('email'),
    name: t.exposeString('name', { description: 'Empty: not given.' }),
    role: t.expose('role', { type: Role }),
    status: t.field({
      type: InvitationStatus,
      ...computed('Invitation', ['status', 'expiresAt'], (invitation, { caller }) =>
        stateOf(invitation, caller.clock()),
      ),
    }),
    invitedBy: t.exposeString('invitedBy', {
      description: 'An e-mail address, or the name of a key.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    sentAt: t.expose('sentAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the mail server accepted the mail; null: not yet.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
})

const ONESELF = 'shows the caller alone'

/** A caller is found by nobody else. */
const viewerId = defineNodeWithoutModel('vwr', 'Viewer', (uuid, { caller }) =>
  uuid === caller.actor.id ? caller : null,
)

Viewer.implement({
  description: 'The caller of the request.',
  interfaces: [Node],
  extensions: { noPermission: ONESELF },
  // The viewer is always the caller of the context.
  fields: (t) => ({
    // Only the system's own work has no id, and it sends no requests.
    id: t.id({ resolve: ({ actor }) => viewerId(actor.id ?? NO_ID) }),
    member: readField(t, {
      type: Member,
      nullable: true,
      description: 'Null for a program.',
      extensions: { noPermission: ONESELF },
      read: (_args, { caller: { actor } }) =>
        actor.kind === 'MEMBER' ? one('Member', { id: actor.id }) : null,
    }),
    apiKey: readField(t, {
      type: ApiKey,
      nullable: true,
      description: 'Null for a person.',
      extensions: { noPermission: ONESELF },
      read: (_args, { caller: { actor } }) =>
        actor.kind === 'API_KEY' ? one('ApiKey', { id: actor.id }) : null,
    }),
    role: t.field({
      type: Role,
      nullable: true,
      description: 'The role of a member; null for other callers. A key has its own list of permissions.',
      resolve: ({ actor }) => (actor.kind === 'MEMBER' ? actor.role : null),
    }),
    tenant: readField(t, {
      description: 'The tenant in which the caller acts.',
      type: Tenant,
      nullable: true,
      read: (_args, { caller: { scope } }) => one('Tenant', { tenantId: scope.tenantId }),
    }),
    permissions: t.stringList({
      description: 'Its permissions, in the form object:action.',
      extensions: { listSize: PERMISSIONS.length },
      resolve: ({ permissions }) => [...permissions].sort(),
    }),
  }),
})

builder.queryFields((t) => ({
  viewer: t.field({
    description: 'The caller.',
    type: Viewer,
    extensions: { noPermission: ONESELF },
    resolve: (_root, _args, { caller }) => caller,
  }),
  members: readField(t, {
    type: MemberConnection,
    description: 'The people who work for the merchant, by e-mail address.',
    args: pageArgs(t.arg),
    read: (paging) => page({ where: { status: 'ACTIVE' }, sort: BY_EMAIL }, paging),
  }),
  invitations: readField(t, {
    type: InvitationConnection,
    description: 'All invitations, latest first.',
    args: pageArgs(t.arg),
    read: (paging) => page({ where: {}, sort: NEWEST_FIRST }, paging),
  }),
}))
