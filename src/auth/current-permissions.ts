// Reads the current permissions of a caller from the database. Authentication caches them for two seconds, which would
// be too long for creating a key or a member that outlives the caller's rights. Grants nothing.
import type { Transaction } from '../db/database.ts'
import type { CommandContext } from './command-context.ts'
import { type Permission, permissionsOf, permissionsOfKey, type Role } from './permissions.ts'

/** `until`: when the authority expires; null: never. */
export type CurrentPermissions = {
  readonly permissions: ReadonlySet<Permission>
  readonly until: Date | null
}

/** The member who made a key, directly or through other keys. */
export type Makers = {
  /**
   * The member's role, or the last one before they were removed; null: the platform made the key, and only its list
   * bounds it.
   */
  readonly role: Role | null
  /** The key, or one that made it, was revoked. */
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

/** The permissions of a key; none for a missing, revoked or expired one. */
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
