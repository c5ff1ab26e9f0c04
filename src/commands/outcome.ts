// The result of a use case for the pipeline: done, with audit and events, or refused, with all reasons.

import type { Permission } from '../auth/permissions.ts'

/** A problem that a user can fix. `field` is the path in the mutation's input. */
export type UserError<Code extends string = string> = {
  readonly field: readonly string[] | null
  readonly message: string
  readonly code: Code
  /** The values that the message contains, for a client's own message: `{ max: 255 }`. */
  readonly params?: JsonObject
}

export type Detail = {
  readonly message: string
  readonly params?: JsonObject
  readonly needs: readonly Permission[]
}

/**
 * A user error before it is filtered by the caller's permissions. `message` and `params` must not reveal a record: a
 * caller who may only write could otherwise read by being refused.
 */
export type Reason<Code extends string = string> = UserError<Code> & {
  /** Replaces `message` and `params` for callers with all of its permissions; may reveal the record. */
  readonly detail?: Detail
  /** Omitted for callers who lack one of these. */
  readonly onlyWith?: readonly Permission[]
  /** Only for callers who lack one of these; replaces reasons that are `onlyWith` them. */
  readonly onlyWithout?: readonly Permission[]
}

/** The errors that a caller with these permissions may see. */
export function visibleTo<Code extends string>(
  permissions: ReadonlySet<Permission>,
  reasons: readonly Reason<Code>[],
): UserError<Code>[] {
  const has = (needed: readonly Permission[]) => needed.every((permission) => permissions.has(permission))
  return reasons.flatMap(({ field, code, detail, onlyWith = [], onlyWithout, ...general }) => {
    if (!has(onlyWith) || (onlyWithout !== undefined && has(onlyWithout))) return []
    const { message, params } = detail !== undefined && has(detail.needs) ? detail : general
    return { field, message, code, ...(params && { params }) }
  })
}

export type Subject = { readonly type: string; readonly id: string }

/** An audit entry: the changed fields before and after; null for a created or deleted row. */
export type AuditRecord = {
  readonly subject: Subject
  readonly before: JsonObject | null
  readonly after: JsonObject | null
}

export type EventRecord = { readonly type: string; readonly subject: Subject; readonly payload: JsonObject }

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

/** A row of a command over many: its record, if there is one, and the record's type if it was changed. */
export type RowOutcome = { readonly id: string | null; readonly changed: string | null }

/** What came of each row, in input order; `errors` are those of rows that were refused while others were done. */
export type ManyOutcome = { readonly rows: readonly RowOutcome[]; readonly errors: readonly Reason[] }

export type Done<Value = null> = {
  readonly done: true
  /** The record in the mutation's payload; null: the command has many. */
  readonly id: string | null
  readonly audit: readonly AuditRecord[]
  readonly events: readonly EventRecord[]
  /** A result besides the record, which is not stored: a secret, a count, which way it went. */
  readonly value: Value
  /** Only of a command over many rows (many.ts). */
  readonly many?: ManyOutcome
}

export type Refused<Code extends string = string> = {
  readonly done: false
  readonly errors: readonly Reason<Code>[]
  /** The current record, where it helps callers who may read it: a conflict. */
  readonly currentId: string | null
  /** Only of a command over many rows: the current record of each. */
  readonly rows?: readonly RowOutcome[]
}

/** What is stored under the key: the record's id, or the refusal. */
export type Outcome<Code extends string = string> = {
  readonly id: string | null
  readonly userErrors: readonly Reason<Code>[]
  /** The record's type, if the command made or changed it; otherwise absent or null. */
  readonly changed?: string | null
  /** Only of a command over many rows. */
  readonly rows?: readonly RowOutcome[]
  /** The command's first audit entry; added when the outcome is stored. */
  readonly entry?: string
}

/** The type of the record that was made or changed, according to the audit. An edit without changes has none. */
export function changedType({ id, audit }: Pick<Done, 'id' | 'audit'>): string | null {
  const change = audit.find(({ subject, before, after }) => subject.id === id && !isEmpty(after ?? before))
  return change?.subject.type ?? null
}

function isEmpty(fields: JsonObject | null): boolean {
  return fields === null || Object.keys(fields).length === 0
}

export function done(id: string, audit: readonly AuditRecord[], events?: readonly EventRecord[]): Done
export function done<const Value>(
  id: string,
  audit: readonly AuditRecord[],
  events: readonly EventRecord[],
  value: Value,
): Done<Value>
export function done(
  id: string,
  audit: readonly AuditRecord[],
  events: readonly EventRecord[] = [],
  value: unknown = null,
): Done<unknown> {
  return { done: true, id, audit, events, value }
}

export function refused<Code extends string>(
  errors: readonly Reason<Code>[],
  currentId: string | null = null,
): Refused<Code> {
  return { done: false, errors, currentId }
}
