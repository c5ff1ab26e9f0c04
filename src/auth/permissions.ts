// Roles, and the permissions that modules define. Checked by each field of the API, and for writes again in the
// pipeline.
import { AppError } from '../core/errors.ts'

export const ROLES = ['OWNER', 'ADMIN', 'STAFF', 'VIEWER'] as const
export type Role = (typeof ROLES)[number]

/** The lowest role that has a permission, by area and verb; every role before it in ROLES has it too. */
type LeastRoles = Readonly<Record<string, Readonly<Record<string, Role>>>>

/** What a module's table adds to PermissionAreas. */
export type AreasOf<Table extends LeastRoles> = { readonly [Area in keyof Table]: keyof Table[Area] & string }

/** The verbs of each area. A module adds its own by declaration merging, beside `definePermissions`. */
// biome-ignore lint/suspicious/noEmptyInterface: modules add to it
export interface PermissionAreas {}

/** A permission that a role or a key can have: `catalogue:read`, … Without any area names are not checked. */
export type GrantablePermission = [keyof PermissionAreas] extends [never]
  ? `${string}:${string}`
  : { [Area in keyof PermissionAreas]: `${Area}:${PermissionAreas[Area]}` }[keyof PermissionAreas]

/** No role has it: it is the only permission of an invited person. */
export const ACCEPT_INVITATION = 'invitations:accept'

export type Permission = GrantablePermission | typeof ACCEPT_INVITATION

const leastRoles = new Map<GrantablePermission, Role>()
const defined: GrantablePermission[] = []
const granted = new Map<Role, ReadonlySet<Permission>>()

/** Every permission that a key can have, in the modules' order. */
export const PERMISSIONS: readonly GrantablePermission[] = defined

/** Registers a module's permissions at its import, before any check. Throws for a permission that is defined twice. */
export function definePermissions<const Table extends LeastRoles>(table: Table): Table {
  for (const [area, verbs] of Object.entries(table)) {
    for (const [verb, least] of Object.entries(verbs)) {
      // Built from the table's keys; the compiler does not follow them through Object.entries.
      const permission = `${area}:${verb}` as GrantablePermission
      if (leastRoles.has(permission)) throw new Error(`the permission ${permission} is defined twice`)
      leastRoles.set(permission, least)
      defined.push(permission)
    }
  }
  granted.clear()
  return table
}

/** The lowest role that has it. */
export function leastRoleOf(permission: GrantablePermission): Role {
  return leastRoles.get(permission) as Role
}

export function isPermission(text: string): text is GrantablePermission {
  return leastRoles.has(text as GrantablePermission)
}

/** As a table's writer: no role, key or grant has it, so only the system's own work writes. */
const SYSTEM_WRITER = 'system'

/** The names that app.protect accepts as the writers of a table. */
export function writerNames(): readonly string[] {
  return [...defined.filter((permission) => !permission.endsWith(':read')), ACCEPT_INVITATION, SYSTEM_WRITER]
}

/** The write permissions, which the database's policies check. */
export function writesOf(permissions: ReadonlySet<Permission>): string {
  return [...permissions].filter((permission) => !permission.endsWith(':read')).join()
}

export function permissionsOf(role: Role): ReadonlySet<Permission> {
  const known = granted.get(role)
  if (known !== undefined) return known
  const place = ROLES.indexOf(role)
  const found = new Set(defined.filter((permission) => place <= ROLES.indexOf(leastRoleOf(permission))))
  granted.set(role, found)
  return found
}

/**
 * The permissions of a key: those of its list that the role of its maker still has; the whole list when the platform
 * made it. Unknown permissions are dropped.
 */
export function permissionsOfKey(list: readonly string[], makerRole: Role | null): ReadonlySet<Permission> {
  const known = list.filter(isPermission)
  if (makerRole === null) return new Set(known)
  const bound = permissionsOf(makerRole)
  return new Set(known.filter((permission) => bound.has(permission)))
}

/** The permissions of platform staff under a grant: READ reads everything, WRITE adds what STAFF may write. */
export function supportPermissions(access: 'READ' | 'WRITE'): ReadonlySet<Permission> {
  const reads = PERMISSIONS.filter((permission) => permission.endsWith(':read'))
  return new Set(access === 'READ' ? reads : [...reads, ...permissionsOf('STAFF')])
}

/** Throws FORBIDDEN with the missing permission. */
export function requirePermission(held: ReadonlySet<Permission>, needed: Permission): void {
  if (!held.has(needed)) throw missingError(needed)
}

const missingErrors = new Map<Permission, AppError>()

/**
 * FORBIDDEN, for a caller without the permission. One object for each: a page may need it for each of its rows, and most of
 * an error's time is its stack.
 */
export function missingError(permission: Permission): AppError {
  const known = missingErrors.get(permission)
  if (known !== undefined) return known
  const made = new AppError('FORBIDDEN', `this needs the permission ${permission}`, { permission })
  missingErrors.set(permission, made)
  return made
}
