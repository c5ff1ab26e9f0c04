// Who may do what: the one table of roles and permissions. Checked for reads on the document before it runs, and for
// writes in the pipeline.
import { AppError } from '../core/errors.ts'

export const ROLES = ['OWNER', 'ADMIN', 'STAFF', 'VIEWER'] as const
export type Role = (typeof ROLES)[number]

const VIEWER = ['catalogue:read', 'stock:read', 'customers:read', 'orders:read'] as const
const STAFF = [...VIEWER, 'catalogue:write', 'stock:write', 'customers:write', 'orders:write'] as const
const ADMIN = [...STAFF, 'members:read'] as const
const OWNER = [...ADMIN, 'tenant:manage'] as const

export type Permission = (typeof OWNER)[number]

const GRANTED: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  OWNER: new Set(OWNER),
  ADMIN: new Set(ADMIN),
  STAFF: new Set(STAFF),
  VIEWER: new Set(VIEWER),
}

export function permissionsOf(role: Role): ReadonlySet<Permission> {
  return GRANTED[role]
}

/** Throws FORBIDDEN, naming what is missing. */
export function requirePermission(granted: ReadonlySet<Permission>, needed: Permission): void {
  if (granted.has(needed)) return
  throw new AppError('FORBIDDEN', `this needs the permission ${needed}`, { permission: needed })
}
