// Which columns of a record were changed since a version, from the audit. Read only after a conflict.
import type { Transaction } from '../db/register.ts'
import type { JsonObject, Subject } from './outcome.ts'

/** The most versions that are looked back. */
const VERSIONS_MAX = 50
/** Entries besides those of edits, such as changes of a variant's stock, are read too, and do not count. */
const ENTRIES_MAX = 200

/**
 * The columns of `current` that edits since `version` changed; null when the audit does not tell: an unknown version, or one too
 * long ago.
 */
export async function columnsChangedSince(
  tx: Transaction,
  { type, id }: Subject,
  current: { readonly version: number },
  version: number,
): Promise<ReadonlySet<string> | null> {
  const steps = current.version - version
  if (steps < 1 || steps > VERSIONS_MAX) return null
  const entries = await tx.$queryRaw<{ before: JsonObject | null; after: JsonObject | null }[]>`
    SELECT before, after FROM audit_entries
    WHERE subject_type = ${type} AND subject_id = ${id}::uuid AND before IS NOT NULL AND after IS NOT NULL
    ORDER BY created_at DESC, id DESC LIMIT ${ENTRIES_MAX}`
  // Each version is one entry of columns of the record.
  const edits = entries
    .map(({ after }) => Object.keys(after ?? {}).filter((name) => name in current))
    .filter((columns) => columns.length > 0)
    .slice(0, steps)
  return edits.length < steps ? null : new Set(edits.flat())
}
