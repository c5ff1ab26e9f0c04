// Tells whether a member or a key may do something now, and why. Reads only; the answer is the same as
// authentication's.
import type { CommandContext } from '../../auth/command-context.ts'
import { type Makers, makersOf } from '../../auth/current-permissions.ts'
import {
  isPermission,
  leastRoleOf,
  permissionsOf,
  permissionsOfKey,
  ROLES,
  type Role,
  requirePermission,
} from '../../auth/permissions.ts'
import type { ApiKey, Member } from '../../generated/prisma/client.ts'
import { statusOf } from '../keys/api-key.ts'

const ACCESS_REASONS = [
  'GRANTED',
  'PERMISSION_UNKNOWN',
  'ROLE_LACKS',
  'MEMBER_REMOVED',
  'KEY_LACKS',
  'KEY_MAKER_LACKS',
  'KEY_EXPIRED',
  'KEY_REVOKED',
  'SUPPORT_LACKS',
  'NOT_FOUND',
] as const
export type AccessReason = { readonly code: (typeof ACCESS_REASONS)[number]; readonly message: string }

export type AccessAnswer = { readonly allowed: boolean; readonly reasons: readonly AccessReason[] }

/** The member or key to check, by row id. CALLER: the caller. */
export type Subject =
  | { readonly kind: 'MEMBER'; readonly id: string }
  | { readonly kind: 'API_KEY'; readonly id: string }
  | { readonly kind: 'CALLER' }

export type AccessQuestion = {
  readonly subject: Subject
  readonly permission: string
  /** Whether the named object belongs to this tenant; null when none was named. */
  readonly isHere: boolean | null
}

/**
 * Reads the subject's current rows, bypassing the identity cache. Returns every reason against it at once. Another
 * tenant's member, key or object counts as missing.
 */
export async function checkAccess(
  caller: CommandContext,
  { subject, permission, isHere }: AccessQuestion,
): Promise<AccessAnswer> {
  const granted = await grantOf(caller, subject, permission)
  const against = [
    ...granted.against,
    ...(isPermission(permission) ? [] : [PERMISSION_UNKNOWN]),
    ...(isHere === false ? [NO_SUCH_OBJECT] : []),
  ]
  return against.length > 0
    ? { allowed: false, reasons: against }
    : { allowed: true, reasons: [{ code: 'GRANTED', message: granted.by }] }
}

/** `by`: what grants it if nothing is against it. */
type Grant = { readonly by: string; readonly against: readonly AccessReason[] }

const PERMISSION_UNKNOWN = {
  code: 'PERMISSION_UNKNOWN',
  message: 'there is no such permission: `roles` lists them',
} as const
const NO_SUCH_OBJECT = { code: 'NOT_FOUND', message: 'there is no such object' } as const
const NO_SUCH_SUBJECT: Grant = {
  by: '',
  against: [{ code: 'NOT_FOUND', message: 'there is no such member or key' }],
}

async function grantOf(caller: CommandContext, subject: Subject, permission: string): Promise<Grant> {
  const { actor, clock, database, scope } = caller
  const { kind, id } = subject.kind === 'CALLER' ? actor : subject
  if (kind === 'MEMBER') {
    const member = await database.forTenant(scope).member.findFirst({ where: { id } })
    return member === null ? NO_SUCH_SUBJECT : grantOfMember(member, permission)
  }
  if (kind === 'API_KEY') {
    // A key may check itself; checking another needs the permission to list keys.
    if (id !== actor.id) requirePermission(caller.permissions, 'keys:manage')
    return await database.withTenant(scope, async (tx) => {
      const key = await tx.apiKey.findFirst({ where: { id } })
      if (key === null) return NO_SUCH_SUBJECT
      return grantOfKey(key, await makersOf(tx, id), permission, clock())
    })
  }
  const lacks = isPermission(permission) && !caller.permissions.has(permission)
  const message = `the support access does not include ${permission}`
  return {
    by: 'by the support access',
    against: lacks ? [{ code: 'SUPPORT_LACKS', message }] : [],
  }
}

function grantOfMember({ role, status }: Member, permission: string): Grant {
  const against: AccessReason[] = []
  if (status === 'REMOVED')
    against.push({ code: 'MEMBER_REMOVED', message: 'this person was removed from the tenant' })
  if (isPermission(permission) && !permissionsOf(role).has(permission)) {
    const having = rolesFrom(leastRoleOf(permission))
    against.push({ code: 'ROLE_LACKS', message: `${role} lacks ${permission}: ${having} may` })
  }
  return { by: `by the role ${role}`, against }
}

function grantOfKey(key: ApiKey, makers: Makers, permission: string, now: Date): Grant {
  const against: AccessReason[] = []
  const { revokedAt, expiresAt, permissions } = key
  if (revokedAt !== null)
    against.push({ code: 'KEY_REVOKED', message: `this key was revoked at ${revokedAt.toISOString()}` })
  else if (makers.wasEnded)
    against.push({ code: 'KEY_REVOKED', message: 'the key that made this key was revoked' })
  else if (expiresAt !== null && statusOf(key, now) === 'EXPIRED')
    against.push({ code: 'KEY_EXPIRED', message: `this key expired at ${expiresAt.toISOString()}` })
  if (isPermission(permission) && !permissions.includes(permission)) {
    const message = `the key's list lacks ${permission}: it never changes, so make another key`
    against.push({ code: 'KEY_LACKS', message })
  } else if (isPermission(permission) && !permissionsOfKey(permissions, makers.role).has(permission)) {
    const message = `the key was made by ${makers.role}, who lacks ${permission}: ${rolesFrom(leastRoleOf(permission))} may`
    against.push({ code: 'KEY_MAKER_LACKS', message })
  }
  return { by: "by the key's list", against }
}

function rolesFrom(least: Role): string {
  return ROLES.slice(0, ROLES.indexOf(least) + 1).join(', ')
}
