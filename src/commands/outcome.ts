// What a use case gives back to the pipeline: done, with what to record, or refused, with every reason at once.

import type { Permission } from '../auth/permissions.ts'

/** One thing a user can put right. `field` is the path in the mutation's input. */
export type UserError<Code extends string = string> = {
  readonly field: readonly string[] | null
  readonly message: string
  readonly code: Code
}

export type Detail = { readonly message: string; readonly needs: readonly Permission[] }

/**
 * A user error as a use case gives it, before it is known who is told. `message` tells nothing of any record: writing is
 * not reading, and a refusal is the cheapest way to ask.
 */
export type Reason<Code extends string = string> = UserError<Code> & {
  /** What it says of a record: in place of `message`, to who has all of these permissions. */
  readonly detail?: Detail
  /** Not told at all to who lacks these. */
  readonly onlyWith?: readonly Permission[]
  /** Told only to who lacks one of these, in place of reasons that are `onlyWith` them. */
  readonly onlyWithout?: readonly Permission[]
}

/** The errors as a caller with these permissions is told of them. */
export function toldTo<Code extends string>(
  permissions: ReadonlySet<Permission>,
  reasons: readonly Reason<Code>[],
): UserError<Code>[] {
  const has = (needed: readonly Permission[]) => needed.every((permission) => permissions.has(permission))
  return reasons.flatMap(({ field, message, code, detail, onlyWith = [], onlyWithout }) => {
    if (!has(onlyWith) || (onlyWithout !== undefined && has(onlyWithout))) return []
    return { field, message: detail !== undefined && has(detail.needs) ? detail.message : message, code }
  })
}

/** Refusals that depend on who asks. They are stored under no key: the same call by somebody else may well be done. */
const OF_AUTHORITY: ReadonlySet<string> = new Set([
  'EXPIRY_NOT_HELD',
  'INVITATION_NOT_VALID',
  'PERMISSION_NOT_HELD',
  'ROLE_TOO_HIGH',
])

export function dependsOnCaller(errors: readonly UserError[]): boolean {
  return errors.some(({ code }) => OF_AUTHORITY.has(code))
}

export type Subject = { readonly type: string; readonly id: string }

/** One line of the audit: the changed fields before and after; null for a row that was not or is no more. */
export type AuditRecord = {
  readonly subject: Subject
  readonly before: JsonObject | null
  readonly after: JsonObject | null
}

export type EventRecord = { readonly type: string; readonly subject: Subject; readonly payload: JsonObject }

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

export type Done<Value = null> = {
  readonly done: true
  /** The record that the mutation's payload shows. */
  readonly id: string
  readonly audit: readonly AuditRecord[]
  readonly events: readonly EventRecord[]
  /** What the use case is told beside the record, and nobody keeps: a secret, a count, which way it went. */
  readonly value: Value
}

export type Refused<Code extends string = string> = {
  readonly done: false
  readonly errors: readonly Reason<Code>[]
  /** The record as it is now, where showing it helps who may read it: a conflict. */
  readonly currentId: string | null
}

/** What is kept of a command under its key: the record's id, or why there is none. */
export type Outcome<Code extends string = string> = {
  readonly id: string | null
  readonly userErrors: readonly Reason<Code>[]
  /** The record's type, if the command made or changed it; absent or null: it did neither. */
  readonly changed?: string | null
  /** The first audit entry of the command, which is added where the outcome is kept. */
  readonly entry?: string
}

/** The type of the record that was made or changed: the audit says so. An edit that changes nothing is neither. */
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
