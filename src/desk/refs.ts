// The desk's object types that several domains refer to, declared before their own domain implements them.
import { ROLES } from '../auth/permissions.ts'
import type {
  ApiKey as ApiKeyRow,
  AuditEntry as AuditEntryRow,
  Export as ExportRow,
  Invitation as InvitationRow,
  Member as MemberRow,
  SupportGrant as SupportGrantRow,
  Tenant as TenantRow,
} from '../generated/prisma/client.ts'
import { builder } from '../graphql/builder.ts'
import { connectionOf } from '../graphql/connections.ts'
import type { Context } from '../graphql/context.ts'

export const AuditEntry = builder.objectRef<AuditEntryRow>('AuditEntry')
export const Role = builder.enumType('Role', { values: ROLES })
export const ApiKey = builder.objectRef<ApiKeyRow>('ApiKey')
export const Member = builder.objectRef<MemberRow>('Member')
export const Invitation = builder.objectRef<InvitationRow>('Invitation')
export const SupportGrant = builder.objectRef<SupportGrantRow>('SupportGrant')
export const Viewer = builder.objectRef<Context['caller']>('Viewer')
export const Export = builder.objectRef<ExportRow>('Export')
export const Tenant = builder.objectRef<TenantRow>('Tenant')

export const AuditEntryConnection = connectionOf('AuditEntry', AuditEntry, 'audit:read')
export const ApiKeyConnection = connectionOf('ApiKey', ApiKey, 'keys:manage')
export const MemberConnection = connectionOf('Member', Member, 'members:read')
export const InvitationConnection = connectionOf('Invitation', Invitation, 'members:read')
export const SupportGrantConnection = connectionOf('SupportGrant', SupportGrant, 'support:manage')
export const ExportConnection = connectionOf('Export', Export, 'tenant:manage')
