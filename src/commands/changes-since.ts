// Which columns of a record were changed since a version, from the audit. Read only after a conflict.
import type { Transaction } from '../db/register.ts'

/** The most versions that are looked back. */
const VERSIONS_MAX = 50
/** Entries besides those of edits, such as changes of a variant's stock, are read too, and do not count. */
const ENTRIES_MAX = 200

/** A record, and the version since which its columns were changed. */
export type Since = {
  readonly current: { readonly id: string; readonly version: number }
  readonly version: number
}

/**
 * By id, the columns of each record that edits since its version changed, by one statement; null when the audit does not tell: an
 * unknown version, or one too long ago.
 */
export async function columnsChangedSince(
  tx: Transaction,
  type: string,
  asked: readonly Since[],
): Promise<ReadonlyMap<string, ReadonlySet<string> | null>> {
  const ids = asked.filter((one) => isKnown(stepsOf(one))).map(({ current }) => current.id)
  const entries = new Map(ids.length === 0 ? [] : await entriesOf(tx, type, ids))
  return new Map(
    asked.map((one) => [one.current.id, changedIn(entries.get(one.current.id) ?? [], one)] as const),
  )
}

function stepsOf({ current, version }: Since): number {
  return current.version - version
}

function isKnown(steps: number): boolean {
  return steps >= 1 && steps <= VERSIONS_MAX
}

/** The columns of an entry; null: it has none. */
type Columns = readonly string[] | null

/** The changed columns of each entry of these records, newest first. */
async function entriesOf(
  tx: Transaction,
  type: string,
  ids: readonly string[],
): Promise<[id: string, entries: readonly Columns[]][]> {
  const rows = await tx.$queryRaw<{ id: string; entries: Columns[] }[]>`
    SELECT asked.id, entry.entries
    FROM unnest(${ids}::uuid[]) asked (id) CROSS JOIN LATERAL (
      SELECT coalesce(jsonb_agg(columns ORDER BY created_at DESC, id DESC), '[]') AS entries
      FROM (
        SELECT e.created_at, e.id, (SELECT jsonb_agg(name) FROM jsonb_object_keys(e.after) name
          -- An amount's currency is recorded with it.
          WHERE e.after -> name IS DISTINCT FROM e.before -> name) AS columns
        FROM audit_entries e
        WHERE e.subject_type = ${type} AND e.subject_id = asked.id AND e.before IS NOT NULL AND e.after IS NOT NULL
        ORDER BY e.created_at DESC, e.id DESC LIMIT ${ENTRIES_MAX}
      ) newest
    ) entry`
  return rows.map(({ id, entries }) => [id, entries])
}

function changedIn(entries: readonly Columns[], asked: Since): ReadonlySet<string> | null {
  const steps = stepsOf(asked)
  if (!isKnown(steps)) return null
  // Each version is one entry of columns of the record.
  const edits = entries
    .map((columns) => (columns ?? []).filter((name) => name in asked.current))
    .filter((columns) => columns.length > 0)
    .slice(0, steps)
  return edits.length < steps ? null : new Set(edits.flat())
}
