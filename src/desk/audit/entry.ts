// What an audit entry names, as the API shows it.
import type { AuditEntry as AuditEntryRow } from '../../generated/prisma/client.ts'

/** A changed field. Null: no value. */
export type Change = { readonly field: string; readonly before: unknown; readonly after: unknown }

/** The API types of `actor_id`. */
export const ACTOR_TYPES: Readonly<Record<AuditEntryRow['actorKind'], string>> = {
  MEMBER: 'Member',
  API_KEY: 'ApiKey',
  SUPPORT: 'SupportGrant',
  INVITED: 'Invitation',
  SYSTEM: 'System',
}
