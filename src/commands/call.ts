// One call of a command on its way through the pipeline, and the ways in which an attempt at it, and it, can end.
import type { CommandContext } from '../auth/command-context.ts'
import type { CommitUnknown } from '../db/faults.ts'
import type { CommonErrorCode } from './command.ts'
import type { AuditRecord, EventRecord, Outcome, UserError } from './outcome.ts'

/** An idempotency key, and what it stands for. */
export type Claim = { readonly operation: string; readonly key: string; readonly fingerprint: Uint8Array }

export type Call = {
  readonly caller: CommandContext
  readonly name: string
  /** Null: it was sent without a key. */
  readonly claim: Claim | null
  /** Of its first audit entry: chosen beforehand, so that a call whose COMMIT was not answered can be looked up. */
  readonly entryId: string
}

/** All of it is in the database: what the work did, and the record of it. */
export type Committed<Code extends string, Value> = {
  readonly kind: 'COMMITTED'
  readonly outcome: Outcome<Code>
  readonly value: Value | null
  readonly audit: readonly AuditRecord[]
  readonly events: readonly EventRecord[]
}

/** The work refused, and what it had written was rolled back. */
export type RolledBack<Code extends string> = {
  readonly kind: 'ROLLED_BACK'
  readonly outcome: Outcome<Code>
}

export type Attempted<Code extends string, Value> =
  | Committed<Code, Value>
  | RolledBack<Code>
  /** Nothing was run: the key is in use, or was used. */
  | { readonly kind: 'KEY_NOT_FREE'; readonly claim: Claim }
  | Unanswered<Code, Value>

/** COMMIT was sent and not answered. If it happened, then so. */
export type Unanswered<Code extends string, Value> = {
  readonly kind: 'UNANSWERED'
  readonly made: Committed<Code, Value>
  readonly error: CommitUnknown
}

/** What is known of a key that is not free. */
export type Known<Code extends string> =
  /** The call was made before; `isOwn` as in Executed. */
  | { readonly kind: 'REPLAYED'; readonly outcome: Outcome<Code>; readonly isOwn: boolean }
  | { readonly kind: 'NOT_RUN'; readonly error: UserError<CommonErrorCode> }

export type Ended<Code extends string, Value> = Committed<Code, Value> | RolledBack<Code> | Known<Code>
