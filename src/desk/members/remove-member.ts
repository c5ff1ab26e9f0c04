// Ends somebody's work here, oneself's too, and with it the keys that they made and the invitations that they sent.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { type Executed, type Keyed, runCommand } from '../../commands/run-command.ts'
import { type EditMemberErrorCode, editMember } from './edit-member.ts'

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  keepApiKeys: z.boolean(),
  keepInvitations: z.boolean(),
})

/**
 * Removes a member: refused at their next request here, and within seconds elsewhere. The row stays, for what they did.
 * User errors: EDIT_MEMBER_ERRORS.
 */
export async function removeMember(
  caller: CommandContext,
  sessions: IdentityInvalidation,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<EditMemberErrorCode>> {
  const command = {
    name: 'memberRemove',
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
          changesTo: () => ({ status: 'REMOVED' }),
          lastOwnerField: 'id',
          harmless: new Set(),
          keepApiKeys,
          keepInvitations,
        }),
    ),
  )
}
