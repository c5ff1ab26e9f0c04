// How far somebody's say goes over who works here, as it is now, and not when their request came in: somebody who was
// dismissed a moment ago must not let a friend in. Grants nothing.
import type { Caller } from '../commands/caller.ts'
import { holdingOf } from '../commands/holding.ts'
import { permissionsOf, type Role, requirePermission } from '../commands/permissions.ts'
import { AppError } from '../core/errors.ts'
import type { Transaction } from '../db/database.ts'

/** Whether it reaches a role: nobody gives, changes or ends what is more than they have. */
export type Authority = (role: Role) => boolean

/**
 * The caller's authority. Locks the tenant's row until commit, so that changes to its people come one after the other.
 * Throws FORBIDDEN for somebody who may no longer manage members.
 */
export async function takeAuthority(tx: Transaction, caller: Caller): Promise<Authority> {
  await tx.$queryRaw`SELECT FROM tenants FOR NO KEY UPDATE`
  const holding = await holdingOf(tx, caller)
  if (caller.actor.kind === 'MEMBER' && holding.permissions.size === 0)
    throw new AppError('FORBIDDEN', 'You are not a member of this tenant.')
  requirePermission(holding.permissions, 'members:manage')
  return (role) => permissionsOf(role).isSubsetOf(holding.permissions)
}
