// The desk's object types that several domains refer to, declared before their own domain implements them.

import { ROLES } from '../auth/permissions.ts'
import { builder } from '../graphql/builder.ts'
import { connectionOf } from '../graphql/connections.ts'
import type { Context } from '../graphql/context.ts'
import { valuesOfEnum } from '../graphql/described-values.ts'
import { nodeRef } from '../graphql/refs.ts'

export const AuditEntry = nodeRef('AuditEntry')
export const Role = builder.enumType('Role', {
  description: 'What a member may do: `roles` lists the permissions of each.',
  values: valuesOfEnum('MemberRole', ROLES),
})
export const ApiKey = nodeRef('ApiKey')
export const Member = nodeRef('Member')
export const Invitation = nodeRef('Invitation')
export const SupportGrant = nodeRef('SupportGrant')
export const Viewer = builder.objectRef<Context['caller']>('Viewer')
export const Export = nodeRef('Export')
export const Tenant = nodeRef('Tenant')

export const AuditEntryConnection = connectionOf('AuditEntry', AuditEntry, 'audit:read')
export const ApiKeyConnection = connectionOf('ApiKey', ApiKey, 'keys:manage')
export const MemberConnection = connectionOf('Member', Member, 'members:read')
export const InvitationConnection = connectionOf('Invitation', Invitation, 'members:read')
export const SupportGrantConnection = connectionOf('SupportGrant', SupportGrant, 'support:manage')
export const ExportConnection = connectionOf('Export', Export, 'tenant:manage')
