// The merchant's own data, its exports and its erasure: types, queries and mutations.

import { builder } from '../../graphql/builder.ts'
import { pageArgs } from '../../graphql/connections.ts'
import { valuesOfEnum } from '../../graphql/described-values.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { idField, nodeId } from '../../graphql/node-ids.ts'
import { computed } from '../../graphql/projection.ts'
import { page, readField } from '../../graphql/read.ts'
import { sortOf } from '../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { Export, ExportConnection, Tenant } from '../refs.ts'
import { cancelErasure, tenantErasureCancel } from './cancel-erasure.ts'
import { createExport, exportCreate } from './create-export.ts'
import { scheduleErasure, tenantErasureSchedule } from './schedule-erasure.ts'
import { tenantUpdate, updateTenant } from './update-tenant.ts'

builder.objectFields(Tenant, (t) => ({
  version: t.exposeInt('version', { description: 'Send it back as expectedVersion when you edit.' }),
  timeZone: t.exposeString('timeZone', {
    description: 'Of the IANA database, such as Europe/Berlin: its days begin by it. Default: UTC.',
  }),
  locale: t.exposeString('locale', {
    description: 'Its language, BCP 47, such as de or pt-BR: its names are sorted by it. Default: en.',
  }),
  erasureAt: t.expose('erasureAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When all of its data will be erased; null: no erasure is scheduled. Needs tenant:manage.',
    extensions: { permission: 'tenant:manage' },
  }),
}))

const NEWEST_FIRST = sortOf('Export', 'createdAt')

const ExportStatus = builder.enumType('ExportStatus', {
  description: 'How far an export is.',
  values: valuesOfEnum('ExportStatus', ['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'EXPIRED'] as const),
})

Export.implement({
  description:
    'A file of all data of the merchant at one moment: JSON lines, compressed. The last three are kept.',
  interfaces: [Node],
  extensions: { model: 'Export', permission: 'tenant:manage' },
  fields: (t) => ({
    id: t.id(idField('Export')),
    status: t.expose('status', { type: ExportStatus }),
    requestedBy: t.exposeString('requestedBy'),
    rowCount: t.exposeInt('rowCount'),
    byteCount: t.expose('byteCount', { type: 'BigInt', description: 'The size of the downloaded file.' }),
    sha256: t.exposeString('sha256', {
      nullable: true,
      description: "The SHA-256 of the downloaded file. The file's last line proves its content.",
    }),
    url: t.string({
      nullable: true,
      description:
        'The path of the download on this server, with the same credential; null: not available yet, or no longer.',
      ...computed('Export', ['id', 'status', 'expiresAt'], ({ id, status, expiresAt }, { caller }) =>
        status === 'COMPLETED' && expiresAt !== null && expiresAt > caller.clock()
          ? `/exports/${nodeId('Export', id)}`
          : null,
      ),
    }),
    failure: t.exposeString('failure', { nullable: true, ...textBytes(NOTE_BYTES) }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the file is removed, unless three later ones replace it before.',
    }),
  }),
})

builder.queryFields((t) => ({
  exports: readField(t, {
    type: ExportConnection,
    description: 'The exports of all data, latest first.',
    args: pageArgs(t.arg),
    read: (paging) => page({ where: {}, sort: NEWEST_FIRST }, paging),
  }),
}))

addMutation(exportCreate, {
  description: 'Makes a file of all data of the merchant. While one is being made, returns that one.',
  fields: () => ({}),
  result: { field: 'export', type: Export, model: 'Export' },
  run: (caller, input) => createExport(caller, input),
})

addMutation(tenantUpdate, {
  description: 'Edits the given fields.',
  fields: (t) => ({
    expectedVersion: t.int({ required: true }),
    name: t.string(),
    timeZone: t.string({ description: 'Of the IANA database, such as Europe/Berlin.' }),
    locale: t.string({ description: 'BCP 47, such as de or pt-BR.' }),
  }),
  result: { field: 'tenant', type: Tenant, model: 'Tenant' },
  run: (caller, input) => updateTenant(caller, input),
})

addMutation(tenantErasureSchedule, {
  description:
    'Schedules the erasure of all data, after a grace period. Until then nothing changes, and it can be cancelled.',
  fields: (t) => ({
    confirmation: t.string({ required: true, description: "The tenant's slug, as confirmation." }),
    graceDays: t.int({ description: '7 to 365. Default: 30.' }),
  }),
  result: { field: 'tenant', type: Tenant, model: 'Tenant' },
  run: (caller, input) => scheduleErasure(caller, input),
})

addMutation(tenantErasureCancel, {
  description: 'Cancels the erasure.',
  fields: () => ({}),
  result: { field: 'tenant', type: Tenant, model: 'Tenant' },
  run: (caller, input) => cancelErasure(caller, input),
})
