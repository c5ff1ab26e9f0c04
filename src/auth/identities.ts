// Looks up who a caller is in a tenant, and caches it briefly: a member, an invited person, platform staff, a key.
// Verifies no credential.
import { LRUCache } from 'lru-cache'
import type { ReadApiKey } from '../core/api-key.ts'
import type { Clock } from '../core/clock.ts'
import type { Database, KnownKey, Membership, Scope, SupportLeave, TenantAddress } from '../db/database.ts'
import type { Actor } from './command-context.ts'
import type { IdentityInvalidation } from './identity-invalidation.ts'
import {
  ACCEPT_INVITATION,
  type Permission,
  permissionsOf,
  permissionsOfKey,
  supportPermissions,
  writesOf,
} from './permissions.ts'

/**
 * How long what the database said is believed, and so how long a removed member may still pass in other processes; the
 * promise is 5 s, including the time of a look-up. While the database tells of changes, what it said is renewed by hearing
 * of none.
 */
const CACHE_MS = 2_000
/** An identity is looked up again after this at the latest, which also records the use of a key, and a visit by staff. */
const IDENTITY_AGE_MAX_MS = 60_000
/** A member's takes 0.7 kB, a key's 1.6 kB: at most 50 MB. */
const IDENTITIES_MAX = 32_000
/** Callers who were found at the last look-up, 0.2 kB each: at most 13 MB. */
const GOOD_MAX = 64_000
/** Tenants whose last change is remembered; beyond it, everything from before the oldest of them is looked up again. */
const CHANGED_MAX = 10_000

/** The part of the context that all requests of a caller share. */
export type Identity = {
  readonly scope: Scope
  readonly tenantSlug: string
  readonly isSuspended: boolean
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
  /** When it expires; null: never. */
  readonly endsAtMs: number | null
}

/** At once when cached, otherwise as a promise; null: not found. */
type Answer = Identity | null | Promise<Identity | null>

export type Identities = {
  /**
   * `email`: from normalizeEmail, here and below, so that different spellings share a cache entry. `guarded` wraps the
   * look-up of a caller who was not found the last time.
   */
  ofPerson(tenantSlug: string, email: string, guarded: Guarded): Answer
  ofSupport(tenantSlug: string, email: string, guarded: Guarded): Answer
  ofKey(key: ReadApiKey, guarded: Guarded): Answer
}

export type Guarded = (lookUp: () => Promise<Identity | null>) => Promise<Identity | null>

type Known = {
  identity: Answer
  readonly sinceMs: number
  /** Whose hearing the look-up began in; null: no changes were told. */
  readonly hearingId: number | null
  /** The number of the last change that was known when the look-up began. */
  readonly change: number
}

/** `cacheMs`: how long an identity is cached. */
export function createIdentities(options: {
  readonly database: Database
  readonly sessions: IdentityInvalidation
  readonly clock: Clock
  readonly cacheMs?: number | undefined
}): Identities {
  const { database, sessions, clock, cacheMs = CACHE_MS } = options
  const known = new LRUCache<string, Known>({ max: IDENTITIES_MAX })
  /** By their key in `known`, and kept longer than that cache: a caller who was found before skips the guard. */
  const good = new LRUCache<string, true>({ max: GOOD_MAX })
  let changes = 0
  /** The last change that is in no entry of `changed`. */
  let changesForgotten = 0
  const changed = new LRUCache<string, number>({
    max: CHANGED_MAX,
    dispose: (change, _, reason) => {
      if (reason === 'evict') changesForgotten = Math.max(changesForgotten, change)
    },
  })
  sessions.onForget((tenantId) => {
    changes += 1
    changed.set(tenantId, changes)
  })

  /** Whether no change is known that it may be from before. */
  function isUnchanged({ identity, change }: Known): boolean {
    // A look-up in progress may have read the state before the change, and a caller who was not found may exist now.
    if (identity === null || identity instanceof Promise) return change === changes
    return change >= Math.max(changesForgotten, changed.peek(identity.scope.tenantId) ?? 0)
  }

  /** When it was last known to be what the database says. */
  function knownAtMs({ identity, sinceMs, hearingId }: Known): number {
    // Invitations expire, and nobody tells of a new member.
    if (identity === null || identity instanceof Promise || identity.actor.kind === 'INVITED') return sinceMs
    const hearing = sessions.hearing()
    return hearing === null || hearing.id !== hearingId ? sinceMs : Math.max(sinceMs, hearing.untilMs)
  }

  function isBelieved(entry: Known, nowMs: number): boolean {
    return (
      isWithin(cacheMs, knownAtMs(entry), nowMs) &&
      isWithin(IDENTITY_AGE_MAX_MS, entry.sinceMs, nowMs) &&
      isUnchanged(entry) &&
      !hasEnded(entry.identity, nowMs)
    )
  }

  function find(key: string, resolve: () => Promise<Identity | null>, guarded: Guarded): Answer {
    const nowMs = clock().getTime()
    const entry = known.get(key)
    if (entry !== undefined && isBelieved(entry, nowMs)) return entry.identity
    const lookUp = async () => {
      const identity = await resolve()
      if (identity === null) good.delete(key)
      else good.set(key, true)
      return identity
    }
    // A caller who was found before is not blocked by failures from the same address.
    return ask(key, nowMs, good.get(key) === true ? lookUp : () => guarded(lookUp))
  }

  /**
   * The age counts from the start of the look-up, since a membership may change meanwhile. All waiters share the
   * look-up.
   */
  function ask(
    key: string,
    sinceMs: number,
    lookUp: () => Promise<Identity | null>,
  ): Promise<Identity | null> {
    const hearingId = sessions.hearing()?.id ?? null
    const change = changes
    const identity = lookUp()
    const entry: Known = { identity, sinceMs, hearingId, change }
    known.set(key, entry)
    identity.then(
      (settled) => {
        entry.identity = settled
      },
      () => {
        // A failure is not cached: the next request looks up again.
        if (known.peek(key) === entry) known.delete(key)
      },
    )
    return identity
  }

  // Claims and headers contain no control characters, so the separator is unambiguous.
  return {
    ofPerson: (tenantSlug, email, guarded) =>
      find(
        `person\n${tenantSlug}\n${email}`,
        async () => personOf(await database.resolveMember(tenantSlug, email), email),
        guarded,
      ),
    ofSupport: (tenantSlug, email, guarded) =>
      find(
        `support\n${tenantSlug}\n${email}`,
        async () => supportOf(await database.resolveSupport(tenantSlug, email), email),
        guarded,
      ),
    // Compared by hash, here and in the database's index. The timing of the comparison reveals the hash but nothing of
    // the secret, so it need not be constant.
    ofKey: ({ tenantId, hash }, guarded) =>
      find(
        `key\n${Buffer.from(hash).toString('hex')}`,
        async () => keyOf(await database.resolveApiKey(tenantId, hash)),
        guarded,
      ),
  }
}

/** False for a time in the future, which a clock that was set back gives. */
function isWithin(ms: number, sinceMs: number, nowMs: number): boolean {
  return nowMs >= sinceMs && nowMs - sinceMs < ms
}

function hasEnded(identity: Answer, nowMs: number): boolean {
  if (identity === null || identity instanceof Promise) return false
  return identity.endsAtMs !== null && nowMs >= identity.endsAtMs
}

function personOf(membership: Membership | null, email: string): Identity | null {
  if (membership === null) return null
  if (membership.memberId === null) {
    const actor = { kind: 'INVITED', id: membership.invitationId, email } as const
    return identityOf(membership, actor, new Set([ACCEPT_INVITATION] as const))
  }
  const { memberId: id, role } = membership
  return identityOf(membership, { kind: 'MEMBER', id, role, email }, permissionsOf(role))
}

function supportOf(leave: SupportLeave | null, email: string): Identity | null {
  if (leave === null) return null
  const actor = { kind: 'SUPPORT', id: leave.grantId, email } as const
  return identityOf(leave, actor, supportPermissions(leave.access), leave.expiresAt)
}

function keyOf(key: KnownKey | null): Identity | null {
  if (key === null) return null
  const actor = { kind: 'API_KEY', id: key.keyId, name: key.name } as const
  return identityOf(key, actor, permissionsOfKey(key.permissions, key.makerRole), key.expiresAt)
}

/** By the set, of which a role's members share one. */
const writesKnown = new WeakMap<ReadonlySet<Permission>, string>()

function sharedWritesOf(permissions: ReadonlySet<Permission>): string {
  const known = writesKnown.get(permissions)
  if (known !== undefined) return known
  const writes = writesOf(permissions)
  writesKnown.set(permissions, writes)
  return writes
}

function identityOf(
  { tenantId, tenantSlug, tenantStatus }: TenantAddress,
  actor: Actor,
  permissions: ReadonlySet<Permission>,
  endsAt: Date | null = null,
): Identity {
  return {
    scope: { tenantId, writes: sharedWritesOf(permissions), caller: `${actor.kind} ${actor.id}` },
    tenantSlug,
    isSuspended: tenantStatus === 'SUSPENDED',
    actor,
    permissions,
    endsAtMs: endsAt?.getTime() ?? null,
  }
}
