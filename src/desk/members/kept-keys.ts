// Moves the API keys of a member whose authority ends to an owner. Otherwise revoke-keys.ts revokes them.
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import type { Permission } from '../../auth/permissions.ts'
import { auditOf } from '../../commands/edit.ts'
import type { AuditRecord } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'
import { oneAtATime } from '../keys/one-at-a-time.ts'

type Left = { readonly memberId: string; readonly harmless: ReadonlySet<Permission> }

/**
 * Makes the caller, an owner, the creator of the member's keys with permissions beyond `harmless`: the caller's
 * authority bounds them from then on, and they end with it. Keys that those made follow them. Locks the tenant's keys
 * until commit.
 */
export async function takeOverKeys(
  tx: Transaction,
  { actor }: CommandContext,
  { memberId, harmless }: Left,
): Promise<AuditRecord[]> {
  await oneAtATime(tx)
  const createdBy = labelOf(actor)
  const taken = await tx.$queryRaw<{ id: string; before: string }[]>`
    WITH made AS (
      SELECT k.id, k.created_by FROM api_keys k
      WHERE k.created_by_id = ${memberId}::uuid AND k.revoked_at IS NULL
        AND NOT k.permissions <@ ${[...harmless]}::text[]
    )
    UPDATE api_keys k SET created_by_id = ${actor.id}::uuid, created_by = ${createdBy}
    FROM made WHERE k.id = made.id
    RETURNING k.id, made.created_by AS before`
  return taken.map(({ id, before }) => auditOf({ type: 'ApiKey', id }, { createdBy: before }, { createdBy }))
}
