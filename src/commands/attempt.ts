// One attempt at a call: one transaction with the key's claim, the work and its record, committed together or not at
// all. run-command.ts decides about another attempt.
import { CommitUnknown, isRetryable, sqlstateOf } from '../db/faults.ts'
import type { Transaction } from '../db/register.ts'
import type { Statement } from '../db/scope.ts'
import type { Attempted, Call, Committed } from './call.ts'
import { type Constraint, refusedBy, violates } from './constraint.ts'
import { claimStatement, isKeyTaken } from './idempotency.ts'
import { WORK_REFUSED, type WorkSql, wholeStatement } from './one-statement.ts'
import { changedType, type Done, type Outcome, type Reason, type Refused } from './outcome.ts'
import { recordStatement } from './record.ts'

/**
 * The work and its record. The claim travels with the first statement and the record with COMMIT, so that they cost no
 * round trip.
 */
export async function attemptInTransaction<Code extends string, Value>(
  call: Call,
  work: (tx: Transaction) => Promise<Done<Value> | Refused<Code>>,
): Promise<Attempted<Code, Value>> {
  return await inTransaction(call, async (tx) => {
    const result = await work(tx)
    if (!result.done) throw new Rollback(result)
    return committed(result)
  })
}

/**
 * The same in one statement. It raises when the work refuses: everything is rolled back, and `whyRefused` runs in a
 * transaction.
 */
export async function attemptInOneStatement<Code extends string, Value>(
  call: Call,
  { sql, values, done }: Decided<Value>,
  whyRefused: (tx: Transaction) => Promise<Done<Value> | Refused<Code>>,
  constraints: readonly Constraint<Code>[],
): Promise<Attempted<Code, Value>> {
  const { database, scope } = call.caller
  const made: Committed<Code, Value> = committed(done)
  const payload = payloadStatement(call, made)
  try {
    const answer = await database.runAtOnce(scope, [wholeStatement(call, sql, values, made), ...payload])
    return payload.length === 0 ? made : { ...made, shown: answer }
  } catch (error) {
    if (sqlstateOf(error) === WORK_REFUSED) return await attemptInTransaction(call, whyRefused)
    if (violates(error, constraints)) return rolledBack(refusedBy(error, constraints))
    return failed(call, error, made)
  }
}

/** A work by one statement with its values, and what it does if it does not refuse. */
export type Decided<Value> = {
  readonly sql: WorkSql
  readonly values: readonly (string | null)[]
  readonly done: Done<Value>
}

/** Stores a refusal under its key in a transaction of its own, since the work's was rolled back. */
export async function attemptToStore<Code extends string>(
  call: Call,
  outcome: Outcome<Code>,
): Promise<Attempted<Code, never>> {
  const made = { kind: 'COMMITTED', outcome, value: null, audit: [], events: [], shown: null } as const
  return await inTransaction<Code, never>(call, async () => made)
}

async function inTransaction<Code extends string, Value>(
  call: Call,
  work: (tx: Transaction) => Promise<Committed<Code, Value>>,
): Promise<Attempted<Code, Value>> {
  const { caller, claim } = call
  // Set when the work is done; read by COMMIT, which sends the record, and after a COMMIT without an answer.
  const ending: { made: Committed<Code, Value> | null; shown: string | null } = { made: null, shown: null }
  const receive = (text: string | null) => {
    ending.shown = text
  }
  const around = {
    ...(claim !== null && { opening: claimStatement(claim) }),
    closing: () =>
      ending.made && [
        recordStatement(call, ending.made),
        ...payloadStatement(call, ending.made).map((statement) => ({ ...statement, receive })),
      ],
  }
  try {
    const made = await caller.database.withTenant(
      caller.scope,
      async (tx) => {
        ending.made = await work(tx)
        return ending.made
      },
      around,
    )
    return { ...made, shown: ending.shown }
  } catch (error) {
    if (error instanceof Rollback) return rolledBack(error.refused as Refused<Code>)
    return failed(call, error, ending.made)
  }
}

/** One or none: a command over many rows has no record of its own. */
function payloadStatement({ payload }: Call, { outcome: { id } }: Committed<string, unknown>): Statement[] {
  return payload === null || id === null ? [] : [payload.statement(id)]
}

/** A transaction commits unless its work throws. So a refusal is thrown inside it, and caught in this file. */
class Rollback extends Error {
  readonly refused: Refused
  constructor(refused: Refused) {
    super('a refused command is rolled back')
    this.refused = refused
  }
}

function committed<Value>(result: Done<Value>): Committed<never, Value> {
  const { id, audit, events, value, many } = result
  // The codes of rows are those of the command, which the types of many.ts ensure.
  const outcome: Outcome<never> = {
    id,
    userErrors: (many?.errors ?? []) as readonly Reason<never>[],
    changed: changedType(result),
    ...(many && { rows: many.rows }),
  }
  return { kind: 'COMMITTED', outcome, value, audit, events, shown: null }
}

function rolledBack<Code extends string>({ currentId, errors, rows }: Refused<Code>): Attempted<Code, never> {
  return { kind: 'ROLLED_BACK', outcome: { id: currentId, userErrors: errors, ...(rows && { rows }) } }
}

/** Classifies a failed transaction; rethrows errors that a retry or the caller handles. */
function failed<Code extends string, Value>(
  { claim, payload }: Call,
  error: unknown,
  made: Committed<Code, Value> | null,
): Attempted<Code, Value> {
  if (claim !== null && isKeyTaken(error)) return { kind: 'KEY_NOT_FREE', claim }
  if (error instanceof CommitUnknown && made !== null) return { kind: 'UNANSWERED', made, error }
  const isRefused = sqlstateOf(error) !== null && !isRetryable(error)
  if (payload !== null && made !== null && isRefused) return { kind: 'PAYLOAD_REFUSED' }
  throw error
}
