// Credentials besides the members' tokens: of platform staff and other people, support grants, and API keys inserted
// into the database.

import { signDevelopmentToken } from '../../src/auth/development-token.ts'
import type { GrantablePermission } from '../../src/auth/permissions.ts'
import { newApiKey } from '../../src/core/api-key.ts'
import { systemClock } from '../../src/core/clock.ts'
import { newId } from '../../src/core/ids.ts'
import { type Api, SECRET, SLUGS, type TenantKey } from './api.ts'
import { asOwner } from './database.ts'

const TOKEN_SECONDS = 3_600
export const SUPPORTER = 'sam@platform.example'

/** The token of a member of platform staff, for a tenant. */
export function supportToken(tenant: TenantKey, email = SUPPORTER): string {
  return personToken(tenant, email, true)
}

export function personToken(tenant: TenantKey, email: string, isSupport = false): string {
  return signDevelopmentToken({
    secret: SECRET,
    tenant: SLUGS[tenant],
    email,
    isSupport,
    expiresInSeconds: TOKEN_SECONDS,
    clock: systemClock,
  })
}

/** A grant for the given time, bypassing the API's rules; returns its id. */
export async function letSupportIn(
  api: Api,
  tenant: TenantKey,
  { access, seconds = TOKEN_SECONDS }: { access: 'READ' | 'WRITE'; seconds?: number },
): Promise<string> {
  const id = newId()
  await asOwner(api.database, api.tenantIds[tenant], (owner) =>
    owner.query(
      `INSERT INTO support_grants (id, access, reason, granted_by, expires_at)
       VALUES ($1, $2, 'a test', 'nobody', now() + make_interval(secs => $3))`,
      [id, access, seconds],
    ),
  )
  api.services.sessions.forget(api.tenantIds[tenant])
  return id
}

/** The secret of a new API key with these permissions. */
export async function apiKeyWith(
  api: Api,
  tenant: TenantKey,
  permissions: readonly GrantablePermission[],
): Promise<string> {
  const { secret, hash, hint } = newApiKey('test', api.tenantIds[tenant])
  await asOwner(api.database, api.tenantIds[tenant], (owner) =>
    owner.query(
      `INSERT INTO api_keys (id, name, hint, hash, permissions, created_by) VALUES ($1, 'a test', $2, $3, $4, 'nobody')`,
      [newId(), hint, Buffer.from(hash), permissions],
    ),
  )
  return secret
}
