// Permissions that exist only in tests: for VIEWER, STAFF and ADMIN, whichever modules there are.
import { type AreasOf, definePermissions } from '../../src/auth/permissions.ts'

const EXAMPLES = definePermissions({
  things: { read: 'VIEWER', write: 'STAFF', refund: 'ADMIN' },
  places: { read: 'VIEWER', write: 'STAFF' },
})

declare module '../../src/auth/permissions.ts' {
  interface PermissionAreas extends AreasOf<typeof EXAMPLES> {}
}
