// What somebody may do now, asked of the database anew: the front door may be two seconds behind, and what they make
// (a key, a colleague) would outlive them. Grants nothing.
import type { Transaction } from '../db/database.ts'
import type { CommandContext } from './command-context.ts'
import { type Permission, permissionsOf, permissionsOfKey, type Role } from './permissions.ts'

/** `until`: when it ends by itself; null: it does not. */
export type CurrentPermissions = {
  readonly permissions: ReadonlySet<Permission>
  readonly until: Date | null
}

/** Behind a key: the member who made it, though other keys be between. */
export type Makers = {
  /** As it is, or was when they left; null: the platform made it, and nothing but its list bounds it. */
  readonly role: Role | null
  /** The key was revoked, or one that made it. */
  readonly wasEnded: boolean
}

const NOTHING: CurrentPermissions = { permissions: new Set(), until: null }

export async function currentPermissionsOf(
  tx: Transaction,
  { actor, permissions, clock }: CommandContext,
): Promise<CurrentPermissions> {
  if (actor.kind === 'MEMBER') {
    const member = await tx.member.findFirst({ where: { id: actor.id, status: 'ACTIVE' } })
    return member === null ? NOTHING : { permissions: permissionsOf(member.role), until: null }
  }
  if (actor.kind === 'API_KEY') return await currentPermissionsOfKey(tx, actor.id, clock())
  return { permissions, until: null }
}

/** Of a key that is not there, was revoked or has expired: nothing. */
export async function currentPermissionsOfKey(
  tx: Transaction,
  id: string,
  now: Date,
): Promise<CurrentPermissions> {
  const key = await tx.apiKey.findFirst({ where: { id } })
  const makers = await makersOf(tx, id)
  if (key === null || makers.wasEnded) return NOTHING
  const { expiresAt: until } = key
  if (until !== null && until <= now) return NOTHING
  return { permissions: permissionsOfKey(key.permissions, makers.role), until }
}

export async function makersOf(tx: Transaction, keyId: string): Promise<Makers> {
  const [row] = await tx.$queryRaw<[{ maker_role: Role | null; was_ended: boolean }]>`
    SELECT maker_role, was_ended FROM app.makers_of(${keyId}::uuid)`
  return { role: row.maker_role, wasEnded: row.was_ended }
}
