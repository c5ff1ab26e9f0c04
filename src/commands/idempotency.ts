// Idempotency keys: validates and claims them, and looks up and replays the stored outcome of a used one.
import type { CommandContext } from '../auth/command-context.ts'
import { isPlain } from '../core/text.ts'
import { sqlstateOf, violatedConstraint } from '../db/faults.ts'
import type { Transaction } from '../db/register.ts'
import type { Statement } from '../db/scope.ts'
import type { Claim, Known } from './call.ts'
import type { CommonErrorCode } from './error-codes.ts'
import { KEY_NOT_FREE } from './one-statement.ts'
import type { JsonObject, Outcome, UserError } from './outcome.ts'
import { retried } from './retry.ts'

const KEY_LENGTH_MAX = 255
const KEYS_UNIQUE = 'idempotency_keys_pkey'

const KEY_REUSED = keyError('IDEMPOTENCY_KEY_REUSED', 'this idempotency key belongs to another input')
export const KEY_IN_USE = keyError(
  'IDEMPOTENCY_KEY_IN_USE',
  'the same call is in progress: try again shortly',
)

const KEY_FORM = `an idempotency key has 1 to ${KEY_LENGTH_MAX} characters, none of them a control character`

/** What is wrong with a key, or null. */
export function keyErrorOf(key: string): UserError<CommonErrorCode> | null {
  if (key.length === 0) return keyError('REQUIRED', KEY_FORM)
  if (key.length > KEY_LENGTH_MAX) return keyError('TOO_LONG', KEY_FORM, { max: KEY_LENGTH_MAX })
  return isPlain(key) ? null : keyError('FORMAT', KEY_FORM, { expected: 'no control characters' })
}

/** The statement that claims a key for its transaction, or raises. */
export function claimStatement({ operation, key, fingerprint }: Claim): Statement {
  return {
    name: 'bulkhead_claim',
    text: 'SELECT app.take_idempotency_key($1, $2, $3)',
    values: [operation, key, Buffer.from(fingerprint).toString('hex')],
  }
}

/** The claim raised; or, on two writable databases with separate locks, two calls conflicted at the key's row. */
export function isKeyTaken(error: unknown): boolean {
  return sqlstateOf(error) === KEY_NOT_FREE || violatedConstraint(error) === KEYS_UNIQUE
}

type Row<Code extends string> =
  | { readonly state: 'CLAIMED' | 'REUSED' | 'IN_USE' }
  | { readonly state: 'REPLAYED'; readonly outcome: Outcome<Code> }

/** The state of a key; null when it is free, since its earlier call failed. */
export async function lookUp<Code extends string>(
  caller: CommandContext,
  claim: Claim,
): Promise<Known<Code> | null> {
  const { operation, key, fingerprint } = claim
  const look = async (tx: Transaction): Promise<Known<Code> | null> => {
    const [row] = await tx.$queryRaw<[Row<Code>]>`
      SELECT state, outcome FROM app.claim_idempotency_key(${operation}, ${key}, ${fingerprint})`
    switch (row.state) {
      case 'CLAIMED':
        return null
      case 'REPLAYED':
        return await replay(tx, caller, claim, row.outcome)
      case 'REUSED':
        return { kind: 'NOT_RUN', error: KEY_REUSED }
      case 'IN_USE':
        return { kind: 'NOT_RUN', error: KEY_IN_USE }
    }
  }
  return await retried(() => caller.database.withTenant(caller.scope, look))
}

async function replay<Code extends string>(
  tx: Transaction,
  caller: CommandContext,
  claim: Claim,
  outcome: Outcome<Code>,
): Promise<Known<Code>> {
  const changed = [outcome, ...(outcome.rows ?? [])].flatMap(({ id, changed: type = null }) =>
    type === null || id === null ? [] : id,
  )
  // Every role may read what it may write, so only a key needs the query.
  const mayBeForeign = changed.length > 0 && caller.actor.kind === 'API_KEY'
  const own = mayBeForeign ? await stillOwn(tx, caller, claim) : changed
  return { kind: 'REPLAYED', outcome, own: new Set(own) }
}

/**
 * The records that a stored call of this caller changed, and nobody else has since, by the audit. Later calls of the
 * caller do not count, since they may have changed nothing. Changes by the system do not count either: they only
 * continue what was begun.
 */
async function stillOwn(
  tx: Transaction,
  { actor }: CommandContext,
  { operation, key }: Claim,
): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    WITH stored AS (
      SELECT outcome, (outcome ->> 'entry')::uuid AS entry
      FROM idempotency_keys
      WHERE operation = ${operation} AND key = ${key}
        AND actor_kind = ${actor.kind}::actor_kind AND actor_id IS NOT DISTINCT FROM ${actor.id}::uuid
    ), record AS (
      SELECT r.record ->> 'changed' AS type, (r.record ->> 'id')::uuid AS id, own.recorded_at
      FROM stored JOIN audit_entries own ON own.id = stored.entry
      CROSS JOIN LATERAL jsonb_array_elements(
        jsonb_build_array(stored.outcome - 'rows') || coalesce(stored.outcome -> 'rows', '[]')) AS r (record)
      WHERE r.record ->> 'changed' IS NOT NULL
    )
    SELECT record.id FROM record WHERE NOT EXISTS (
      SELECT FROM audit_entries a WHERE a.subject_type = record.type AND a.subject_id = record.id
        AND a.recorded_at >= record.recorded_at AND a.actor_kind <> 'SYSTEM'
        AND a.actor_id IS DISTINCT FROM ${actor.id}::uuid
    )`
  return rows.map(({ id }) => id)
}

function keyError<Code extends CommonErrorCode>(
  code: Code,
  message: string,
  params?: JsonObject,
): UserError<Code> {
  return { field: ['idempotencyKey'], message, code, ...(params && { params }) }
}
