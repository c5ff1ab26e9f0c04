// Gives a member another role.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import { edited } from '../commands/edit.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import type { Sessions } from '../commands/sessions.ts'
import { takeAuthority } from './authority.ts'
import { findMember } from './find-member.ts'
import { refusedAsLastOwner, role } from './member.ts'

export const CHANGE_ROLE_ERRORS = ['NOT_FOUND', 'CONFLICT', 'ROLE_TOO_HIGH', 'LAST_OWNER'] as const
type ChangeRoleErrorCode = (typeof CHANGE_ROLE_ERRORS)[number]

const schema = z.object({ id: z.string(), expectedVersion: z.number(), role })

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
  const executed = await runCommand<ChangeRoleErrorCode, z.output<typeof schema>>(
    caller,
    command,
    async (tx, wanted) => {
      const reaches = await takeAuthority(tx, caller)
      const member = await findMember(tx, reaches, wanted)
      if ('done' in member) return member
      const { id, version } = member
      const changes = member.role === wanted.role ? {} : { role: wanted.role }
      try {
        const data = { ...changes, version: version + 1, updatedAt: caller.clock() }
        await tx.member.updateMany({ where: { id, version }, data })
      } catch (error) {
        return refusedAsLastOwner(error, 'role')
      }
      return edited('Member', member, changes)
    },
  )
  sessions.forget(caller.tenantSlug)
  return executed
}
