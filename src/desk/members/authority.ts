// Which roles the caller may give, change and remove, read again inside the change's transaction: a member who was
// removed a moment ago must not add a friend. Grants nothing.
import type { CommandContext } from '../../auth/command-context.ts'
import {
  type CurrentPermissions,
  currentPermissionsOf,
  currentPermissionsOfKey,
} from '../../auth/current-permissions.ts'
import { permissionsOf, type Role, requirePermission } from '../../auth/permissions.ts'
import { AppError } from '../../core/errors.ts'
import type { Transaction } from '../../db/database.ts'
import type { Invitation } from '../../generated/prisma/client.ts'

/** Whether the authority covers a role: nobody gives, changes or removes a role that may do more than their own. */
export type Authority = (role: Role) => boolean

/**
 * The caller's authority. Locks the tenant's members until commit, so that changes to them are serialised. Throws
 * FORBIDDEN for a caller who may no longer manage members.
 */
export async function takeAuthority(tx: Transaction, caller: CommandContext): Promise<Authority> {
  await lockPeople(tx)
  await tx.$queryRaw`SELECT FROM tenants FOR NO KEY UPDATE`
  const holding = await currentPermissionsOf(tx, caller)
  if (caller.actor.kind === 'MEMBER' && holding.permissions.size === 0)
    throw new AppError('FORBIDDEN', 'You are not a member of this tenant.')
  requirePermission(holding.permissions, 'members:manage')
  return (role) => reaches(holding, role)
}

/**
 * Whether the sender of an invitation could send it now. Locks the tenant's members until commit, and the inviting
 * member's row against SQL that does not take that lock. An invitation by the platform depends on nobody's authority.
 */
export async function isStillBacked(
  tx: Transaction,
  caller: CommandContext,
  { invitedById, role }: Pick<Invitation, 'invitedById' | 'role'>,
): Promise<boolean> {
  if (invitedById === null) return true
  await lockPeople(tx)
  const [member] = await tx.$queryRaw<{ role: Role; is_active: boolean }[]>`
    SELECT role::text AS role, status = 'ACTIVE' AS is_active FROM members
    WHERE id = ${invitedById}::uuid FOR SHARE`
  const holding =
    member === undefined
      ? await currentPermissionsOfKey(tx, invitedById, caller.clock())
      : { permissions: member.is_active ? permissionsOf(member.role) : new Set<never>() }
  return holding.permissions.has('members:manage') && reaches(holding, role)
}

function reaches({ permissions }: Pick<CurrentPermissions, 'permissions'>, role: Role): boolean {
  return permissionsOf(role).isSubsetOf(permissions)
}

/**
 * An advisory lock, since a caller who accepts an invitation may not lock the tenant's row. Taken before any other
 * lock.
 */
async function lockPeople(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('people ' || app.tenant_id(), 0))`
}
