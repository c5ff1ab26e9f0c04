// The only way to write: checks permission and input, then makes attempts, each in its own transaction, until the
// outcome is known. The steps are input.ts, attempt.ts, idempotency.ts, commit-unknown.ts.
import type { z } from 'zod'
import type { CommandContext } from '../auth/command-context.ts'
import { requirePermission } from '../auth/permissions.ts'
import { newId } from '../core/ids.ts'
import type { Transaction } from '../db/register.ts'
import { attemptInOneStatement, attemptInTransaction, attemptToStore, type Decided } from './attempt.ts'
import type { Attempted, Call, Ended } from './call.ts'
import type { Command, InternalCommand, Keyed } from './command.ts'
import { lookUpCommit } from './commit-unknown.ts'
import type { Constraint } from './constraint.ts'
import { dependsOnCaller } from './error-codes.ts'
import { answerOf, type Executed, refusedAtOnce } from './executed.ts'
import { KEY_IN_USE, lookUp } from './idempotency.ts'
import { checkCall } from './input.ts'
import type { Done, Refused } from './outcome.ts'
import { retried } from './retry.ts'

/**
 * The work of a command, in its transaction. It may run several times, and only the last counts, so it must have no
 * effect outside.
 */
export type Work<Code extends string, Value = null, Input = unknown> = (
  tx: Transaction,
  input: Input,
) => Promise<Done<Value> | Refused<Code>>

/**
 * Work that is decided by one statement, which also claims the key and records the outcome. When it refuses, `whyRefused` gives
 * the reasons.
 */
export type OneStatement<Code extends string, Value, Input> = {
  readonly decide: (input: Input) => Decided<Value>
  /** Those that the statement may violate: a violation is a refusal. */
  readonly constraints?: readonly Constraint<Code>[]
  readonly whyRefused: Work<Code, Value, Input>
}

/** Each attempt lost its key to a call that then released it unused; more attempts would form a queue. */
const CLAIM_ATTEMPTS_MAX = 3

/**
 * Runs `work` for the caller. Throws FORBIDDEN without the permission; returns user errors, filtered by what the caller
 * may read. A refusal rolls the work back, and is stored under the key like a success: the same call by anybody in the
 * tenant gets the same answer. A refusal that depends on the caller is not stored.
 */
export async function runCommand<
  Name extends string,
  Code extends string,
  Schema extends z.ZodType,
  Value = null,
>(
  caller: CommandContext,
  command: Command<Name, Code, Schema>,
  input: Keyed<z.input<Schema>>,
  work: Work<NoInfer<Code>, Value, z.output<Schema>> | OneStatement<NoInfer<Code>, Value, z.output<Schema>>,
): Promise<Executed<Command<Name, Code, Schema>, Value>> {
  requirePermission(caller.permissions, command.permission)
  const { value, claim, errors } = checkCall(command, input, caller.clock())
  if (errors !== null) return refusedAtOnce(errors)
  const payload = caller.payload ?? null
  const call = { caller, name: command.name, claim, entryId: newId(), payload }
  const ended = await untilEnded(call, attemptsAt(work, value))
  const isStored =
    ended.kind === 'ROLLED_BACK' && claim !== null && !dependsOnCaller(ended.outcome.userErrors)
  if (!isStored) return answerOf(caller, ended)
  // If another call with the key was first, it is replayed.
  return answerOf(
    caller,
    await untilEnded({ ...call, payload: null }, (next) => attemptToStore(next, ended.outcome)),
  )
}

/**
 * The outcome that is stored under the key of a call; null when there is none. It takes no permission, for a call by which
 * the caller became somebody else: the caller of this function decides who may see it.
 */
export async function replayCommand<Name extends string, Code extends string, Schema extends z.ZodType>(
  caller: CommandContext,
  command: Command<Name, Code, Schema>,
  input: Keyed<z.input<Schema>>,
): Promise<Executed<Command<Name, Code, Schema>> | null> {
  const { claim } = checkCall(command, input, caller.clock())
  const known = claim === null ? null : await lookUp<Code>(caller, claim)
  return known === null ? null : answerOf(caller, known)
}

/** Runs a command without input, key and refusals; returns the value that the work gave to `done`. */
export async function runInternalCommand<Value = null>(
  caller: CommandContext,
  { name, permission }: InternalCommand,
  work: (tx: Transaction) => Promise<Done<Value>>,
): Promise<Value> {
  requirePermission(caller.permissions, permission)
  const call = { caller, name, claim: null, entryId: newId(), payload: null }
  const ended = await untilEnded(call, () => attemptInTransaction<never, Value>(call, work))
  if (ended.kind !== 'COMMITTED')
    throw new Error(`${name} ended as ${ended.kind}, which takes a key or a refusal`)
  return ended.value as Value
}

/**
 * The attempts of a call: values that are chosen in advance, such as the new record's id, stay the same in all of them.
 */
function attemptsAt<Code extends string, Value, Input>(
  work: Work<Code, Value, Input> | OneStatement<Code, Value, Input>,
  input: Input,
): (call: Call) => Promise<Attempted<Code, Value>> {
  if (typeof work === 'function') return (call) => attemptInTransaction(call, (tx) => work(tx, input))
  const decided = work.decide(input)
  const { whyRefused, constraints = [] } = work
  return (call) => attemptInOneStatement(call, decided, (tx) => whyRefused(tx, input), constraints)
}

/**
 * Makes attempts until one ends the call. Retries what the database allows; looks up a key that is not free, and
 * retries when it has become free; looks up a COMMIT without an answer, and never retries it. The payload's statement must
 * not be what fails a command: after an error that may be its own, the next attempt does without it.
 */
async function untilEnded<Code extends string, Value>(
  call: Call,
  attempt: (call: Call) => Promise<Attempted<Code, Value>>,
): Promise<Ended<Code, Value>> {
  let next = call
  for (let tries = 1; tries <= CLAIM_ATTEMPTS_MAX; tries += 1) {
    const attempted = await retried(() => attempt(next))
    switch (attempted.kind) {
      case 'COMMITTED':
      case 'ROLLED_BACK':
        return attempted
      case 'UNANSWERED':
        return await lookUpCommit(call, attempted)
      case 'KEY_NOT_FREE': {
        const known = await lookUp<Code>(call.caller, attempted.claim)
        if (known !== null) return known
        break
      }
      case 'PAYLOAD_REFUSED':
        next = { ...call, payload: null }
    }
  }
  return { kind: 'NOT_RUN', error: KEY_IN_USE }
}
