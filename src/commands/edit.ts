// Editing a record that others edit too: only the version that the user saw is changed, and otherwise the user is told
// what differs.
import { uniqueViolation } from '../db/faults.ts'
import {
  type AuditRecord,
  type Done,
  done,
  type EventRecord,
  type Json,
  type JsonObject,
  type Refused,
  refused,
} from './outcome.ts'

type Versioned = { readonly id: string; readonly version: number }

export type EditErrorCode = 'NOT_FOUND' | 'CONFLICT'

/** The error for a record that this tenant does not have: another tenant's, and none at all, alike. */
export function notFound(field: string, noun: string): Refused<'NOT_FOUND'> {
  return refused([{ field: [field], message: `there is no such ${noun}`, code: 'NOT_FOUND' }])
}

/** The conflict: the version it has now, then each asked-for field that is not as the user wants it. */
export function conflict<Row extends Versioned>(
  current: Row,
  expectedVersion: number,
  wanted: Partial<Record<keyof Row & string, unknown>>,
): Refused<'CONFLICT'> {
  const message = `it was changed meanwhile: this is version ${current.version}, not ${expectedVersion}`
  const differing = Object.entries(wanted).filter(
    ([field, value]) => value !== undefined && value !== current[field as keyof Row],
  )
  return refused(
    [
      { field: ['expectedVersion'], message, code: 'CONFLICT' },
      ...differing.map(([field]) => ({
        field: [field],
        message: `it is now ${JSON.stringify(toJson(current[field as keyof Row]))}`,
        code: 'CONFLICT' as const,
      })),
    ],
    current.id,
  )
}

/** The changed fields of an edit, and the audit entry that tells of them. */
export function edited<Row extends Versioned>(
  type: string,
  before: Row,
  changes: Partial<Row>,
  events: readonly EventRecord[] = [],
): Done {
  const fields = Object.keys(changes) as (keyof Row & string)[]
  return done(
    before.id,
    [auditOf({ type, id: before.id }, pick(before, fields), pick(changes, fields))],
    events,
  )
}

/** The fields that the user gave and that differ from the record. */
export function changesTo<Row extends object>(
  current: Row,
  wanted: { readonly [Field in keyof Row]?: Row[Field] | null | undefined },
): Partial<Row> {
  const changes: Partial<Row> = {}
  for (const field of Object.keys(wanted) as (keyof Row)[]) {
    const value = wanted[field]
    if (value !== undefined && value !== current[field]) changes[field] = value as Row[keyof Row]
  }
  return changes
}

export function auditOf(
  subject: AuditRecord['subject'],
  before: JsonObject | null,
  after: JsonObject | null,
): AuditRecord {
  return { subject, before, after }
}

function pick<Row extends object>(row: Partial<Row>, fields: readonly (keyof Row & string)[]): JsonObject {
  return Object.fromEntries(fields.map((field) => [field, toJson(row[field])]))
}

/** A column's value in the audit: bigints as digits, instants as ISO 8601. */
export function toJson(value: unknown): Json {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Date) return value.toISOString()
  return (value ?? null) as Json
}

/** The fields that were given: Prisma takes null for a value, and an absent field for nothing. */
export function present<Fields extends object>(
  fields: Fields,
): { [Field in keyof Fields]?: Exclude<Fields[Field], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Field in keyof Fields]?: Exclude<Fields[Field], undefined>
  }
}

/** The refusal of a write that met a unique column; throws whatever else went wrong. */
export function refusedAsTaken<Code extends string>(
  error: unknown,
  field: string,
  code: Code,
  message: string,
): Refused<Code> {
  if (uniqueViolation(error) === null) throw error
  return refused([{ field: [field], message, code }])
}
