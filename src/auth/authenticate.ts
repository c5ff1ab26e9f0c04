// Authenticates a request: from a person's token or an API key, and the tenant, to a CommandContext. identities.ts asks
// the database, verify-token.ts checks signatures.

import { type KeyMode, looksLikeApiKey, readApiKey } from '../core/api-key.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, TenantChoice } from '../db/database.ts'
import type { CommandContext } from './command-context.ts'
import { createFailureGuard } from './failure-guard.ts'
import { createIdentities, type Guarded, type Identity } from './identities.ts'
import type { IdentityInvalidation } from './identity-invalidation.ts'
import type { Claims } from './token-claims.ts'
import type { TokenVerifier } from './verify-token.ts'

const BEARER = /^Bearer +([^\s]+) *$/i
/** The interval of the warning about an issuer whose tokens have no verified address. */
const UNVERIFIED_WARNING_INTERVAL_MS = 60_000
/** Names the tenant of a request whose token does not. */
const TENANT_HEADER = 'bulkhead-tenant'
/** For people with a verified token: ten times the bounds of API keys, which anybody can invent. */
const PEOPLE_FAILURES = { failuresMax: 1_000, failuresEverywhereMax: 20_000 }

/** The credentials of a request. */
export type Credentials = {
  readonly authorization: string | undefined
  /** Of TENANT_HEADER. */
  readonly tenant: string | undefined
  /** The client's address. */
  readonly address: string
}

type HttpRequest = {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly ip: string
}

export function credentialsOf({ headers, ip }: HttpRequest): Credentials {
  const tenant = headers[TENANT_HEADER]
  return {
    authorization: headers.authorization as string | undefined, // Node gives it once, whatever was sent
    tenant: typeof tenant === 'string' && tenant !== '' ? tenant : undefined,
    address: ip,
  }
}

export type Authenticator = {
  /**
   * The caller of a request: at once when everything is cached, otherwise as a promise. Throws (or rejects with)
   * UNAUTHENTICATED for a missing or invalid credential, TENANT_REQUIRED when no tenant is named, FORBIDDEN for a
   * person who is not a member or a suspended tenant, RATE_LIMITED after too many failures from an address,
   * SERVICE_UNAVAILABLE when the database or an issuer cannot be reached.
   */
  authenticate(credentials: Credentials, requestId: string): CommandContext | Promise<CommandContext>
  /** The slugs of the tenants that a person may choose with this token. Throws as above for the token. */
  tenantsOf(credentials: Credentials): Promise<TenantChoice[]>
}

export function createAuthenticator(options: {
  readonly verifier: TokenVerifier
  readonly database: Database
  readonly sessions: IdentityInvalidation
  readonly clock: Clock
  readonly logger: Logger
  /** The mode of the keys that this server accepts. */
  readonly keyMode: KeyMode
  readonly cacheMs?: number
}): Authenticator {
  const { verifier, database, clock, logger, keyMode } = options
  const identities = createIdentities(options)
  const keys = createFailureGuard({ what: 'API keys' })
  /** Separate, so that keys that are refused without a look-up do not use up the look-ups of others. */
  const malformedKeys = createFailureGuard({ what: 'malformed API keys' })
  const people = createFailureGuard({ what: 'people', ...PEOPLE_FAILURES })
  /** The last warning per issuer; bounded by the number of issuers. */
  const warnedAtMs = new Map<string, number>()

  /** The token's address. Throws FORBIDDEN when it has none; only the log says which setting decides. */
  function addressOf({ email, withoutEmail, issuer }: Claims): string {
    if (email !== null) return email
    if (withoutEmail !== 'UNVERIFIED') throw notAMember()
    const nowMs = clock().getTime()
    if (nowMs - (warnedAtMs.get(issuer) ?? Number.NEGATIVE_INFINITY) >= UNVERIFIED_WARNING_INTERVAL_MS) {
      warnedAtMs.set(issuer, nowMs)
      logger.warn(
        { issuer },
        'a token was refused, since its issuer does not say email_verified: true; an issuer at which nobody can have ' +
          'an address that is not theirs may be given "requireVerifiedEmail": false in AUTH_ISSUERS',
      )
    }
    throw new AppError('FORBIDDEN', 'Your token does not say that your e-mail address is verified.')
  }

  function toCaller(identity: Identity | null, refusal: () => AppError, requestId: string): CommandContext {
    if (identity === null) throw refusal()
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
      // Most requests log nothing, and a child logger costs microseconds.
      get logger() {
        child ??= logger.child({ tenant: tenantSlug, requestId })
        return child
      },
    }
  }

  function personsCaller(claims: Claims, { tenant: asked, address }: Credentials, requestId: string) {
    const tenantSlug = tenantOf(claims, asked)
    const email = addressOf(claims)
    const guarded: Guarded = (lookUp) => people.attempt({ address, subject: email }, lookUp)
    const identity = claims.isSupport
      ? identities.ofSupport(tenantSlug, email, guarded)
      : identities.ofPerson(tenantSlug, email, guarded)
    const refusal = claims.isSupport ? noLeave : notAMember
    return identity instanceof Promise
      ? identity.then((settled) => toCaller(settled, refusal, requestId))
      : toCaller(identity, refusal, requestId)
  }

  /** Counts a failure for a key that is refused without a look-up. */
  async function refuse(address: string, refusal: AppError): Promise<never> {
    await malformedKeys.attempt({ address, subject: '' }, async () => null)
    throw refusal
  }

  function keysCaller(text: string, { tenant: asked, address }: Credentials, requestId: string) {
    const key = readApiKey(text)
    if (key === null) return refuse(address, noSuchKey())
    if (key.mode !== keyMode) return refuse(address, keyOfAnotherMode(key.mode))
    const found = (identity: Identity | null) => {
      if (identity !== null && asked !== undefined && asked !== identity.tenantSlug) throw anotherTenant()
      return toCaller(identity, noSuchKey, requestId)
    }
    const guarded: Guarded = (lookUp) => keys.attempt({ address, subject: key.tenantId }, lookUp)
    const identity = identities.ofKey(key, guarded)
    // The same key again: known to be invalid, and counted as a failure all the same.
    if (identity === null) return guarded(async () => null).then(() => Promise.reject(noSuchKey()))
    return identity instanceof Promise ? identity.then(found) : found(identity)
  }

  return {
    authenticate(credentials, requestId) {
      const text = bearerOf(credentials.authorization)
      if (looksLikeApiKey(text)) return keysCaller(text, credentials, requestId)
      const claims = verifier.verify(text)
      return claims instanceof Promise
        ? claims.then((settled) => personsCaller(settled, credentials, requestId))
        : personsCaller(claims, credentials, requestId)
    },
    async tenantsOf({ authorization, address }) {
      const text = bearerOf(authorization)
      if (looksLikeApiKey(text)) throw keysChooseNothing()
      const claims = await verifier.verify(text)
      // Platform staff are not members, whatever their address; nor is a person without an address.
      if (claims.isSupport || (claims.email === null && claims.withoutEmail !== 'UNVERIFIED')) return []
      const email = addressOf(claims)
      const memberships = await people.attempt({ address, subject: email }, async () => {
        const found = await database.membershipsOf(email)
        return found.length === 0 ? null : found
      })
      return (memberships ?? []).filter(({ slug }) => mayBeUsedFor(claims, slug))
    },
  }
}

function bearerOf(authorization: string | undefined): string {
  const text = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
  if (text === undefined) throw new AppError('UNAUTHENTICATED', 'A bearer token is required.')
  return text
}

/** The token's tenant, or the one in the header. Never guessed, even if the person has only one. */
function tenantOf(claims: Claims, asked: string | undefined): string {
  const { tenant } = claims
  if (tenant !== null && asked !== undefined && asked !== tenant) throw anotherTenant()
  const chosen = tenant ?? asked
  if (chosen === undefined) {
    const message = `name the tenant in the header ${TENANT_HEADER}: GET /auth/tenants lists yours`
    throw new AppError('TENANT_REQUIRED', message)
  }
  if (!mayBeUsedFor(claims, chosen)) throw notAMember()
  return chosen
}

function mayBeUsedFor({ tenant, tenants }: Claims, slug: string): boolean {
  return (tenant === null || tenant === slug) && (tenants?.includes(slug) ?? true)
}

function anotherTenant(): AppError {
  return new AppError('FORBIDDEN', `this credential is not for the tenant of the header ${TENANT_HEADER}`)
}

function keysChooseNothing(): AppError {
  return new AppError(
    'UNAUTHENTICATED',
    "An API key belongs to one tenant: only a person's token lists tenants.",
  )
}

/** The same error for an unknown tenant, an unknown person and a removed member, so that they cannot be told apart. */
function notAMember(): AppError {
  return new AppError('FORBIDDEN', 'You are not a member of this tenant.')
}

function noLeave(): AppError {
  return new AppError('FORBIDDEN', 'This tenant has not granted support access.')
}

function keyOfAnotherMode(mode: KeyMode): AppError {
  return new AppError('UNAUTHENTICATED', `this server does not accept bk_${mode}_… keys`)
}

/** The same error for an unknown, a revoked and an expired key. */
function noSuchKey(): AppError {
  return new AppError('UNAUTHENTICATED', 'This API key is not valid.')
}
