// Finds the member to change or remove, if the caller may.
import { changedMeanwhile, conflict, notFound } from '../../commands/edit.ts'
import { type Refused, refused } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'
import type { Member } from '../../generated/prisma/client.ts'
import type { Authority } from './authority.ts'
import { mayDoMore, roleTooHigh } from './member.ts'

export type Wanted = {
  readonly id: string
  readonly expectedVersion: number
  /** The new role. */
  readonly role?: Member['role']
}

type FindErrorCode = 'NOT_FOUND' | 'CONFLICT' | 'ROLE_TOO_HIGH'

/**
 * A removed member counts as missing. The authority holds the tenant's row, so nobody else changes the member before
 * the commit.
 */
export async function findMember(
  tx: Transaction,
  reaches: Authority,
  { id, expectedVersion, role }: Wanted,
): Promise<Member | Refused<FindErrorCode>> {
  const member = await tx.member.findFirst({ where: { id, status: 'ACTIVE' } })
  if (member === null) return notFound('id', 'member')
  const tooHigh = [
    ...(reaches(member.role) ? [] : [mayDoMore(member.role)]),
    ...(role === undefined || reaches(role) ? [] : [roleTooHigh('role', role)]),
  ]
  if (tooHigh.length > 0) return refused(tooHigh, id)
  if (member.version === expectedVersion) return member
  const changed = await changedMeanwhile(tx, 'Member', member, expectedVersion, { role })
  return conflict(member, expectedVersion, { reads: 'members:read', changed })
}
