// Who may do what: the one table of roles and permissions. Checked for reads on the document before it runs, and for
// writes in the pipeline.
import { AppError } from '../core/errors.ts'

export const ROLES = ['OWNER', 'ADMIN', 'STAFF', 'VIEWER'] as const
export type Role = (typeof ROLES)[number]

/** The least of the roles that may do a thing: every role before it in ROLES may, too. */
const LEAST_ROLE = {
  catalogue: { read: 'VIEWER', write: 'STAFF' },
  stock: { read: 'VIEWER', write: 'STAFF' },
  customers: { read: 'VIEWER', write: 'STAFF' },
  orders: { read: 'VIEWER', write: 'STAFF' },
  payments: { read: 'VIEWER', take: 'STAFF', refund: 'ADMIN', manage: 'ADMIN' },
  ledger: { read: 'ADMIN' },
  members: { read: 'ADMIN', manage: 'ADMIN' },
  keys: { manage: 'ADMIN' },
  audit: { read: 'ADMIN' },
  integrity: { read: 'ADMIN' },
  tenant: { manage: 'OWNER' },
  support: { manage: 'OWNER' },
} as const satisfies Record<string, Record<string, Role>>

type Areas = typeof LEAST_ROLE

/** What a role or a key can be given: `catalogue:read`, … */
export type GrantablePermission = {
  [Area in keyof Areas]: `${Area}:${keyof Areas[Area] & string}`
}[keyof Areas]

/** No role has it: somebody who was invited may do this and nothing else. */
export const ACCEPT_INVITATION = 'invitations:accept'

export type Permission = GrantablePermission | typeof ACCEPT_INVITATION

const GRANTED: ReadonlyMap<Role, ReadonlySet<Permission>> = new Map(
  ROLES.map((role) => [role, new Set(grantedTo(role))]),
)

/** Every permission that there is to give, in the table's order. */
export const PERMISSIONS: readonly GrantablePermission[] = grantedTo('OWNER')

/** The least of the roles that has it. */
export function leastRoleOf(permission: GrantablePermission): Role {
  return ROLES.findLast((role) => permissionsOf(role).has(permission)) as Role
}

export function isPermission(text: string): text is GrantablePermission {
  return (PERMISSIONS as readonly string[]).includes(text)
}

/** What the database's second wall is told of them: those that write. */
export function writesOf(granted: ReadonlySet<Permission>): string {
  return [...granted].filter((permission) => !permission.endsWith(':read')).join()
}

function grantedTo(role: Role): GrantablePermission[] {
  return Object.entries(LEAST_ROLE).flatMap(([area, verbs]) =>
    Object.entries(verbs).flatMap(([verb, least]) =>
      // Made of the table's own words; the compiler does not follow them through Object.entries.
      ROLES.indexOf(role) <= ROLES.indexOf(least) ? [`${area}:${verb}` as GrantablePermission] : [],
    ),
  )
}

export function permissionsOf(role: Role): ReadonlySet<Permission> {
  return GRANTED.get(role) as ReadonlySet<Permission>
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
export function requirePermission(granted: ReadonlySet<Permission>, needed: Permission): void {
  if (granted.has(needed)) return
  throw new AppError('FORBIDDEN', `this needs the permission ${needed}`, { permission: needed })
}
