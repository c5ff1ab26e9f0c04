// Audits the open invitations that end with the authority of a member or a key. The database's triggers end them, for
// any SQL that removes the authority.
import { auditOf } from '../../commands/edit.ts'
import type { AuditRecord } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'

/**
 * Runs `work`, which removes somebody's authority, and returns the audit records of the invitations that ended with it.
 */
export async function endingInvitations<T>(
  tx: Transaction,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly audit: readonly AuditRecord[] }> {
  const open = await tx.invitation.findMany({
    where: { status: 'PENDING', invitedById: { not: null } },
    select: { id: true },
  })
  const result = await work()
  const ended = await tx.invitation.findMany({
    where: { id: { in: open.map(({ id }) => id) }, status: 'REVOKED' },
    select: { id: true },
  })
  const audit = ended.map(({ id }) =>
    auditOf({ type: 'Invitation', id }, { status: 'PENDING' }, { status: 'REVOKED' }),
  )
  return { result, audit }
}
