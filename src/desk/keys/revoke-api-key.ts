// Revokes an API key and the keys that it made.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { currentPermissionsOf, makersOf } from '../../auth/current-permissions.ts'
import { changingPeople, type IdentityInvalidation } from '../../auth/identity-invalidation.ts'
import { type Permission, permissionsOfKey, requirePermission } from '../../auth/permissions.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done, refused, type UserError } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import type { Transaction } from '../../db/database.ts'
import type { ApiKey } from '../../generated/prisma/client.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { revokeKeysFrom } from './revoke-keys.ts'

const schema = z.object({ id: z.string() })

export const apiKeyRevoke = defineCommand({
  name: 'apiKeyRevoke',
  permission: 'keys:manage',
  errors: ['NOT_FOUND', 'PERMISSION_NOT_HELD'],
  schema,
})

/**
 * Revokes a key, those that were made with it (a person who had the key may have them too), and the open invitations that
 * they sent. This server refuses them at once, others within seconds. A revoked key stays unchanged.
 * PERMISSION_NOT_HELD: the key may do more than the caller.
 */
export async function revokeApiKey(
  caller: CommandContext,
  { sessions }: { readonly sessions: IdentityInvalidation },
  input: InputOf<typeof apiKeyRevoke>,
): Promise<Executed<typeof apiKeyRevoke>> {
  return await changingPeople(sessions, caller, () =>
    runCommand(caller, apiKeyRevoke, input, async (tx, { id }) => {
      // So that neither the caller's key nor this one changes during the check.
      await oneAtATime(tx)
      const key = await tx.apiKey.findFirst({ where: { id } })
      if (key === null) return notFound('id', 'API key')
      const lacked = await lackedBy(tx, caller, key)
      if (lacked.length > 0) return refused([mayDoMore(lacked)])
      const { audit, events } = await revokeKeysFrom(tx, id, { now: caller.clock() })
      return done(id, audit, events)
    }),
  )
}

/**
 * The permissions of the key that the caller lacks now. Throws FORBIDDEN for a caller who may no longer manage keys.
 */
async function lackedBy(tx: Transaction, caller: CommandContext, key: ApiKey): Promise<Permission[]> {
  const holding = await currentPermissionsOf(tx, caller)
  requirePermission(holding.permissions, 'keys:manage')
  const { role } = await makersOf(tx, key.id)
  return [...permissionsOfKey(key.permissions, role)].filter(
    (permission) => !holding.permissions.has(permission),
  )
}

function mayDoMore(lacked: readonly Permission[]): UserError<'PERMISSION_NOT_HELD'> {
  const message = `this key may do more than you: you do not have ${lacked.join(', ')}`
  return { field: ['id'], message, code: 'PERMISSION_NOT_HELD', params: { permissions: lacked } }
}
