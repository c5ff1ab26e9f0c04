// From the Authorization header to a caller: the token's claims, and what the database says of that person now.
// Owns the cache of memberships; verifies no signature itself.
import type { Actor, Caller } from '../commands/caller.ts'
import { type Permission, permissionsOf } from '../commands/permissions.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, Membership, Scope } from '../db/database.ts'
import type { Claims } from './token-claims.ts'
import type { TokenVerifier } from './verify-token.ts'

/** A removed member may pass for this long on other processes; the promise is 5 s, a look-up's time included. */
const CACHE_MS = 2_000
const MEMBERSHIPS_MAX = 10_000
const BEARER = /^Bearer +([^\s]+) *$/i

export type Authenticator = {
  /**
   * The caller behind an Authorization header: at once when token and membership are known, else as a promise.
   * Throws (or rejects with) UNAUTHENTICATED for a missing or bad token, FORBIDDEN for somebody who is no member or
   * whose tenant is suspended, SERVICE_UNAVAILABLE when that cannot be found out.
   */
  authenticate(authorization: string | undefined, requestId: string): Caller | Promise<Caller>
  /** Looks this person up anew at the next request: call it when a membership has changed. */
  forget(tenantSlug: string, email: string): void
}

/** What is the same in all of a person's requests. Null: no member. */
type Identity = {
  readonly scope: Scope
  readonly tenantSlug: string
  readonly isSuspended: boolean
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
} | null

type Known = { identity: Identity | Promise<Identity>; readonly since: number }

export function createAuthenticator(options: {
  verifier: TokenVerifier
  database: Database
  clock: Clock
  logger: Logger
  /** How long a membership is believed without asking the database. */
  cacheMs?: number
}): Authenticator {
  const { verifier, database, clock, logger, cacheMs = CACHE_MS } = options
  /** In the order of their look-ups, so the first is always the oldest: a hit moves nothing. */
  const known = new Map<string, Known>()

  function identityOf(tenantSlug: string, email: string): Identity | Promise<Identity> {
    const key = keyOf(tenantSlug, email)
    const nowMs = clock().getTime()
    const entry = known.get(key)
    if (entry !== undefined && nowMs - entry.since < cacheMs) return entry.identity
    return lookUp(key, tenantSlug, email, nowMs)
  }

  /** Counts as of its start, since a membership may change while the answer travels. All who wait share it. */
  function lookUp(key: string, tenantSlug: string, email: string, since: number): Promise<Identity> {
    const identity = database.resolveMember(tenantSlug, email).then((found) => toIdentity(found, email))
    const entry: Known = { identity, since }
    known.delete(key)
    known.set(key, entry)
    if (known.size > MEMBERSHIPS_MAX) forgetOldest()
    identity.then(
      (settled) => {
        entry.identity = settled
      },
      () => {
        // A failure is nobody's membership: the next request asks again.
        if (known.get(key) === entry) known.delete(key)
      },
    )
    return identity
  }

  function forgetOldest(): void {
    for (const key of known.keys()) {
      known.delete(key)
      return
    }
  }

  function toCaller(identity: Identity, requestId: string): Caller {
    if (identity === null) throw notAMember()
    if (identity.isSuspended) throw new AppError('FORBIDDEN', 'this tenant is suspended')
    const { scope, tenantSlug, actor, permissions } = identity
    let child: Logger | undefined
    return {
      scope,
      tenantSlug,
      actor,
      permissions,
      requestId,
      database,
      clock,
      // Most requests log nothing of their own, and a child costs microseconds.
      get logger() {
        child ??= logger.child({ tenant: tenantSlug, requestId })
        return child
      },
    }
  }

  function callerOf({ tenant, email }: Claims, requestId: string): Caller | Promise<Caller> {
    if (email === null) throw notAMember()
    const identity = identityOf(tenant, email)
    return identity instanceof Promise
      ? identity.then((settled) => toCaller(settled, requestId))
      : toCaller(identity, requestId)
  }

  return {
    authenticate(authorization, requestId) {
      const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
      if (token === undefined) throw new AppError('UNAUTHENTICATED', 'A bearer token is required.')
      const claims = verifier.verify(token)
      return claims instanceof Promise
        ? claims.then((settled) => callerOf(settled, requestId))
        : callerOf(claims, requestId)
    },
    forget: (tenantSlug, email) => {
      known.delete(keyOf(tenantSlug, email))
    },
  }
}

/** Claims hold no control characters, so the separator cannot be part of either. */
function keyOf(tenantSlug: string, email: string): string {
  return `${tenantSlug}\n${email.toLowerCase()}`
}

/** The same for an unknown tenant, an unknown person and a removed one: none can be told from another. */
function notAMember(): AppError {
  return new AppError('FORBIDDEN', 'You are not a member of this tenant.')
}

function toIdentity(membership: Membership | null, email: string): Identity {
  if (membership === null) return null
  const { tenantId, tenantSlug, tenantStatus, memberId, role } = membership
  return {
    scope: { tenantId },
    tenantSlug,
    isSuspended: tenantStatus === 'SUSPENDED',
    actor: { kind: 'MEMBER', id: memberId, role, email },
    permissions: permissionsOf(role),
  }
}
