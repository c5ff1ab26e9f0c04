// Records a command in its own transaction by one statement: audit entries, outbox events, and the outcome under its
// key.
import { labelOf } from '../auth/command-context.ts'
import { newId } from '../core/ids.ts'
import type { Statement } from '../db/scope.ts'
import type { Call, Committed } from './call.ts'
import type { Json } from './outcome.ts'
import { redact } from './redact-audit.ts'

/**
 * Merges the result that the work left by app.set_command_result with the given one; its `events` are added to the
 * outbox. `app.take_command_result` raises on a refusal.
 */
const RECORD_SQL = `
  WITH command AS MATERIALIZED (
    SELECT left_behind.result - 'events' AS result, coalesce(left_behind.result -> 'events', '[]') AS events
    FROM (SELECT app.take_command_result() AS result) left_behind
  ), audit AS (
    INSERT INTO audit_entries
      (id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, before, after, request_id, created_at)
    SELECT a.id, $1::actor_kind, $2::uuid, $12, $3, a.subject_type, a.subject_id, a.before,
      a.after || command.result, $4, $5::timestamptz
    FROM command, jsonb_to_recordset($6::jsonb)
      AS a (id uuid, subject_type text, subject_id uuid, before jsonb, after jsonb)
  ), events AS (
    INSERT INTO outbox_events (id, type, subject_type, subject_id, payload, created_at)
    SELECT e.id, e.type, e.subject_type, e.subject_id, e.payload || command.result, $5::timestamptz
    FROM command, jsonb_to_recordset($7::jsonb || command.events)
      AS e (id uuid, type text, subject_type text, subject_id uuid, payload jsonb)
  )
  INSERT INTO idempotency_keys (operation, key, fingerprint, outcome, actor_kind, actor_id, created_at)
  SELECT $8, k.key, decode($10, 'hex'), $11::jsonb, $1::actor_kind, $2::uuid, $5::timestamptz
  FROM (SELECT $9::text AS key) k, command
  WHERE k.key IS NOT NULL`

/** The SQLSTATE raised when the work refused its input. */
export const WORK_REFUSED = 'BK003'

/**
 * The statement that records a command; it travels with COMMIT. The first audit entry has the command's own id: a
 * command whose COMMIT got no answer is found by it, and the outcome refers to it.
 */
export function recordStatement(
  { caller: { actor, requestId, clock }, name, claim, entryId }: Call,
  made: Pick<Committed<string, unknown>, 'outcome' | 'audit' | 'events'>,
): Statement {
  const audit = made.audit.map(({ subject, before, after }, index) => ({
    id: index === 0 ? entryId : newId(),
    subject_type: subject.type,
    subject_id: subject.id,
    // Every entry passes here, so use cases need not redact.
    before: redact(before),
    after: redact(after),
  }))
  const events = made.events.map(({ type, subject, payload }) => ({
    id: newId(),
    type,
    subject_type: subject.type,
    subject_id: subject.id,
    payload,
  }))
  return {
    name: 'bulkhead_record',
    text: RECORD_SQL,
    values: [
      actor.kind,
      actor.id,
      name,
      requestId,
      clock().toISOString(),
      JSON.stringify(audit),
      JSON.stringify(events),
      claim?.operation ?? name,
      claim?.key ?? null,
      claim === null ? '' : Buffer.from(claim.fingerprint).toString('hex'),
      JSON.stringify({ ...made.outcome, ...(audit.length > 0 && { entry: entryId }) } satisfies Json),
      labelOf(actor),
    ],
  }
}
