// The result of a command, as its caller gets it.
import type { CommandContext } from '../auth/command-context.ts'
import type { Ended } from './call.ts'
import type { Command, ErrorCodeOf } from './command.ts'
import type { CommonErrorCode } from './error-codes.ts'
import { type RowOutcome, type UserError, visibleTo } from './outcome.ts'

export type ExecutedRow = { readonly id: string | null; readonly isOwn: boolean }

/** Made now, or (`replayed`) stored by an earlier call with the same key. */
export type Executed<Of extends Command = Command, Value = null> = {
  readonly id: string | null
  readonly userErrors: readonly UserError<ErrorCodeOf<Of> | CommonErrorCode>[]
  /** Null: it was refused before anything was tried. */
  readonly replayed: boolean | null
  /**
   * The record was made or changed by this call of this caller, and nobody else has changed it since: the caller may
   * see it without the permission to read such records. All others need that permission.
   */
  readonly isOwn: boolean
  /** Of a command over many rows: the record of each and its `isOwn`, in input order. Absent: no row was tried. */
  readonly rows?: readonly ExecutedRow[]
  /**
   * The value that the work gave to `done`. Null after a refusal or a replay: it is not stored, since it may be a
   * secret.
   */
  readonly value: Value | null
  /**
   * What the statement of the caller's `payload` answered in this command's own message. Null: it was not sent, or it is not
   * known that its attempt is the one that committed (a replay, a refusal, a COMMIT without an answer), or there was no record:
   * read it by another statement.
   */
  readonly shown: string | null
  /** Only in the types: a mutation cannot return another command's result. */
  readonly [command]?: Of['name']
}
declare const command: unique symbol

/** The result as this caller may see it. */
export function answerOf<Of extends Command, Value>(
  { permissions }: CommandContext,
  ended: Ended<ErrorCodeOf<Of>, Value>,
): Executed<Of, Value> {
  if (ended.kind === 'NOT_RUN') return refusedAtOnce([ended.error])
  const { id, userErrors, changed = null, rows = null } = ended.outcome
  const isOwn = (row: RowOutcome) =>
    row.changed !== null && row.id !== null && (ended.kind !== 'REPLAYED' || ended.own.has(row.id))
  return {
    id,
    userErrors: visibleTo(permissions, userErrors),
    replayed: ended.kind === 'REPLAYED',
    isOwn: isOwn({ id, changed }),
    ...(rows && { rows: rows.map((row) => ({ id: row.id, isOwn: isOwn(row) })) }),
    value: ended.kind === 'COMMITTED' ? ended.value : null,
    shown: ended.kind === 'COMMITTED' ? ended.shown : null,
  }
}

/** Refuses before anything is tried: nothing is stored, and there is no record. */
export function refusedAtOnce<Of extends Command, Value = null>(
  userErrors: Executed<NoInfer<Of>>['userErrors'],
): Executed<Of, Value> {
  return { id: null, userErrors, replayed: null, isOwn: false, value: null, shown: null }
}
