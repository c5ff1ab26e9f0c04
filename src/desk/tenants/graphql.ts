// A merchant's own life: what it says of itself, its exports, its end.
import type { Export as ExportRow } from '../../generated/prisma/client.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs } from '../../graphql/connections.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { nodeId } from '../../graphql/node-ids.ts'
import { projection } from '../../graphql/projection.ts'
import { readPage } from '../../graphql/read.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { Export, ExportConnection, Tenant } from '../refs.ts'
import { cancelErasure, tenantErasureCancel } from './cancel-erasure.ts'
import { createExport, exportCreate } from './create-export.ts'
import { scheduleErasure, tenantErasureSchedule } from './schedule-erasure.ts'
import { tenantUpdate, updateTenant } from './update-tenant.ts'

builder.objectFields(Tenant, (t) => ({
  version: t.exposeInt('version', { description: 'Send it back as expectedVersion when you edit.' }),
  erasureAt: t.expose('erasureAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When all of it will be erased; null: it will not be.',
  }),
}))

const ExportStatus = builder.enumType('ExportStatus', {
  values: {
    PENDING: {},
    RUNNING: {},
    COMPLETED: {},
    FAILED: {},
    EXPIRED: { description: 'Its file is gone: its time was over, or three later ones were made.' },
  },
})

Export.implement({
  description:
    'A file of all that the merchant owns, as it was at one moment: JSON lines, compressed. The last three are kept.',
  interfaces: [Node],
  extensions: { model: 'Export', permission: 'tenant:manage' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Export', id) }),
    status: t.expose('status', { type: ExportStatus }),
    requestedBy: t.exposeString('requestedBy'),
    rowCount: t.exposeInt('rowCount'),
    byteCount: t.expose('byteCount', { type: 'BigInt', description: 'Of the file as it is downloaded.' }),
    sha256: t.exposeString('sha256', {
      nullable: true,
      description: 'Of the file as it is downloaded. Its last line proves what is in it.',
    }),
    url: t.string({
      nullable: true,
      description:
        'Where it is downloaded, on this server, with the same credential; null: not yet, or not any more.',
      ...projection({ columns: ['id', 'status', 'expiresAt'] }),
      resolve: ({ id, status, expiresAt }, _args, { caller }) =>
        status === 'COMPLETED' && expiresAt !== null && expiresAt > caller.clock()
          ? `/exports/${nodeId('Export', id)}`
          : null,
    }),
    failure: t.exposeString('failure', { nullable: true, ...textBytes(NOTE_BYTES) }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the file is removed, if three later ones have not taken its place before.',
    }),
  }),
})

builder.queryFields((t) => ({
  exports: t.field({
    type: ExportConnection,
    description: 'Exports of everything, the last one first.',
    args: pageArgs(t.arg),
    resolve: (_root, args, context, info) =>
      readPage<ExportRow>(
        context,
        info,
        { model: 'Export', where: {}, sort: { column: 'createdAt', type: 'date', descending: true } },
        args,
      ),
  }),
}))

addMutation(exportCreate, {
  description: 'Makes a file of all that the merchant owns. While one is being made, that one is answered.',
  fields: () => ({}),
  result: { field: 'export', type: Export, model: 'Export' },
  run: (caller, input) => createExport(caller, input),
})

addMutation(tenantUpdate, {
  description: 'Edits what was given.',
  fields: (t) => ({
    expectedVersion: t.int({ required: true }),
    name: t.string(),
  }),
  result: { field: 'tenant', type: Tenant, model: 'Tenant' },
  run: (caller, input) => updateTenant(caller, input),
})

addMutation(tenantErasureSchedule, {
  description:
    'Has everything erased, for good, when the days to think again are over. Until then all goes on as before.',
  fields: (t) => ({
    confirmation: t.string({ required: true, description: "The tenant's slug, typed." }),
    graceDays: t.int({ description: '7 to 365; 30 unless told.' }),
  }),
  result: { field: 'tenant', type: Tenant, model: 'Tenant' },
  run: (caller, input) => scheduleErasure(caller, input),
})

addMutation(tenantErasureCancel, {
  description: 'Does not have everything erased after all.',
  fields: () => ({}),
  result: { field: 'tenant', type: Tenant, model: 'Tenant' },
  run: (caller, input) => cancelErasure(caller, input),
})
