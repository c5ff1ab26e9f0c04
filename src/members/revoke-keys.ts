// Ends the API keys by which somebody who was dismissed, or made less, would go on as before.
import { auditOf } from '../commands/edit.ts'
import type { AuditRecord } from '../commands/outcome.ts'
import { permissionsOf, type Role } from '../commands/permissions.ts'
import type { Transaction } from '../db/database.ts'

/**
 * Revokes the keys that a member made, and those that these keys made, and so on. `role`: leaves the keys that may do no
 * more than it; null: leaves none. Waits for keys that are being made.
 */
export async function revokeKeysOf(
  tx: Transaction,
  memberId: string,
  { role, now }: { readonly role: Role | null; readonly now: Date },
): Promise<AuditRecord[]> {
  // The lock under which keys are made: a key is either seen here, or made by somebody who is seen to be gone.
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('api_keys ' || app.tenant_id(), 0))`
  const allowed = role === null ? [] : [...permissionsOf(role)]
  const revoked = await tx.$queryRaw<{ id: string }[]>`
    WITH RECURSIVE made AS (
      SELECT id FROM api_keys WHERE created_by_id = ${memberId}::uuid
      UNION
      SELECT k.id FROM api_keys k JOIN made m ON k.created_by_id = m.id
    )
    UPDATE api_keys k SET revoked_at = ${now} FROM made
    WHERE k.id = made.id AND k.revoked_at IS NULL AND NOT k.permissions <@ ${allowed}::text[]
    RETURNING k.id`
  return revoked.map(({ id }) =>
    auditOf({ type: 'ApiKey', id }, { revokedAt: null }, { revokedAt: now.toISOString() }),
  )
}
