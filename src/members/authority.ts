// How far somebody's say goes over who works here, as it is now, and not when their request came in: somebody who was
// dismissed a moment ago must not let a friend in. Grants nothing.
import type { Caller } from '../commands/caller.ts'
import {
  isAtLeast,
  isPermission,
  type Permission,
  permissionsOf,
  type Role,
  requirePermission,
} from '../commands/permissions.ts'
import { AppError } from '../core/errors.ts'
import type { Transaction } from '../db/database.ts'

/** Whether it reaches a role: nobody gives, changes or ends what is more than they have. */
export type Authority = (role: Role) => boolean

/**
 * The caller's authority. Locks the tenant's row until commit, so that changes to its people come one after the other.
 * Throws FORBIDDEN for somebody who may no longer manage members.
 */
export async function takeAuthority(tx: Transaction, { actor, permissions }: Caller): Promise<Authority> {
  await tx.$queryRaw`SELECT FROM tenants FOR NO KEY UPDATE`
  if (actor.kind === 'MEMBER') {
    const member = await tx.member.findFirst({ where: { id: actor.id, status: 'ACTIVE' } })
    if (member === null) throw new AppError('FORBIDDEN', 'You are not a member of this tenant.')
    requirePermission(permissionsOf(member.role), 'members:manage')
    return (role) => isAtLeast(member.role, role)
  }
  if (actor.kind === 'API_KEY') {
    const key = await tx.apiKey.findFirst({ where: { id: actor.id, revokedAt: null } })
    if (key === null) throw new AppError('FORBIDDEN', 'This API key is not valid.')
    return over(new Set(key.permissions.filter(isPermission)))
  }
  return over(permissions)
}

/** Of who has no role: over those that may do nothing which they themselves may not. */
function over(granted: ReadonlySet<Permission>): Authority {
  requirePermission(granted, 'members:manage')
  return (role) => permissionsOf(role).isSubsetOf(granted)
}
