// The shop's permissions, each with the lowest role that has it.
import { type AreasOf, definePermissions } from '../auth/permissions.ts'

const SHOP = definePermissions({
  catalogue: { read: 'VIEWER', write: 'STAFF' },
  // Products that are not ACTIVE, with their variants: a key has it only by name.
  unpublished: { read: 'VIEWER' },
  stock: { read: 'VIEWER', write: 'STAFF' },
  customers: { read: 'VIEWER', write: 'STAFF' },
  orders: { read: 'VIEWER', write: 'STAFF' },
  payments: { read: 'VIEWER', take: 'STAFF', refund: 'ADMIN', manage: 'ADMIN' },
  ledger: { read: 'ADMIN' },
  // Sums of what every role may read one by one.
  figures: { read: 'VIEWER' },
})

declare module '../auth/permissions.ts' {
  interface PermissionAreas extends AreasOf<typeof SHOP> {}
}
