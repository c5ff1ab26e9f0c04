// Revokes keys within another command's transaction: all that come from one key or member, and the open invitations
// that they sent. Checks no permission.

import type { Permission } from '../../auth/permissions.ts'
import { auditOf } from '../../commands/edit.ts'
import type { AuditRecord, EventRecord } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'
import { endingInvitations } from './ended-invitations.ts'
import { oneAtATime } from './one-at-a-time.ts'

export type RevokedKeys = { readonly audit: readonly AuditRecord[]; readonly events: readonly EventRecord[] }

/**
 * Revokes the key `id`, or those that the member `id` made, and every key that was made with one of those, since
 * a person who had the one may have the others. Revoked keys stay unchanged, and so do keys with no permissions beyond
 * `harmless`. Locks the tenant's keys until commit.
 */
export async function revokeKeysFrom(
  tx: Transaction,
  id: string,
  { now, harmless = new Set() }: { readonly now: Date; readonly harmless?: ReadonlySet<Permission> },
): Promise<RevokedKeys> {
  await oneAtATime(tx)
  // An active key has only active ancestors, so their number is bounded by that of active keys.
  const { result: revoked, audit: ended } = await endingInvitations(
    tx,
    () => tx.$queryRaw<{ id: string; name: string }[]>`
    WITH RECURSIVE made AS (
      SELECT k.id FROM api_keys k WHERE k.id = ${id}::uuid OR k.created_by_id = ${id}::uuid
      UNION
      SELECT k.id FROM api_keys k JOIN made ON k.created_by_id = made.id
    )
    UPDATE api_keys k SET revoked_at = ${now} FROM made
    WHERE k.id = made.id AND k.revoked_at IS NULL AND NOT k.permissions <@ ${[...harmless]}::text[]
    RETURNING k.id, k.name`,
  )
  // The requested key comes first.
  const ordered = revoked.toSorted((x, y) => Number(y.id === id) - Number(x.id === id))
  const after = { revokedAt: now.toISOString() }
  return {
    audit: [
      ...ordered.map((key) => auditOf({ type: 'ApiKey', id: key.id }, { revokedAt: null }, after)),
      ...ended,
    ],
    events: ordered.map((key) => ({
      type: 'api-key.revoked',
      subject: { type: 'ApiKey', id: key.id },
      payload: { name: key.name },
    })),
  }
}
