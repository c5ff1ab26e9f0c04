// Removes a member, who may be the caller, with the keys that they made and the invitations that they sent.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import type { Executed } from '../../commands/executed.ts'
import { omittable } from '../../commands/input-rules.ts'
import { runCommand } from '../../commands/run-command.ts'
import { EDIT_MEMBER_ERRORS, editMember } from './edit-member.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  keepApiKeys: omittable(z.boolean()),
  keepInvitations: omittable(z.boolean()),
})

export const memberRemove = defineCommand({
  name: 'memberRemove',
  permission: 'members:manage',
  errors: EDIT_MEMBER_ERRORS,
  schema,
})

/**
 * Removes a member: refused at their next request on this server, and within seconds on others. The row stays, for
 * their past actions.
 */
export async function removeMember(
  caller: CommandContext,
  sessions: IdentityInvalidation,
  input: InputOf<typeof memberRemove>,
): Promise<Executed<typeof memberRemove>> {
  return await changingPeople(sessions, caller, () =>
    runCommand(
      caller,
      memberRemove,
      input,
      (tx, { keepApiKeys = false, keepInvitations = false, ...wanted }) =>
        editMember(tx, caller, {
          wanted,
          changesTo: () => ({ status: 'REMOVED' }),
          lastOwnerField: 'id',
          harmless: new Set(),
          keepApiKeys,
          keepInvitations,
        }),
    ),
  )
}
