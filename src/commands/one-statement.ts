// A command whose work is decided by one statement: the key's claim, the work and its record are that statement.
import type { Statement } from '../db/scope.ts'
import type { Call, Committed } from './call.ts'
import { keylessRecordValues, recordSql, recordValues } from './record.ts'

/** SQLSTATEs: the key is in use, or was used; the work refused its input. */
export const KEY_NOT_FREE = 'BK002'
export const WORK_REFUSED = 'BK003'

/** The SQL of such a work, completed; made once. */
export type WorkSql = {
  readonly name: string
  readonly keyed: string
  readonly keyless: string
}

/**
 * `text`: common table expressions, the last of which is `work (before, result, events)`: one row when the work is done, none
 * when it refuses. `before` and `result` are objects with fields that the audit entry has besides those that are known
 * beforehand, as they were and as they are; the events have `result` too. `events` is an array of more events, each with `id`,
 * `type`, `subject_type`, `subject_id` and `payload`.
 *
 * Nothing of the work is run before its key is claimed, so that a second call with the key does not wait at the first one's
 * locks: PostgreSQL evaluates the branches of CASE in order, and a common table expression when its rows are first read.
 */
export function defineWorkSql(name: string, text: string): WorkSql {
  const parameters = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
  const { entries, key } = recordSql(parameters)
  const claim = key((operation, given) => `app.lock_idempotency_key(${operation}, ${given})`)
  const end = `WHEN NOT EXISTS (SELECT FROM work) THEN app.undo_command('${WORK_REFUSED}') END`
  return {
    name: `bulkhead_${name}`,
    keyed: `
  WITH claim AS (
    ${claim}
    ON CONFLICT DO NOTHING RETURNING key
  ), ${text}, ${entries}
  SELECT CASE WHEN NOT EXISTS (SELECT FROM claim) THEN app.undo_command('${KEY_NOT_FREE}') ${end}`,
    keyless: `
  WITH ${text}, ${entries}
  SELECT CASE ${end}`,
  }
}

/** The whole command. It raises KEY_NOT_FREE or WORK_REFUSED, and is then undone. */
export function wholeStatement(
  call: Call,
  { name, keyed, keyless }: WorkSql,
  values: readonly (string | null)[],
  made: Pick<Committed<string, unknown>, 'outcome' | 'audit' | 'events'>,
): Statement {
  return call.claim === null
    ? { name: `${name}_keyless`, text: keyless, values: [...values, ...keylessRecordValues(call, made)] }
    : { name, text: keyed, values: [...values, ...recordValues(call, made)] }
}
