// The result of a command, as its caller gets it.
import type { CommandContext } from '../auth/command-context.ts'
import type { Ended } from './call.ts'
import type { Command, ErrorCodeOf } from './command.ts'
import type { CommonErrorCode } from './error-codes.ts'
import { type UserError, visibleTo } from './outcome.ts'

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
  /**
   * The value that the work gave to `done`. Null after a refusal or a replay: it is not stored, since it may be a
   * secret.
   */
  readonly value: Value | null
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
  const { id, userErrors, changed = null } = ended.outcome
  return {
    id,
    userErrors: visibleTo(permissions, userErrors),
    replayed: ended.kind === 'REPLAYED',
    isOwn: ended.kind === 'REPLAYED' ? ended.isOwn : changed !== null,
    value: ended.kind === 'COMMITTED' ? ended.value : null,
  }
}

/** Refuses before anything is tried: nothing is stored, and there is no record. */
export function refusedAtOnce<Of extends Command, Value = null>(
  userErrors: Executed<NoInfer<Of>>['userErrors'],
): Executed<Of, Value> {
  return { id: null, userErrors, replayed: null, isOwn: false, value: null }
}
