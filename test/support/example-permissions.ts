// Owns: permissions that only tests have, for what a viewer reads and a clerk writes: whichever modules there are, something
// takes them.
import { type AreasOf, definePermissions } from '../../src/auth/permissions.ts'

const EXAMPLES = definePermissions({
  things: { read: 'VIEWER', write: 'STAFF', refund: 'ADMIN' },
  places: { read: 'VIEWER', write: 'STAFF' },
})

declare module '../../src/auth/permissions.ts' {
  interface PermissionAreas extends AreasOf<typeof EXAMPLES> {}
}
