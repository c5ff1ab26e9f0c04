// Checks that callers neither grant nor revoke support access that may do more than they may.
import type { CommandContext } from '../../auth/command-context.ts'
import { currentPermissionsOf } from '../../auth/current-permissions.ts'
import { requirePermission, supportPermissions } from '../../auth/permissions.ts'
import type { UserError } from '../../commands/outcome.ts'
import type { Transaction } from '../../db/database.ts'

/**
 * The refusal of access that may do more than the caller's current permissions; null when there is none. Throws
 * FORBIDDEN for a caller who may no longer manage support.
 */
export async function beyondCaller(
  tx: Transaction,
  caller: CommandContext,
  access: 'READ' | 'WRITE',
  field: string,
): Promise<UserError<'PERMISSION_NOT_HELD'> | null> {
  const { permissions } = await currentPermissionsOf(tx, caller)
  requirePermission(permissions, 'support:manage')
  const lacked = [...supportPermissions(access)].filter((permission) => !permissions.has(permission))
  if (lacked.length === 0) return null
  const message = `this access may do more than you: you do not have ${lacked.join(', ')}`
  return { field: [field], message, code: 'PERMISSION_NOT_HELD', params: { permissions: lacked } }
}
