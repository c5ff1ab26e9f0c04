// What a command leaves behind in its own transaction, in one statement: audit entries, outbox events, and the outcome
// under its idempotency key.
import { newId } from '../core/ids.ts'
import type { Transaction } from '../db/database.ts'
import type { Caller } from './caller.ts'
import type { AuditRecord, EventRecord, Json, Outcome } from './outcome.ts'

export type Claim = { readonly operation: string; readonly key: string; readonly fingerprint: Uint8Array }

/** `commandId` is the first audit entry's id: by it a command whose COMMIT was not answered is found again. */
export async function record(
  tx: Transaction,
  caller: Caller,
  command: { readonly name: string; readonly id: string; readonly claim: Claim | null },
  made: {
    readonly outcome: Outcome
    readonly audit: readonly AuditRecord[]
    readonly events: readonly EventRecord[]
  },
): Promise<void> {
  const now = caller.clock()
  const audit = JSON.stringify(
    made.audit.map(({ subject, before, after }, index) => ({
      id: index === 0 ? command.id : newId(),
      subject_type: subject.type,
      subject_id: subject.id,
      before,
      after,
    })),
  )
  const events = JSON.stringify(
    made.events.map(({ type, subject, payload }) => ({
      id: newId(),
      type,
      subject_type: subject.type,
      subject_id: subject.id,
      payload,
    })),
  )
  const outcome = JSON.stringify(made.outcome satisfies Json)
  const { claim } = command
  await tx.$executeRaw`
    WITH audit AS (
      INSERT INTO audit_entries (id, actor_kind, actor_id, action, subject_type, subject_id, before, after, request_id, created_at)
      SELECT a.id, ${caller.actor.kind}::actor_kind, ${caller.actor.id}::uuid, ${command.name}, a.subject_type,
             a.subject_id, a.before, a.after, ${caller.requestId}, ${now}
      FROM jsonb_to_recordset(${audit}::jsonb)
        AS a (id uuid, subject_type text, subject_id uuid, before jsonb, after jsonb)
    ), events AS (
      INSERT INTO outbox_events (id, type, subject_type, subject_id, payload, created_at)
      SELECT e.id, e.type, e.subject_type, e.subject_id, e.payload, ${now}
      FROM jsonb_to_recordset(${events}::jsonb)
        AS e (id uuid, type text, subject_type text, subject_id uuid, payload jsonb)
    )
    INSERT INTO idempotency_keys (operation, key, fingerprint, outcome, created_at)
    SELECT ${claim?.operation ?? ''}, k.key, ${claim?.fingerprint ?? new Uint8Array()}, ${outcome}::jsonb, ${now}
    FROM (SELECT ${claim?.key ?? null}::text AS key) k
    WHERE k.key IS NOT NULL`
}
