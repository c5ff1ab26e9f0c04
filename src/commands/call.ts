// A call of a command in the pipeline, and the possible ends of an attempt and of the call.
import type { CommandContext, PayloadRead } from '../auth/command-context.ts'
import type { CommitUnknown } from '../db/faults.ts'
import type { CommonErrorCode } from './error-codes.ts'
import type { AuditRecord, EventRecord, Outcome, UserError } from './outcome.ts'

/** An idempotency key with its operation and the input's fingerprint. */
export type Claim = { readonly operation: string; readonly key: string; readonly fingerprint: Uint8Array }

export type Call = {
  readonly caller: CommandContext
  readonly name: string
  /** Null: it was sent without a key. */
  readonly claim: Claim | null
  /** The id of its first audit entry, chosen in advance, so that a call whose COMMIT got no answer can be looked up. */
  readonly entryId: string
  /** Null: its record is not read in its message. */
  readonly payload: PayloadRead | null
}

/** Committed: the work's effect and its record. */
export type Committed<Code extends string, Value> = {
  readonly kind: 'COMMITTED'
  readonly outcome: Outcome<Code>
  readonly value: Value | null
  readonly audit: readonly AuditRecord[]
  readonly events: readonly EventRecord[]
  /** What its payload's statement answered; null: there was none, or it is not known to be committed. */
  readonly shown: string | null
}

/** The work refused, and its writes were rolled back. */
export type RolledBack<Code extends string> = {
  readonly kind: 'ROLLED_BACK'
  readonly outcome: Outcome<Code>
}

export type Attempted<Code extends string, Value> =
  | Committed<Code, Value>
  | RolledBack<Code>
  /** Nothing was run: the key is in use, or was used. */
  | { readonly kind: 'KEY_NOT_FREE'; readonly claim: Claim }
  /** The database refused a statement, which may be the payload's; nothing was done. */
  | { readonly kind: 'PAYLOAD_REFUSED' }
  | Unanswered<Code, Value>

/** COMMIT was sent and got no answer. If it happened, this is the result. */
export type Unanswered<Code extends string, Value> = {
  readonly kind: 'UNANSWERED'
  readonly made: Committed<Code, Value>
  readonly error: CommitUnknown
}

/** What is known of a key that is not free. */
export type Known<Code extends string> =
  /** The call was made before; `own` as isOwn in Executed. */
  | {
      readonly kind: 'REPLAYED'
      readonly outcome: Outcome<Code>
      /** The changed records that are still this caller's own. */
      readonly own: ReadonlySet<string>
    }
  | { readonly kind: 'NOT_RUN'; readonly error: UserError<CommonErrorCode> }

export type Ended<Code extends string, Value> = Committed<Code, Value> | RolledBack<Code> | Known<Code>
