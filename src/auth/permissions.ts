// Who may do what: roles, and the permissions that modules define. Checked for reads on the document before it runs, and for
// writes in the pipeline.
import { AppError } from '../core/errors.ts'

export const ROLES = ['OWNER', 'ADMIN', 'STAFF', 'VIEWER'] as const
export type Role = (typeof ROLES)[number]

/** The least of the roles that may do a thing, by area and verb: every role before it in ROLES may, too. */
type LeastRoles = Readonly<Record<string, Readonly<Record<string, Role>>>>

/** What a module's table adds to PermissionAreas. */
export type AreasOf<Table extends LeastRoles> = { readonly [Area in keyof Table]: keyof Table[Area] & string }

/** The verbs of each area. A module adds its own by declaration merging, beside `definePermissions`. */
// biome-ignore lint/suspicious/noEmptyInterface: modules add to it
export interface PermissionAreas {}

/** What a role or a key can be given: `catalogue:read`, … */
export type GrantablePermission = {
  [Area in keyof PermissionAreas]: `${Area}:${PermissionAreas[Area]}`
}[keyof PermissionAreas]

/** No role has it: somebody who was invited may do this and nothing else. */
export const ACCEPT_INVITATION = 'invitations:accept'

export type Permission = GrantablePermission | typeof ACCEPT_INVITATION

const leastRoles = new Map<GrantablePermission, Role>()
const defined: GrantablePermission[] = []
const granted = new Map<Role, ReadonlySet<Permission>>()

/** Every permission that there is to give, in the modules' order. */
export const PERMISSIONS: readonly GrantablePermission[] = defined

/** Makes a module's permissions known; at its import, before anybody is asked who may do what. Throws for one defined twice. */
export function definePermissions<const Table extends LeastRoles>(table: Table): Table {
  for (const [area, verbs] of Object.entries(table)) {
    for (const [verb, least] of Object.entries(verbs)) {
      // Made of the table's own words; the compiler does not follow them through Object.entries.
      const permission = `${area}:${verb}` as GrantablePermission
      if (leastRoles.has(permission)) throw new Error(`the permission ${permission} is defined twice`)
      leastRoles.set(permission, least)
      defined.push(permission)
    }
  }
  granted.clear()
  return table
}

/** The least of the roles that has it. */
export function leastRoleOf(permission: GrantablePermission): Role {
  return leastRoles.get(permission) as Role
}

export function isPermission(text: string): text is GrantablePermission {
  return leastRoles.has(text as GrantablePermission)
}

/** What the database's second wall is told of them: those that write. */
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
 * Of a key: of its list, what the role of the member behind it still holds; all of it when the platform made it. What this
 * version does not know gives nothing.
 */
export function permissionsOfKey(list: readonly string[], makerRole: Role | null): ReadonlySet<Permission> {
  const known = list.filter(isPermission)
  if (makerRole === null) return new Set(known)
  const bound = permissionsOf(makerRole)
  return new Set(known.filter((permission) => bound.has(permission)))
}

/** Of the platform's people while a tenant lets them: to read everything, or to do a clerk's work besides. */
export function supportPermissions(access: 'READ' | 'WRITE'): ReadonlySet<Permission> {
  const reads = PERMISSIONS.filter((permission) => permission.endsWith(':read'))
  return new Set(access === 'READ' ? reads : [...reads, ...permissionsOf('STAFF')])
}

/** Throws FORBIDDEN, naming what is missing. */
export function requirePermission(held: ReadonlySet<Permission>, needed: Permission): void {
  if (held.has(needed)) return
  throw new AppError('FORBIDDEN', `this needs the permission ${needed}`, { permission: needed })
}
