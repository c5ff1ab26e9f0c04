// The desk's permissions, each with the lowest role that has it.
import { type AreasOf, definePermissions } from '../auth/permissions.ts'

const DESK = definePermissions({
  members: { read: 'ADMIN', manage: 'ADMIN' },
  keys: { manage: 'ADMIN' },
  audit: { read: 'ADMIN' },
  integrity: { read: 'ADMIN' },
  tenant: { manage: 'OWNER' },
  support: { manage: 'OWNER' },
})

declare module '../auth/permissions.ts' {
  interface PermissionAreas extends AreasOf<typeof DESK> {}
}
