// Presents an audit entry: the changed fields, with their values as text. Pure.
import type { AuditEntry as AuditEntryRow } from '../../generated/prisma/client.ts'

export type Change = { readonly field: string; readonly before: string | null; readonly after: string | null }

/** The API types of `actor_id`. */
export const ACTOR_TYPES: Readonly<Record<AuditEntryRow['actorKind'], string>> = {
  MEMBER: 'Member',
  API_KEY: 'ApiKey',
  SUPPORT: 'SupportGrant',
  INVITED: 'Invitation',
  SYSTEM: 'System',
}

/** Each field with a value before or after, sorted by name. */
export function changesOf({ before, after }: Pick<AuditEntryRow, 'before' | 'after'>): Change[] {
  const [old, made] = [fieldsOf(before), fieldsOf(after)]
  const names = [...new Set([...Object.keys(old), ...Object.keys(made)])].sort()
  return names
    .map((field) => ({ field, before: inWords(old[field]), after: inWords(made[field]) }))
    .filter((change) => change.before !== null || change.after !== null)
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** A text unchanged, anything else as JSON; null for null and undefined. */
function inWords(value: unknown): string | null {
  if (value === undefined || value === null) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}
