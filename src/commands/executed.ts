// What a caller is answered of a command.
import type { CommandContext } from '../auth/command-context.ts'
import type { Ended } from './call.ts'
import type { Command, CommonErrorCode, ErrorCodeOf } from './command.ts'
import { toldTo, type UserError } from './outcome.ts'

/** Made now, or (`replayed`) what is stored of an earlier call with the same key. */
export type Executed<Of extends Command = Command, Value = null> = {
  readonly id: string | null
  readonly userErrors: readonly UserError<ErrorCodeOf<Of> | CommonErrorCode>[]
  readonly replayed: boolean
  /**
   * The record is what this caller made or changed by this call, and nobody else has changed it since: shown to them,
   * though they may not read such records. Everybody else is shown it by their right to read.
   */
  readonly isOwn: boolean
  /** What the work gave to `done`. Null when it was refused or replayed: it is kept nowhere, since it may be a secret. */
  readonly value: Value | null
  /** In types alone: a mutation cannot be answered by another command's use case. */
  readonly [command]?: Of['name']
}
declare const command: unique symbol

/** An end as this caller is told of it. */
export function answerOf<Of extends Command, Value>(
  { permissions }: CommandContext,
  ended: Ended<ErrorCodeOf<Of>, Value>,
): Executed<Of, Value> {
  if (ended.kind === 'NOT_RUN') return refusedAtOnce([ended.error])
  const { id, userErrors, changed = null } = ended.outcome
  return {
    id,
    userErrors: toldTo(permissions, userErrors),
    replayed: ended.kind === 'REPLAYED',
    isOwn: ended.kind === 'REPLAYED' ? ended.isOwn : changed !== null,
    value: ended.kind === 'COMMITTED' ? ended.value : null,
  }
}

/** Refuses before anything is tried: nothing is stored, and there is no record to show. */
export function refusedAtOnce<Of extends Command, Value = null>(
  userErrors: Executed<NoInfer<Of>>['userErrors'],
): Executed<Of, Value> {
  return { id: null, userErrors, replayed: false, isOwn: false, value: null }
}
