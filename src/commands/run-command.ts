// The one way to write: permission, then one transaction that holds the idempotency key, the work, the audit, the
// events and the outcome, and that is run again as a whole when the database says it may.
import type { z } from 'zod'
import type { CommandContext } from '../auth/command-context.ts'
import { type Permission, requirePermission } from '../auth/permissions.ts'
import { AppError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { isPlain } from '../core/text.ts'
import type { Statement, Transaction } from '../db/database.ts'
import { CommitUnknown, sqlstateOf, uniqueViolation } from '../db/faults.ts'
import { fingerprint } from './fingerprint.ts'
import { checkInput } from './input.ts'
import {
  changedType,
  type Done,
  dependsOnCaller,
  type Outcome,
  type Refused,
  toldTo,
  type UserError,
} from './outcome.ts'
import { type Claim, claimStatement, KEY_NOT_FREE, recordStatement, WORK_REFUSED } from './record.ts'
import { retried } from './retry.ts'

export type Command<Value = unknown> = {
  /** The mutation's name: the audit's action, and the name space of its idempotency keys. */
  readonly name: string
  readonly permission: Permission
  /** All of the input that decides the outcome; without its idempotency key. */
  readonly input: unknown
  /** What the input must be like; every problem is answered at once, and nothing is stored. */
  readonly schema?: z.ZodType<Value>
  readonly idempotencyKey?: string | null | undefined
  /**
   * The work as one statement, where there is one that decides everything by itself: it then takes one message with
   * the key before it and the record behind it. It must end in `app.set_command_result`. When it refuses, the work proper
   * is run, to say why.
   */
  readonly singleStatement?: (input: Value) => { readonly statement: Statement; readonly done: Done }
}

export type Work<Code extends string, Value = unknown> = (
  tx: Transaction,
  input: Value,
) => Promise<Done | Refused<Code>>

export type CommonErrorCode = 'INVALID' | 'IDEMPOTENCY_KEY_REUSED' | 'IDEMPOTENCY_KEY_IN_USE'

/** What a caller is answered: made now, or (`replayed`) what is stored of an earlier call with the same key. */
export type Executed<Code extends string> = {
  readonly id: string | null
  readonly userErrors: readonly UserError<Code | CommonErrorCode>[]
  readonly replayed: boolean
  /**
   * The record is what this caller made or changed by this call, and nobody else has changed it since: shown to them,
   * though they may not read such records. Everybody else is shown it by their right to read.
   */
  readonly isOwn: boolean
}

/** A use case's input beside its idempotency key. */
export type Keyed<Input> = Input & { readonly idempotencyKey?: string | null | undefined }

const KEY_LENGTH_MAX = 255
const KEY_ADVICE = `an idempotency key has 1 to ${KEY_LENGTH_MAX} characters, none of them a control character`
/** Each attempt lost its key to a call that then released it unused; more would be a queue of its own. */
const CLAIM_ATTEMPTS_MAX = 3
const NOTHING_DONE = { audit: [], events: [] }
export const KEY_IN_USE: UserError<'IDEMPOTENCY_KEY_IN_USE'> = {
  field: ['idempotencyKey'],
  message: 'the same call is being worked on: try again in a moment',
  code: 'IDEMPOTENCY_KEY_IN_USE',
}
const IDEMPOTENCY_UNIQUE = 'idempotency_keys_pkey'

type KeyState = 'CLAIMED' | 'REPLAYED' | 'REUSED' | 'IN_USE'

/** Thrown to roll back what a refused command has begun to write. */
class RolledBack extends Error {
  readonly outcome: Outcome
  constructor(outcome: Outcome) {
    super('a refused command was rolled back')
    this.outcome = outcome
  }
}

/**
 * Runs `work` for the caller. Throws FORBIDDEN without the permission; answers user errors, told by what the caller may
 * read. A refusal leaves nothing of the work, but is stored under the key like a success: the same call gets the same
 * answer, whoever of the tenant sends it. Not so a refusal that depends on who asks: it is asked anew each time.
 */
export async function runCommand<Code extends string, Value>(
  caller: CommandContext,
  command: Command<Value>,
  work: Work<Code, Value>,
): Promise<Executed<Code>> {
  requirePermission(caller.permissions, command.permission)
  const key = command.idempotencyKey ?? null
  if (key !== null && !isKey(key)) return refusedAtOnce([keyError('INVALID', KEY_ADVICE)])
  const checked = checkInput(command.schema, command.input)
  if (checked.errors !== null) return refusedAtOnce(checked.errors)
  const claim =
    key === null ? null : { operation: command.name, key, fingerprint: fingerprint(command.input) }
  try {
    const singleStatement = command.singleStatement?.(checked.value)
    return await execute(caller, command, claim, (tx) => work(tx, checked.value), singleStatement)
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error
    const { outcome } = error
    if (claim === null || dependsOnCaller(outcome.userErrors))
      return answerOf(caller, outcome as Outcome<Code>)
    // The work left nothing; its refusal is stored in a transaction of its own. Whoever came first meanwhile wins.
    return await execute<Code>(caller, command, claim, async () => ({ storedOnly: outcome }))
  }
}

type Stored = { readonly storedOnly: Outcome }

async function execute<Code extends string>(
  caller: CommandContext,
  command: Pick<Command, 'name'>,
  claim: Claim | null,
  work: (tx: Transaction) => Promise<Done | Refused<Code> | Stored>,
  singleStatement?: { readonly statement: Statement; readonly done: Done },
): Promise<Executed<Code>> {
  const id = newId()
  let made: Executed<Code> | null = null
  let closing: Statement | null = null
  const around = {
    ...(claim !== null && { opening: claimStatement(claim) }),
    closing: () => closing,
  }
  const transaction = async (): Promise<Executed<Code>> => {
    closing = null
    return await caller.database.withTenant(
      caller.scope,
      async (tx) => {
        const result = await work(tx)
        const outcome = outcomeOf(result)
        if ('done' in result && !result.done) throw new RolledBack(outcome)
        const { audit, events } = 'done' in result && result.done ? result : NOTHING_DONE
        closing = recordStatement(caller, { name: command.name, id, claim }, { outcome, audit, events })
        made = answerOf(caller, outcome as Outcome<Code>)
        return made
      },
      around,
    )
  }
  const message = async ({
    statement,
    done,
  }: NonNullable<typeof singleStatement>): Promise<Executed<Code>> => {
    const outcome = outcomeOf(done)
    made = answerOf(caller, outcome as Outcome<Code>)
    const last = recordStatement(caller, { name: command.name, id, claim }, { ...done, outcome })
    const first = claim === null ? [] : [claimStatement(claim)]
    try {
      await caller.database.runAtOnce(caller.scope, [...first, statement, last])
      return made
    } catch (error) {
      if (sqlstateOf(error) !== WORK_REFUSED) throw error
      return await transaction()
    }
  }
  const once = async (): Promise<Executed<Code>> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await (singleStatement === undefined ? transaction() : message(singleStatement))
      } catch (error) {
        if (claim === null || !isKeyTaken(error)) throw error
        // The key may have been released unused meanwhile: then try again.
        const known = await retried(() => lookUp<Code>(caller, claim))
        if (known !== null) return known
        if (attempt >= CLAIM_ATTEMPTS_MAX) return refusedAtOnce([KEY_IN_USE])
      }
    }
  }
  try {
    return await retried(once)
  } catch (error) {
    if (!(error instanceof CommitUnknown) || made === null) throw error
    return await settle(caller, { id, claim, made, error })
  }
}

/** The transaction was not run: its key is in use or was used, or two met at the row itself. */
function isKeyTaken(error: unknown): boolean {
  return sqlstateOf(error) === KEY_NOT_FREE || uniqueViolation(error) === IDEMPOTENCY_UNIQUE
}

/** What became of a key; null when it is free. */
async function lookUp<Code extends string>(
  caller: CommandContext,
  claim: Claim,
): Promise<Executed<Code> | null> {
  const { operation, key, fingerprint } = claim
  return await caller.database.withTenant(caller.scope, async (tx) => {
    const [row] = await tx.$queryRaw<[{ state: KeyState; outcome: Outcome<Code> | null }]>`
      SELECT state, outcome FROM app.claim_idempotency_key(${operation}, ${key}, ${fingerprint})`
    switch (row.state) {
      case 'CLAIMED':
        return null
      case 'REPLAYED': {
        const answer = answerOf(caller, row.outcome as Outcome<Code>)
        // Every role may read what it may write, so that only of a key it has to be asked.
        const mayBeForeign = answer.isOwn && caller.actor.kind === 'API_KEY'
        const isOwn = mayBeForeign ? await isStillOwn(tx, caller, claim) : answer.isOwn
        return { ...answer, replayed: true, isOwn }
      }
      case 'REUSED':
        return refusedAtOnce([
          keyError('IDEMPOTENCY_KEY_REUSED', 'this idempotency key belongs to another input'),
        ])
      case 'IN_USE':
        return refusedAtOnce([KEY_IN_USE])
    }
  })
}

/**
 * Whether a stored call was this caller's, and nobody else has changed its record since that very call, as the audit says:
 * later calls of the caller's, which may have changed nothing, do not make it theirs again. What the system did counts for
 * nobody: it only carries on what was begun.
 */
async function isStillOwn(
  tx: Transaction,
  { actor }: CommandContext,
  { operation, key }: Claim,
): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ is_own: boolean }[]>`
    WITH stored AS (
      SELECT outcome ->> 'changed' AS type, (outcome ->> 'id')::uuid AS id, (outcome ->> 'entry')::uuid AS entry
      FROM idempotency_keys
      WHERE operation = ${operation} AND key = ${key}
        AND actor_kind = ${actor.kind}::actor_kind AND actor_id IS NOT DISTINCT FROM ${actor.id}::uuid
    )
    SELECT NOT EXISTS (
      SELECT FROM audit_entries a WHERE a.subject_type = stored.type AND a.subject_id = stored.id
        AND a.recorded_at >= own.recorded_at AND a.actor_kind <> 'SYSTEM'
        AND a.actor_id IS DISTINCT FROM ${actor.id}::uuid
    ) AS is_own FROM stored JOIN audit_entries own ON own.id = stored.entry`
  return row?.is_own === true
}

type Unanswered<Code extends string> = {
  readonly id: string
  readonly claim: Claim | null
  readonly made: Executed<Code>
  readonly error: CommitUnknown
}

/** After a COMMIT without an answer: its outcome when it happened, and else what to do. */
async function settle<Code extends string>(
  caller: CommandContext,
  unanswered: Unanswered<Code>,
): Promise<Executed<Code>> {
  // Where it cannot be looked up either, the first error tells more than the second.
  const known = await findWritten(caller, unanswered).catch(() => null)
  if (known !== null) return known
  const advice =
    unanswered.claim === null
      ? 'look whether it happened before you send it again'
      : 'send it again with the same key'
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `the database was interrupted: ${advice}`,
    {},
    { cause: unanswered.error },
  )
}

/** Did it happen? Asked of what it would have written. */
async function findWritten<Code extends string>(
  caller: CommandContext,
  { id, claim, made }: Unanswered<Code>,
): Promise<Executed<Code> | null> {
  const written = await retried(() =>
    caller.database.withTenant(caller.scope, (tx) => tx.auditEntry.count({ where: { id } })),
  )
  if (written > 0) return made
  return claim === null ? null : await retried(() => lookUp<Code>(caller, claim))
}

function outcomeOf(result: Done | Refused | Stored): Outcome {
  if ('storedOnly' in result) return result.storedOnly
  return result.done
    ? { id: result.id, userErrors: [], changed: changedType(result) }
    : { id: result.currentId, userErrors: result.errors }
}

/** An outcome as this caller is told of it. */
function answerOf<Code extends string>(
  { permissions }: CommandContext,
  { id, userErrors, changed = null }: Outcome<Code>,
): Executed<Code> {
  return { id, userErrors: toldTo(permissions, userErrors), replayed: false, isOwn: changed !== null }
}

/** Refuses before anything is tried: nothing is stored, and there is no record to show. */
export function refusedAtOnce<Code extends string>(
  userErrors: Executed<NoInfer<Code>>['userErrors'],
): Executed<Code> {
  return { id: null, userErrors, replayed: false, isOwn: false }
}

function isKey(key: string): boolean {
  return key.length > 0 && key.length <= KEY_LENGTH_MAX && isPlain(key)
}

function keyError(code: CommonErrorCode, message: string) {
  return { field: ['idempotencyKey'], message, code }
}
