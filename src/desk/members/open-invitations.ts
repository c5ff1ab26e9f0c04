// An owner takes over the open invitations of somebody whose authority ends. Without it they end: ended-invitations.ts.
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { auditOf } from '../../commands/edit.ts'
import type { AuditRecord } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'

/**
 * Makes the caller the one who invited all whom the member did, or a key that comes from the member: their authority is
 * what the invitations stand on from then on. The caller must reach every role.
 */
export async function takeOverInvitations(
  tx: Transaction,
  { actor, clock }: CommandContext,
  memberId: string,
): Promise<AuditRecord[]> {
  const invitedBy = labelOf(actor)
  const taken = await tx.$queryRaw<{ id: string; before: string }[]>`
    WITH RECURSIVE inviters AS (
      SELECT ${memberId}::uuid AS id
      UNION
      SELECT k.id FROM api_keys k JOIN inviters ON k.created_by_id = inviters.id
    ), open AS (
      SELECT i.id, i.invited_by FROM invitations i JOIN inviters ON i.invited_by_id = inviters.id
      WHERE i.status = 'PENDING'
    )
    UPDATE invitations i SET invited_by_id = ${actor.id}::uuid, invited_by = ${invitedBy}, updated_at = ${clock()}
    FROM open WHERE i.id = open.id
    RETURNING i.id, open.invited_by AS before`
  return taken.map(({ id, before }) =>
    auditOf({ type: 'Invitation', id }, { invitedBy: before }, { invitedBy }),
  )
}
