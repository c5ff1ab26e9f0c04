// Changing one member, within a command: who may, what the last owner keeps, and which API keys end with it.
import type { Caller } from '../commands/caller.ts'
import { edited } from '../commands/edit.ts'
import type { Done, Refused } from '../commands/outcome.ts'
import type { Permission } from '../commands/permissions.ts'
import type { Transaction } from '../db/database.ts'
import type { Member } from '../generated/prisma/client.ts'
import { NO_KEYS, revokeKeysFrom } from '../keys/revoke-keys.ts'
import { takeAuthority } from './authority.ts'
import { findMember, type Wanted } from './find-member.ts'
import { refusedAsLastOwner } from './member.ts'

export const EDIT_MEMBER_ERRORS = ['NOT_FOUND', 'CONFLICT', 'ROLE_TOO_HIGH', 'LAST_OWNER'] as const
export type EditMemberErrorCode = (typeof EDIT_MEMBER_ERRORS)[number]

export type MemberEdit = {
  readonly wanted: Wanted
  readonly changesTo: (member: Member) => Partial<Pick<Member, 'role' | 'status'>>
  /** Which field of the input the last owner's refusal is about. */
  readonly lastOwnerField: string
  /** The keys that they made stay if they may do no more than this; null: all stay. */
  readonly harmless: ReadonlySet<Permission> | null
}

/** Refuses with EDIT_MEMBER_ERRORS. Throws FORBIDDEN for a caller who may no longer manage members. */
export async function editMember(
  tx: Transaction,
  caller: Caller,
  { wanted, changesTo, lastOwnerField, harmless }: MemberEdit,
): Promise<Done | Refused<EditMemberErrorCode>> {
  const now = caller.clock()
  const reaches = await takeAuthority(tx, caller)
  const member = await findMember(tx, reaches, wanted)
  if ('done' in member) return member
  const { id, version } = member
  const changes = changesTo(member)
  try {
    const data = { ...changes, version: version + 1, updatedAt: now }
    await tx.member.updateMany({ where: { id, version }, data })
  } catch (error) {
    return refusedAsLastOwner(error, lastOwnerField)
  }
  const outcome = edited<Member>('Member', member, changes)
  const revoked = harmless === null ? NO_KEYS : await revokeKeysFrom(tx, id, { now, harmless })
  return {
    ...outcome,
    audit: [...outcome.audit, ...revoked.audit],
    events: [...outcome.events, ...revoked.events],
  }
}
