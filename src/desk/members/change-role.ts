// Gives a member another role.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { permissionsOf } from '../../auth/permissions.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import type { Executed } from '../../commands/executed.ts'
import { omittable } from '../../commands/input-rules.ts'
import { runCommand } from '../../commands/run-command.ts'
import { EDIT_MEMBER_ERRORS, editMember } from './edit-member.ts'
import { role } from './member.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  role,
  keepApiKeys: omittable(z.boolean()),
  keepInvitations: omittable(z.boolean()),
})

export const memberChangeRole = defineCommand({
  name: 'memberChangeRole',
  permission: 'members:manage',
  errors: EDIT_MEMBER_ERRORS,
  schema,
})

/** Changes a role. It takes effect at the member's next request on this server, and within seconds on others. */
export async function changeRole(
  caller: CommandContext,
  sessions: IdentityInvalidation,
  input: InputOf<typeof memberChangeRole>,
): Promise<Executed<typeof memberChangeRole>> {
  return await changingPeople(sessions, caller, () =>
    runCommand(
      caller,
      memberChangeRole,
      input,
      (tx, { keepApiKeys = false, keepInvitations = false, ...wanted }) =>
        editMember(tx, caller, {
          wanted,
          changesTo: (member) => (member.role === wanted.role ? {} : { role: wanted.role }),
          lastOwnerField: 'role',
          harmless: permissionsOf(wanted.role),
          keepApiKeys,
          keepInvitations,
        }),
    ),
  )
}
