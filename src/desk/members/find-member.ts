// The member whom somebody means to change or dismiss, if they may.
import { conflict, notFound } from '../../commands/edit.ts'
import { type Refused, refused } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'
import type { Member } from '../../generated/prisma/client.ts'
import type { Authority } from './authority.ts'
import { mayDoMore, roleTooHigh } from './member.ts'

export type Wanted = {
  readonly id: string
  readonly expectedVersion: number
  /** What it is to become. */
  readonly role?: Member['role']
}

type FindErrorCode = 'NOT_FOUND' | 'CONFLICT' | 'ROLE_TOO_HIGH'

/** Who was removed is no member. Nobody else can change them before the commit: the authority holds the tenant's row. */
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
  return member.version === expectedVersion
    ? member
    : conflict(member, expectedVersion, { role }, { reads: 'members:read' })
}
