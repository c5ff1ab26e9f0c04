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
  members: { read: 'ADMIN' },
  integrity: { read: 'ADMIN' },
  tenant: { manage: 'OWNER' },
} as const satisfies Record<string, Record<string, Role>>

type Areas = typeof LEAST_ROLE

/** `catalogue:read`, … */
export type Permission = { [Area in keyof Areas]: `${Area}:${keyof Areas[Area] & string}` }[keyof Areas]

const GRANTED: ReadonlyMap<Role, ReadonlySet<Permission>> = new Map(
  ROLES.map((role) => [role, new Set(grantedTo(role))]),
)

function grantedTo(role: Role): Permission[] {
  return Object.entries(LEAST_ROLE).flatMap(([area, verbs]) =>
    Object.entries(verbs).flatMap(([verb, least]) =>
      // Made of the table's own words; the compiler does not follow them through Object.entries.
      ROLES.indexOf(role) <= ROLES.indexOf(least) ? [`${area}:${verb}` as Permission] : [],
    ),
  )
}

export function permissionsOf(role: Role): ReadonlySet<Permission> {
  return GRANTED.get(role) as ReadonlySet<Permission>
}

/** Throws FORBIDDEN, naming what is missing. */
export function requirePermission(granted: ReadonlySet<Permission>, needed: Permission): void {
  if (granted.has(needed)) return
  throw new AppError('FORBIDDEN', `this needs the permission ${needed}`, { permission: needed })
}
