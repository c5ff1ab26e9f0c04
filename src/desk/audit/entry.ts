// An entry of the audit as it is told to people: which fields changed, and what their values are in words. Pure.
import type { AuditEntry as AuditEntryRow } from '../../generated/prisma/client.ts'

export type Change = { readonly field: string; readonly before: string | null; readonly after: string | null }

/** What `actor_id` and `subject_id` are of, in the API's words. */
export const ACTOR_TYPES: Readonly<Record<AuditEntryRow['actorKind'], string>> = {
  MEMBER: 'Member',
  API_KEY: 'ApiKey',
  SUPPORT: 'SupportGrant',
  INVITED: 'Invitation',
  SYSTEM: 'System',
}

/** Each field that has a value before or after, in the order of their names. */
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

/** A text as it is, anything else as JSON; null for what is null and for what is not there. */
function inWords(value: unknown): string | null {
  if (value === undefined || value === null) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}
