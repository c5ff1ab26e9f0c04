// Records a command in its own transaction: audit entries, outbox events, and the outcome under its key.
import { labelOf } from '../auth/command-context.ts'
import { newId } from '../core/ids.ts'
import type { Statement } from '../db/scope.ts'
import type { Call, Committed } from './call.ts'
import type { Json } from './outcome.ts'
import { redact } from './redact-audit.ts'

/** The values of a record; those of its key are the last. */
const VALUES = 11
const KEY_VALUES = 3

/**
 * The parts of a record's SQL; its values are the parameters after the first `before`. `entries` are common table expressions
 * that read `work`, with at most one row: `before` and `result` are added to each audit entry, `result` to each event, and
 * `events` to the outbox. `key` inserts the outcome under the key where the condition holds.
 */
export function recordSql(before: number): {
  readonly entries: string
  readonly key: (condition: (operation: string, key: string) => string) => string
} {
  const [kind, actor, label, operation, request, now, audit, events, key, fingerprint, outcome] = Array.from(
    { length: VALUES },
    (_, index) => `$${before + index + 1}`,
  )
  return {
    entries: `audit AS (
    INSERT INTO audit_entries
      (id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, before, after, request_id, created_at)
    SELECT a.id, ${kind}::actor_kind, ${actor}::uuid, ${label}, ${operation}::text, a.subject_type, a.subject_id,
      a.before || work.before, a.after || work.result, ${request}, ${now}::timestamptz
    FROM work, jsonb_to_recordset(${audit}::jsonb)
      AS a (id uuid, subject_type text, subject_id uuid, before jsonb, after jsonb)
  ), events AS (
    INSERT INTO outbox_events (id, type, subject_type, subject_id, payload, created_at)
    SELECT e.id, e.type, e.subject_type, e.subject_id, e.payload || work.result, ${now}::timestamptz
    FROM work, jsonb_to_recordset(${events}::jsonb || work.events)
      AS e (id uuid, type text, subject_type text, subject_id uuid, payload jsonb)
  )`,
    key: (condition) => `INSERT INTO idempotency_keys
      (operation, key, fingerprint, outcome, actor_kind, actor_id, created_at)
    SELECT ${operation}::text, ${key}::text, decode(${fingerprint}, 'hex'), ${outcome}::jsonb, ${kind}::actor_kind,
      ${actor}::uuid, ${now}::timestamptz
    WHERE ${condition(`${operation}::text`, `${key}::text`)}`,
  }
}

const { entries, key } = recordSql(0)
const RECORD_SQL = `
  WITH work AS (SELECT '{}'::jsonb AS before, '{}'::jsonb AS result, '[]'::jsonb AS events), ${entries}
  ${key((_operation, given) => `${given} IS NOT NULL`)}`

/**
 * The statement that records a command; it travels with COMMIT. The first audit entry has the command's own id: a
 * command whose COMMIT got no answer is found by it, and the outcome refers to it.
 */
export function recordStatement(call: Call, made: Recorded): Statement {
  return { name: 'bulkhead_record', text: RECORD_SQL, values: recordValues(call, made) }
}

type Recorded = Pick<Committed<string, unknown>, 'outcome' | 'audit' | 'events'>

/** The values without those of a key, for a command that takes none. */
export function keylessRecordValues(call: Call, made: Recorded): readonly (string | null)[] {
  return recordValues(call, made).slice(0, -KEY_VALUES)
}

export function recordValues(
  { caller: { actor, requestId, clock }, name, claim, entryId }: Call,
  made: Recorded,
): readonly (string | null)[] {
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
  return [
    actor.kind,
    actor.id,
    labelOf(actor),
    name,
    requestId,
    clock().toISOString(),
    JSON.stringify(audit),
    JSON.stringify(events),
    claim?.key ?? null,
    claim === null ? '' : Buffer.from(claim.fingerprint).toString('hex'),
    JSON.stringify({ ...made.outcome, ...(audit.length > 0 && { entry: entryId }) } satisfies Json),
  ]
}
