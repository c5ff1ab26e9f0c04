// API keys: the type, the list, and the mutations.

import { PERMISSIONS } from '../../auth/permissions.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs } from '../../graphql/connections.ts'
import { describedValues } from '../../graphql/described-values.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { idField, nodeUuid } from '../../graphql/node-ids.ts'
import { computed } from '../../graphql/projection.ts'
import { page, readField } from '../../graphql/read.ts'
import { sortOf } from '../../graphql/sorts.ts'
import { ApiKey, ApiKeyConnection } from '../refs.ts'
import { type KeyStatus, statusOf } from './api-key.ts'
import { apiKeyCreate, createApiKey } from './create-api-key.ts'
import { apiKeyRevoke, revokeApiKey } from './revoke-api-key.ts'

const NEWEST_FIRST = sortOf('ApiKey', 'createdAt')

const ApiKeyStatus = builder.enumType('ApiKeyStatus', {
  description: 'Whether a key is accepted.',
  values: describedValues<KeyStatus>({
    ACTIVE: 'Accepted.',
    EXPIRED: 'Its time has ended.',
    REVOKED: 'Ended by somebody, or with the member behind it.',
  }),
})

ApiKey.implement({
  description: 'A credential of a program.',
  interfaces: [Node],
  // `viewer` shows a key to itself without this permission.
  extensions: { model: 'ApiKey', nodePermission: 'keys:manage' },
  fields: (t) => ({
    id: t.id(idField('ApiKey')),
    name: t.exposeString('name'),
    hint: t.exposeString('hint', { description: 'The last characters of its secret, to distinguish keys.' }),
    permissions: t.exposeStringList('permissions', {
      description:
        'Its permissions, in the form object:action. A permission that its creator lacks has no effect.',
      extensions: { listSize: PERMISSIONS.length },
    }),
    status: t.field({
      description: 'Whether it is accepted.',
      type: ApiKeyStatus,
      ...computed('ApiKey', ['revokedAt', 'expiresAt'], (key, { caller }) => statusOf(key, caller.clock())),
    }),
    createdBy: t.exposeString('createdBy', {
      nullable: true,
      description:
        'The e-mail address of the member who made it, or the name of the key that did. Needs keys:manage, also of the key itself.',
      extensions: { permission: 'keys:manage' },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'To the minute; null: never.',
    }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true }),
  }),
})

builder.queryFields((t) => ({
  apiKeys: readField(t, {
    type: ApiKeyConnection,
    description: 'All keys, including revoked and expired ones, newest first.',
    args: pageArgs(t.arg),
    read: (paging) => page({ where: {}, sort: NEWEST_FIRST }, paging),
  }),
}))

addMutation(apiKeyCreate, {
  description:
    'Creates a key. It cannot have a permission that the caller lacks, and a key that expires cannot create one that ' +
    'outlives it.',
  fields: (t) => ({
    name: t.string({ required: true }),
    permissions: t.stringList({
      required: true,
      description: 'Of those listed by `roles`, such as orders:read.',
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'Default: never.' }),
  }),
  result: { field: 'apiKey', type: ApiKey, model: 'ApiKey' },
  run: (caller, input, services) => createApiKey(caller, services, input),
  shownOnce: {
    field: 'secret',
    description:
      'The value of `Authorization: Bearer …`. Shown only once and not stored: null when a call is repeated.',
    of: (secret) => secret,
  },
})

addMutation(apiKeyRevoke, {
  description:
    'Revokes a key, the keys that it made and the open invitations that they sent. This server refuses them at once, ' +
    'others within seconds. The key must not have permissions that the caller lacks.',
  fields: (t) => ({
    id: t.id({ required: true }),
  }),
  result: { field: 'apiKey', type: ApiKey, model: 'ApiKey' },
  run: (caller, { id, ...input }, services) =>
    revokeApiKey(caller, services, { id: nodeUuid('ApiKey', id), ...input }),
})
