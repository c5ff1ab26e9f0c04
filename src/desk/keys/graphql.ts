// API keys: the type, the list, and the mutations.
import type { ApiKey as ApiKeyRow } from '../../generated/prisma/client.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs } from '../../graphql/connections.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { nodeId, nodeUuid } from '../../graphql/node-ids.ts'
import { projection } from '../../graphql/projection.ts'
import { readPage } from '../../graphql/read.ts'
import { ApiKey, ApiKeyConnection } from '../refs.ts'
import { KEY_STATUSES, statusOf } from './api-key.ts'
import { apiKeyCreate, createApiKey } from './create-api-key.ts'
import { apiKeyRevoke, revokeApiKey } from './revoke-api-key.ts'

const ApiKeyStatus = builder.enumType('ApiKeyStatus', { values: KEY_STATUSES })

ApiKey.implement({
  description: "A program's credential.",
  interfaces: [Node],
  // A key may see itself, in `viewer`.
  extensions: { model: 'ApiKey', nodePermission: 'keys:manage' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('ApiKey', id) }),
    name: t.exposeString('name'),
    hint: t.exposeString('hint', { description: 'The last characters of its secret, to tell keys apart.' }),
    permissions: t.exposeStringList('permissions', {
      description: 'All that it may do, as object:action; less while the role of who made it is less.',
    }),
    status: t.field({
      type: ApiKeyStatus,
      ...projection({ columns: ['revokedAt', 'expiresAt'] }),
      resolve: (key, _args, { caller }) => statusOf(key, caller.clock()),
    }),
    createdBy: t.exposeString('createdBy', {
      description: 'The e-mail address of who made it, or the name of the key that did.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'To the minute; null when it never was.',
    }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true }),
  }),
})

builder.queryFields((t) => ({
  apiKeys: t.field({
    type: ApiKeyConnection,
    description:
      'All keys that were ever made, the newest first; also those that are revoked or have expired.',
    args: pageArgs(t.arg),
    resolve: (_root, args, context, info) =>
      readPage<ApiKeyRow>(
        context,
        info,
        {
          model: 'ApiKey',
          where: {},
          sort: { column: 'createdAt', type: 'date', descending: true },
        },
        args,
      ),
  }),
}))

addMutation(apiKeyCreate, {
  description:
    'Makes a key. Nobody gives it a permission that they lack themselves, and a key that expires makes none that ' +
    'outlives it.',
  fields: (t) => ({
    name: t.string({ required: true }),
    permissions: t.stringList({ required: true, description: 'As `roles` lists them: orders:read.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'Never, unless told.' }),
  }),
  result: { field: 'apiKey', type: ApiKey, model: 'ApiKey' },
  run: (caller, input, services) => createApiKey(caller, services, input),
  toldOnce: {
    field: 'secret',
    description:
      'What to send as `Authorization: Bearer …`. Shown this once, and kept nowhere: null when a call is repeated.',
    of: (secret) => secret,
  },
})

addMutation(apiKeyRevoke, {
  description:
    'Ends a key for good, the keys that it made and the open invitations that they sent: refused at once where this was ' +
    'asked, and everywhere within seconds. Nobody ends a key that may do more than they.',
  fields: (t) => ({
    id: t.id({ required: true }),
  }),
  result: { field: 'apiKey', type: ApiKey, model: 'ApiKey' },
  run: (caller, { id, ...input }, services) =>
    revokeApiKey(caller, services, { id: nodeUuid('ApiKey', id), ...input }),
})
