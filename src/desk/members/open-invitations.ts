// Moves the open invitations of a member whose authority ends to an owner. Otherwise ended-invitations.ts audits their
// end.
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { auditOf } from '../../commands/edit.ts'
import type { AuditRecord } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'

/**
 * Makes the caller the sender of all open invitations by the member or by keys that come from the member: they then
 * depend on the caller's authority. The caller must cover every role.
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
