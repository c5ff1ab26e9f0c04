// The members of the demo shops, one for each role. Pure.
import type { Shop } from './shop.ts'
import { acme } from './words/acme.ts'
import { globex } from './words/globex.ts'

const ROLES = ['OWNER', 'ADMIN', 'STAFF', 'VIEWER'] as const

export function peopleOf({ people, mailDomain }: Shop) {
  return ROLES.map((role, index) => ({
    email: `${role.toLowerCase()}@${mailDomain}`,
    name: people[index] ?? role,
    role,
  }))
}

/** The demo tenants, each with its members. */
export function demoPeople() {
  return [acme, globex].map((shop) => ({ slug: shop.slug, name: shop.name, members: peopleOf(shop) }))
}
