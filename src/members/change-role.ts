// Gives a member another role.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { edited } from '../commands/edit.ts'
import { permissionsOf } from '../commands/permissions.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import { changingPeople, type Sessions } from '../commands/sessions.ts'
import { NO_KEYS, revokeKeysFrom } from '../keys/revoke-keys.ts'
import { takeAuthority } from './authority.ts'
import { findMember } from './find-member.ts'
import { refusedAsLastOwner, role } from './member.ts'

export const CHANGE_ROLE_ERRORS = ['NOT_FOUND', 'CONFLICT', 'ROLE_TOO_HIGH', 'LAST_OWNER'] as const
type ChangeRoleErrorCode = (typeof CHANGE_ROLE_ERRORS)[number]

const schema = z.object({ id: z.string(), expectedVersion: z.number(), role, keepApiKeys: z.boolean() })

/** Changes a role; it acts at the member's next request here, and within seconds elsewhere. User errors: CHANGE_ROLE_ERRORS. */
export async function changeRole(
  caller: Caller,
  sessions: Sessions,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<ChangeRoleErrorCode>> {
  const command = {
    name: 'memberChangeRole',
    permission: 'members:manage',
    input,
    schema,
    idempotencyKey,
  } as const
  return await changingPeople(sessions, caller, () =>
    runCommand<ChangeRoleErrorCode, z.output<typeof schema>>(
      caller,
      command,
      async (tx, { keepApiKeys, ...wanted }) => {
        const now = caller.clock()
        const reaches = await takeAuthority(tx, caller)
        const member = await findMember(tx, reaches, wanted)
        if ('done' in member) return member
        const { id, version } = member
        const changes = member.role === wanted.role ? {} : { role: wanted.role }
        try {
          const data = { ...changes, version: version + 1, updatedAt: now }
          await tx.member.updateMany({ where: { id, version }, data })
        } catch (error) {
          return refusedAsLastOwner(error, 'role')
        }
        const outcome = edited('Member', member, changes)
        const harmless = permissionsOf(wanted.role)
        const revoked = keepApiKeys ? NO_KEYS : await revokeKeysFrom(tx, id, { now, harmless })
        return {
          ...outcome,
          audit: [...outcome.audit, ...revoked.audit],
          events: [...outcome.events, ...revoked.events],
        }
      },
    ),
  )
}
