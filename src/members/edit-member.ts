// Changing one member, within a command: who may, what the last owner keeps, and which API keys and open invitations end
// with it.
import type { Caller } from '../commands/caller.ts'
import { edited } from '../commands/edit.ts'
import { type Done, type Refused, refused, type UserError } from '../commands/outcome.ts'
import type { Permission } from '../commands/permissions.ts'
import type { Transaction } from '../db/database.ts'
import type { Member } from '../generated/prisma/client.ts'
import { endingInvitations } from '../keys/ended-invitations.ts'
import { NO_KEYS, revokeKeysFrom } from '../keys/revoke-keys.ts'
import { type Authority, takeAuthority } from './authority.ts'
import { findMember, type Wanted } from './find-member.ts'
import { refusedAsLastOwner } from './member.ts'
import { takeOverInvitations } from './open-invitations.ts'

export const EDIT_MEMBER_ERRORS = ['NOT_FOUND', 'CONFLICT', 'ROLE_TOO_HIGH', 'LAST_OWNER'] as const
export type EditMemberErrorCode = (typeof EDIT_MEMBER_ERRORS)[number]

export type MemberEdit = {
  readonly wanted: Wanted
  readonly changesTo: (member: Member) => Partial<Pick<Member, 'role' | 'status'>>
  /** Which field of the input the last owner's refusal is about. */
  readonly lastOwnerField: string
  /** The keys that they made stay if they may do no more than this; null: all stay. */
  readonly harmless: ReadonlySet<Permission> | null
  /** What they invited to stays open, in the caller's name: for an owner alone. */
  readonly keepInvitations: boolean
}

/** Refuses with EDIT_MEMBER_ERRORS. Throws FORBIDDEN for a caller who may no longer manage members. */
export async function editMember(
  tx: Transaction,
  caller: Caller,
  { wanted, changesTo, lastOwnerField, harmless, keepInvitations }: MemberEdit,
): Promise<Done | Refused<EditMemberErrorCode>> {
  const now = caller.clock()
  const reaches = await takeAuthority(tx, caller)
  const member = await findMember(tx, reaches, wanted)
  if ('done' in member) return member
  const { id, version } = member
  if (keepInvitations && !mayKeepInvitations(caller, reaches, id)) return refused([NOT_AN_OWNER], id)
  const takenOver = keepInvitations ? await takeOverInvitations(tx, caller, id) : []
  const changes = changesTo(member)
  try {
    const { audit: ended } = await endingInvitations(tx, () =>
      tx.member.updateMany({
        where: { id, version },
        data: { ...changes, version: version + 1, updatedAt: now },
      }),
    )
    const revoked = harmless === null ? NO_KEYS : await revokeKeysFrom(tx, id, { now, harmless })
    const outcome = edited<Member>('Member', member, changes)
    return {
      ...outcome,
      audit: [...outcome.audit, ...revoked.audit, ...takenOver, ...ended],
      events: [...outcome.events, ...revoked.events],
    }
  } catch (error) {
    return refusedAsLastOwner(error, lastOwnerField)
  }
}

const NOT_AN_OWNER: UserError<'ROLE_TOO_HIGH'> = {
  field: ['keepInvitations'],
  message: 'only an owner who stays keeps invitations open, in their own name',
  code: 'ROLE_TOO_HIGH',
}

/** Who keeps them is who they stand on from then on, so it cannot be the member whose authority ends. */
function mayKeepInvitations({ actor }: Caller, reaches: Authority, memberId: string): boolean {
  return reaches('OWNER') && actor.id !== null && actor.id !== memberId
}
