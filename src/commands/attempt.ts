// One attempt at a call: one transaction that holds the key's claim, the work and its record, or nothing at all. Whether
// it is made again is run-command.ts's.
import type { Statement, Transaction } from '../db/database.ts'
import { CommitUnknown, sqlstateOf } from '../db/faults.ts'
import type { Attempted, Call, Committed } from './call.ts'
import { claimStatement, isKeyTaken } from './idempotency.ts'
import { changedType, type Done, type Outcome, type Refused } from './outcome.ts'
import { recordStatement, WORK_REFUSED } from './record.ts'

/** The work and its record. The claim rides on the first statement and the record on COMMIT: no round trip of their own. */
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
 * The same in one message: claim, work and record, and nobody is asked between them. The record raises when the work left
 * no result: all of it is rolled back, and `whyRefused` is asked in a transaction.
 */
export async function attemptInOneMessage<Code extends string, Value>(
  call: Call,
  { statement, done }: { readonly statement: Statement; readonly done: Done<Value> },
  whyRefused: (tx: Transaction) => Promise<Done<Value> | Refused<Code>>,
): Promise<Attempted<Code, Value>> {
  const { caller, claim } = call
  const made: Committed<Code, Value> = committed(done)
  const claiming = claim === null ? [] : [claimStatement(claim)]
  try {
    await caller.database.runAtOnce(caller.scope, [...claiming, statement, recordStatement(call, made)])
    return made
  } catch (error) {
    if (sqlstateOf(error) === WORK_REFUSED) return await attemptInTransaction(call, whyRefused)
    return failed(call, error, made)
  }
}

/** Stores a refusal under its key, as an attempt of its own: the work's was rolled back. */
export async function attemptToStore<Code extends string>(
  call: Call,
  outcome: Outcome<Code>,
): Promise<Attempted<Code, never>> {
  const made = { kind: 'COMMITTED', outcome, value: null, audit: [], events: [] } as const
  return await inTransaction<Code, never>(call, async () => made)
}

async function inTransaction<Code extends string, Value>(
  call: Call,
  work: (tx: Transaction) => Promise<Committed<Code, Value>>,
): Promise<Attempted<Code, Value>> {
  const { caller, claim } = call
  // Asked for twice when the work is done: by COMMIT, which takes the record along, and by a COMMIT that is not answered.
  const ending: { made: Committed<Code, Value> | null } = { made: null }
  const around = {
    ...(claim !== null && { opening: claimStatement(claim) }),
    closing: () => ending.made && recordStatement(call, ending.made),
  }
  try {
    return await caller.database.withTenant(
      caller.scope,
      async (tx) => {
        ending.made = await work(tx)
        return ending.made
      },
      around,
    )
  } catch (error) {
    if (error instanceof Rollback) return rolledBack(error.refused as Refused<Code>)
    return failed(call, error, ending.made)
  }
}

/** A transaction is committed unless its work throws: so a refusal is thrown in it, and goes no further than this file. */
class Rollback extends Error {
  readonly refused: Refused
  constructor(refused: Refused) {
    super('a refused command is rolled back')
    this.refused = refused
  }
}

function committed<Value>(result: Done<Value>): Committed<never, Value> {
  const { id, audit, events, value } = result
  const outcome = { id, userErrors: [], changed: changedType(result) }
  return { kind: 'COMMITTED', outcome, value, audit, events }
}

function rolledBack<Code extends string>({ currentId, errors }: Refused<Code>): Attempted<Code, never> {
  return { kind: 'ROLLED_BACK', outcome: { id: currentId, userErrors: errors } }
}

/** What a failed transaction means here; throws what means nothing, to be run again or told. */
function failed<Code extends string, Value>(
  { claim }: Call,
  error: unknown,
  made: Committed<Code, Value> | null,
): Attempted<Code, Value> {
  if (claim !== null && isKeyTaken(error)) return { kind: 'KEY_NOT_FREE', claim }
  if (error instanceof CommitUnknown && made !== null) return { kind: 'UNANSWERED', made, error }
  throw error
}
