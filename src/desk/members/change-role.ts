// Gives a member another role.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { permissionsOf } from '../../auth/permissions.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { type EditMemberErrorCode, editMember } from './edit-member.ts'
import { role } from './member.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  role,
  keepApiKeys: z.boolean(),
  keepInvitations: z.boolean(),
})

/** Changes a role; it acts at the member's next request here, and within seconds elsewhere. User errors: EDIT_MEMBER_ERRORS. */
export async function changeRole(
  caller: CommandContext,
  sessions: IdentityInvalidation,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<EditMemberErrorCode>> {
  const command = {
    name: 'memberChangeRole',
    permission: 'members:manage',
    input,
    schema,
    idempotencyKey,
  } as const
  return await changingPeople(sessions, caller, () =>
    runCommand<EditMemberErrorCode, z.output<typeof schema>>(
      caller,
      command,
      (tx, { keepApiKeys, keepInvitations, ...wanted }) =>
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
