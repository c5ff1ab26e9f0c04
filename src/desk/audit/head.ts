// Reads the newest link of a tenant's chain of seals. An administrator stores it where the database's owner cannot
// write.
import type { CommandContext } from '../../auth/command-context.ts'
import { NO_HASH } from './chain.ts'

export type AuditHead = {
  /** 0: nothing is sealed yet. */
  readonly sequence: number
  /** In hex. */
  readonly hash: string
  readonly sealedAt: Date | null
  /** Covered by the seals up to this one. */
  readonly entryCount: number
  /** Recorded after this one. */
  readonly unsealedCount: number
}

/** The head, or the current link of `sequence`; null when there is none. */
export async function auditHead(
  { database, scope }: Pick<CommandContext, 'database' | 'scope'>,
  sequence: number | null = null,
): Promise<AuditHead | null> {
  const [head] = await database.withTenant(
    scope,
    (tx) => tx.$queryRaw<AuditHead[]>`
      SELECT s.sequence, encode(s.hash, 'hex') AS hash, s.created_at AS "sealedAt",
        (SELECT coalesce(sum(cardinality(u.entry_ids)), 0)::int FROM audit_seals u WHERE u.sequence <= s.sequence)
          AS "entryCount",
        (SELECT count(*)::int FROM audit_entries e WHERE e.recorded_at >= s.until_at) AS "unsealedCount"
      FROM audit_seals s WHERE ${sequence}::int IS NULL OR s.sequence = ${sequence}::int
      ORDER BY s.sequence DESC LIMIT 1`,
  )
  if (head !== undefined) return head
  if (sequence !== null) return null
  const unsealedCount = await database.forTenant(scope).auditEntry.readCount()
  return { sequence: 0, hash: NO_HASH, sealedAt: null, entryCount: 0, unsealedCount }
}
