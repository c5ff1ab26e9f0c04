// What a use case gives back to the pipeline: done, with what to record, or refused, with every reason at once.

/** One thing a user can put right. `field` is the path in the mutation's input. */
export type UserError<Code extends string = string> = {
  readonly field: readonly string[] | null
  readonly message: string
  readonly code: Code
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

export type Done = {
  readonly done: true
  /** The record that the mutation's payload shows. */
  readonly id: string
  readonly audit: readonly AuditRecord[]
  readonly events: readonly EventRecord[]
}

export type Refused<Code extends string = string> = {
  readonly done: false
  readonly errors: readonly UserError<Code>[]
  /** The record as it is now, where showing it helps: a conflict. */
  readonly currentId: string | null
}

/** What a mutation answers: the record's id, or why there is none. */
export type Outcome<Code extends string = string> = {
  readonly id: string | null
  readonly userErrors: readonly UserError<Code>[]
}

export function done(id: string, audit: readonly AuditRecord[], events: readonly EventRecord[] = []): Done {
  return { done: true, id, audit, events }
}

export function refused<Code extends string>(
  errors: readonly UserError<Code>[],
  currentId: string | null = null,
): Refused<Code> {
  return { done: false, errors, currentId }
}
