// Everybody who may call a tenant's API: its roles, its keys, and platform staff; and the verdicts on their answers.
import { inspect } from 'node:util'
import {
  type GrantablePermission,
  PERMISSIONS,
  type Permission,
  permissionsOf,
  ROLES,
  supportPermissions,
} from '../../src/auth/permissions.ts'
import type { Answer, Api, TenantKey } from '../support/api.ts'
import { apiKeyWith, letSupportIn, supportToken } from '../support/credentials.ts'
import { rowsOf } from './every-field.ts'

export interface Bearer {
  who: string
  permissions: ReadonlySet<Permission>
  send(source: string, variables?: Record<string, unknown>): Promise<Answer>
}

const keys = new WeakMap<Api, Map<string, Promise<Bearer>>>()

/** A caller with an API key with exactly these permissions. */
export function keyWith(
  api: Api,
  tenant: TenantKey,
  permissions: readonly GrantablePermission[],
): Promise<Bearer> {
  const known = keys.get(api) ?? new Map<string, Promise<Bearer>>()
  keys.set(api, known)
  const name = `${tenant}: ${permissions.join(', ')}`
  const made = known.get(name) ?? makeKey(api, tenant, permissions)
  known.set(name, made)
  return made
}

async function makeKey(
  api: Api,
  tenant: TenantKey,
  permissions: readonly GrantablePermission[],
): Promise<Bearer> {
  const secret = await apiKeyWith(api, tenant, permissions)
  const who = `a key with ${permissions.length} permission(s), ${permissions.join(', ')}`
  return { who, permissions: new Set(permissions), send: api.bearing(secret).send }
}

/** Every role, a key for each permission, and platform staff with READ access. */
export async function everybody(api: Api, tenant: TenantKey): Promise<Bearer[]> {
  const members = ROLES.map((role) => ({
    who: role,
    permissions: permissionsOf(role),
    send: api.as(tenant, role).send,
  }))
  const single: Bearer[] = []
  for (const permission of PERMISSIONS) single.push(await keyWith(api, tenant, [permission]))
  await letSupportIn(api, tenant, { access: 'READ' })
  const support = {
    who: 'support that may read',
    permissions: supportPermissions('READ'),
    send: api.bearing(supportToken(tenant)).send,
  }
  return [...members, ...single, support]
}

export const lacks = ({ permissions }: Bearer, needed: readonly Permission[]) =>
  needed.some((permission) => !permissions.has(permission))

/**
 * Null when the answer only has errors that name a missing permission, and shows nothing of the field that needs it: of any
 * field that the document calls `answer` or `other`.
 */
export function wronglyTaken(
  { who, permissions }: Bearer,
  needed: readonly Permission[],
  answer: Answer,
): string | null {
  const missing = needed.filter((permission) => !permissions.has(permission))
  const isRefused =
    answer.errors.length > 0 &&
    answer.errors.every(
      ({ code, extensions }) =>
        code === 'FORBIDDEN' && missing.some((permission) => permission === extensions.permission),
    )
  return isRefused && !shows(answer.data, ['answer', 'other'])
    ? null
    : `${who} lacks ${missing} and was answered ${shown(answer)}`
}

/** Whether a field of one of these names is anything but null, anywhere in the data. */
export function shows(data: unknown, names: readonly string[]): boolean {
  if (typeof data !== 'object' || data === null) return false
  return Object.entries(data).some(
    ([name, value]) => (names.includes(name) && value !== null) || shows(value, names),
  )
}

/**
 * Null when a caller with all needed permissions was let through. Some cases need more (nobody gives another what they
 * lack): a refusal is accepted only if it names a permission beyond `needed`.
 */
export function wronglyRefused(
  { who, permissions }: Bearer,
  needed: readonly Permission[],
  answer: Answer,
): string | null {
  const isOfMore = answer.errors.every(({ code, extensions }) => {
    const named = extensions.permission as Permission
    return code === 'FORBIDDEN' && named !== undefined && !permissions.has(named) && !needed.includes(named)
  })
  return isOfMore ? null : `${who} has ${needed} and was answered ${shown(answer)}`
}

const shown = (answer: Answer) => inspect(answer, { depth: 5, breakLength: 200 }).slice(0, 400)

/** All rows of a tenant, except what a call itself changes: when a key was last used. */
export async function rowsBesideUse(api: Api, tenant: TenantKey): ReturnType<typeof rowsOf> {
  const rows = await rowsOf(api.database, api.tenantIds[tenant])
  for (const key of rows.api_keys ?? []) delete key.last_used_at
  return rows
}
