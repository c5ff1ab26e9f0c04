// From a request's credential to a caller: a person's token, or a program's key, and the tenant that is meant. Whom the
// database knows is identities.ts's; signatures are verify-token.ts's.

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
/** An issuer whose tokens vouch for no address is told of this often, however many of them come. */
const UNVERIFIED_TOLD_EVERY_MS = 60_000
/** Names the tenant that a person means, where their token does not. */
const TENANT_HEADER = 'bulkhead-tenant'
/** For people an issuer has vouched for: ten times what is let pass of keys, which anybody can make up. */
const PEOPLE_FAILURES = { failuresMax: 1_000, failuresEverywhereMax: 20_000 }

/** What a request says of who sends it. */
export type Credentials = {
  readonly authorization: string | undefined
  /** Of TENANT_HEADER. */
  readonly tenant: string | undefined
  /** Where it came from. */
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
   * The caller behind a request: at once when everything is known, else as a promise. Throws (or rejects with)
   * UNAUTHENTICATED for a missing or bad credential, TENANT_REQUIRED where none is named, FORBIDDEN for somebody who is
   * no member or whose tenant is suspended, RATE_LIMITED from where too many were nobody, SERVICE_UNAVAILABLE when
   * that cannot be found out.
   */
  authenticate(credentials: Credentials, requestId: string): CommandContext | Promise<CommandContext>
  /** The tenants that a person may choose among with this token, by their slugs. Throws as above for the token itself. */
  tenantsOf(credentials: Credentials): Promise<TenantChoice[]>
}

export function createAuthenticator(options: {
  readonly verifier: TokenVerifier
  readonly database: Database
  readonly sessions: IdentityInvalidation
  readonly clock: Clock
  readonly logger: Logger
  /** Which keys are taken here. */
  readonly keyMode: KeyMode
  readonly cacheMs?: number
}): Authenticator {
  const { verifier, database, clock, logger, keyMode } = options
  const identities = createIdentities(options)
  const keys = createFailureGuard({ what: 'API keys' })
  /** Apart: what needs no look-up to be refused costs nobody else a look-up. */
  const malformedKeys = createFailureGuard({ what: 'malformed API keys' })
  const people = createFailureGuard({ what: 'people', ...PEOPLE_FAILURES })
  /** When each issuer was last told of; as many as there are issuers. */
  const toldAtMs = new Map<string, number>()

  /** The token's address. Throws FORBIDDEN where it lends none; which setting decides is for the operator alone. */
  function addressOf({ email, withoutEmail, issuer }: Claims): string {
    if (email !== null) return email
    if (withoutEmail !== 'UNVERIFIED') throw notAMember()
    const nowMs = clock().getTime()
    if (nowMs - (toldAtMs.get(issuer) ?? Number.NEGATIVE_INFINITY) >= UNVERIFIED_TOLD_EVERY_MS) {
      toldAtMs.set(issuer, nowMs)
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
      // Most requests log nothing of their own, and a child costs microseconds.
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

  /** Counts a key that needs no look-up to be refused. */
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
    // The same one again: known to be wrong, and a wrong one all the same.
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
      // The platform's people are no tenant's members, whatever their address; nor is somebody without one.
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

/** The token's tenant, or the one that the caller chose: never guessed, though there be only one. */
function tenantOf(claims: Claims, asked: string | undefined): string {
  const { tenant } = claims
  if (tenant !== null && asked !== undefined && asked !== tenant) throw anotherTenant()
  const chosen = tenant ?? asked
  if (chosen === undefined) {
    const message = `say which tenant you mean in the header ${TENANT_HEADER}: GET /auth/tenants lists yours`
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
  return new AppError('UNAUTHENTICATED', "An API key is of one tenant: only a person's token lists tenants.")
}

/** The same for an unknown tenant, an unknown person and a removed one: none can be told from another. */
function notAMember(): AppError {
  return new AppError('FORBIDDEN', 'You are not a member of this tenant.')
}

function noLeave(): AppError {
  return new AppError('FORBIDDEN', 'This tenant has not granted support access.')
}

function keyOfAnotherMode(mode: KeyMode): AppError {
  return new AppError('UNAUTHENTICATED', `bk_${mode}_… keys are not for here`)
}

/** The same for a key that never was, that was revoked, and that has expired. */
function noSuchKey(): AppError {
  return new AppError('UNAUTHENTICATED', 'This API key is not valid.')
}
