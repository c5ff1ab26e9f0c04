// Ends somebody's work here, oneself's too, and with it the keys that they made.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { auditOf } from '../commands/edit.ts'
import { done } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { changingPeople, type Sessions } from '../commands/sessions.ts'
import { NO_KEYS, revokeKeysFrom } from '../keys/revoke-keys.ts'
import { takeAuthority } from './authority.ts'
import { findMember } from './find-member.ts'
import { refusedAsLastOwner } from './member.ts'

export const REMOVE_ERRORS = ['NOT_FOUND', 'CONFLICT', 'ROLE_TOO_HIGH', 'LAST_OWNER'] as const
type RemoveErrorCode = (typeof REMOVE_ERRORS)[number]

const schema = z.object({ id: z.string(), expectedVersion: z.number(), keepApiKeys: z.boolean() })

/**
 * Removes a member: refused at their next request here, and within seconds elsewhere. The row stays, for what they did.
 * User errors: REMOVE_ERRORS.
 */
export async function removeMember(
  caller: Caller,
  sessions: Sessions,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<RemoveErrorCode>> {
  const command = {
    name: 'memberRemove',
    permission: 'members:manage',
    input,
    schema,
    idempotencyKey,
  } as const
  return await changingPeople(sessions, caller, () =>
    runCommand<RemoveErrorCode, z.output<typeof schema>>(
      caller,
      command,
      async (tx, { keepApiKeys, ...wanted }) => {
        const now = caller.clock()
        const reaches = await takeAuthority(tx, caller)
        const member = await findMember(tx, reaches, wanted)
        if ('done' in member) return member
        const { id, version } = member
        try {
          const data = { status: 'REMOVED', version: version + 1, updatedAt: now } as const
          await tx.member.updateMany({ where: { id, version }, data })
        } catch (error) {
          return refusedAsLastOwner(error, 'id')
        }
        const revoked = keepApiKeys ? NO_KEYS : await revokeKeysFrom(tx, id, { now })
        const removed = auditOf({ type: 'Member', id }, { status: 'ACTIVE' }, { status: 'REMOVED' })
        return done(id, [removed, ...revoked.audit], revoked.events)
      },
    ),
  )
}
