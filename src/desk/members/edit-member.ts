// Changes one member within a command: checks the caller's authority, keeps the last owner, and ends API keys and open
// invitations.
import type { CommandContext } from '../../auth/command-context.ts'
import type { Permission } from '../../auth/permissions.ts'
import { edited } from '../../commands/edit.ts'
import { type Done, done, type Refused, refused, type UserError } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'
import type { Member } from '../../generated/prisma/client.ts'
import { endingInvitations } from '../keys/ended-invitations.ts'
import { revokeKeysFrom } from '../keys/revoke-keys.ts'
import { type Authority, takeAuthority } from './authority.ts'
import { findMember, type Wanted } from './find-member.ts'
import { takeOverKeys } from './kept-keys.ts'
import { refusedAsLastOwner } from './member.ts'
import { takeOverInvitations } from './open-invitations.ts'

export const EDIT_MEMBER_ERRORS = ['NOT_FOUND', 'CONFLICT', 'ROLE_TOO_HIGH', 'LAST_OWNER'] as const
export type EditMemberErrorCode = (typeof EDIT_MEMBER_ERRORS)[number]

export type MemberEdit = {
  readonly wanted: Wanted
  readonly changesTo: (member: Member) => Partial<Pick<Member, 'role' | 'status'>>
  /** The input field of the last owner's refusal. */
  readonly lastOwnerField: string
  /** Keys with no permissions beyond these stay the member's. */
  readonly harmless: ReadonlySet<Permission>
  /** The other keys become the caller's; for owners only. */
  readonly keepApiKeys: boolean
  /** Open invitations become the caller's; for owners only. */
  readonly keepInvitations: boolean
}

/** Refused with EDIT_MEMBER_ERRORS. Throws FORBIDDEN for a caller who may no longer manage members. */
export async function editMember(
  tx: Transaction,
  caller: CommandContext,
  { wanted, changesTo, lastOwnerField, harmless, keepApiKeys, keepInvitations }: MemberEdit,
): Promise<Done | Refused<EditMemberErrorCode>> {
  const now = caller.clock()
  const reaches = await takeAuthority(tx, caller)
  const member = await findMember(tx, reaches, wanted)
  if ('done' in member) return member
  const { id, version } = member
  const changes = changesTo(member)
  // Then nothing ends, so that there is nothing to keep.
  if (Object.keys(changes).length === 0) return done(id, [])
  const asked = [...(keepApiKeys ? ['keepApiKeys'] : []), ...(keepInvitations ? ['keepInvitations'] : [])]
  if (asked.length > 0 && !mayKeep(caller, reaches, id)) return refused(asked.map(notAnOwner), id)
  const takenOver = keepInvitations ? await takeOverInvitations(tx, caller, id) : []
  // After the invitations, which are found by the creators of the keys that sent them.
  const kept = keepApiKeys ? await takeOverKeys(tx, caller, { memberId: id, harmless }) : []
  try {
    const { audit: ended } = await endingInvitations(tx, () =>
      tx.member.updateMany({
        where: { id, version },
        data: { ...changes, version: version + 1, updatedAt: now },
      }),
    )
    const revoked = await revokeKeysFrom(tx, id, { now, harmless })
    const outcome = edited<Member>('Member', member, changes)
    return {
      ...outcome,
      audit: [...outcome.audit, ...revoked.audit, ...kept, ...takenOver, ...ended],
      events: [...outcome.events, ...revoked.events],
    }
  } catch (error) {
    return refusedAsLastOwner(error, lastOwnerField)
  }
}

function notAnOwner(field: string): UserError<'ROLE_TOO_HIGH'> {
  const message = 'only an owner who stays a member can take over keys and invitations'
  return { field: [field], message, code: 'ROLE_TOO_HIGH' }
}

/**
 * Keys and invitations depend on the authority of the member who keeps them. It must be a member, other than the one whose
 * authority ends; not a key, which that member may have made.
 */
function mayKeep({ actor }: CommandContext, reaches: Authority, memberId: string): boolean {
  return actor.kind === 'MEMBER' && reaches('OWNER') && actor.id !== memberId
}
