// Parses a token's text and checks its claims. Pure; checks no signature.
import { z } from 'zod'
import { EMAIL_LENGTH_MAX, isEmailAddress, normalizeEmail } from '../core/email.ts'
import { refused } from './token-refusal.ts'

/** The claims of a verified token. Frozen, and shared between requests with the same token. */
export type Claims = Readonly<{
  issuer: string
  subject: string
  /** Null: the caller names it. */
  tenant: string | null
  /** The only tenants for which it may be used; null: all. */
  tenants: readonly string[] | null
  /** Platform staff, who are not members. */
  isSupport: boolean
  /** From normalizeEmail; null: `withoutEmail` has the reason. */
  email: string | null
  withoutEmail: WithoutEmail | null
  tokenId: string | null
  expiresAt: Date
}>

/** Why a token has no usable address. UNVERIFIED: its issuer does not state that the address was verified. */
export type WithoutEmail = 'ABSENT' | 'NO_ADDRESS' | 'UNVERIFIED'

/** A parsed token; nothing in it may be trusted before its signature is checked. */
export type UnverifiedToken = {
  header: { alg: string; kid?: string }
  /** Its type is that of an access token (RFC 9068), which no other token may have. */
  isAccessToken: boolean
  issuer: string
  payload: Readonly<Record<string, unknown>>
  signingInput: string
  signature: string
}

type ClaimRules = {
  readonly issuer: string
  readonly audience: string
  readonly tenantClaim?: string | undefined
  readonly tenants?: readonly string[] | undefined
  readonly supportClaim?: string | undefined
  readonly emailClaim?: string | undefined
  readonly requireVerifiedEmail?: boolean | undefined
}

/** Proxies and browsers limit a header to about this length too. */
export const TOKEN_LENGTH_MAX = 8_192
/** Clocks kept by NTP differ far less; more would only prolong an expired token. */
const CLOCK_TOLERANCE_SECONDS = 5

const NAME_LENGTH_MAX = 255
const TENANT_LENGTH_MAX = 63
const AUDIENCES_MAX = 32
const TENANTS_MAX = 200
const TIME_SECONDS_MAX = 8_640_000_000_000

const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/
const ACCEPTED_TYPE = /^(application\/)?(at\+)?jwt$/i
const ACCESS_TOKEN_TYPE = /^(application\/)?at\+jwt$/i
/**
 * No control characters or lone surrogates: PostgreSQL refuses or replaces them, so that two names could become one.
 */
const PLAIN_TEXT = /^[^\p{Cc}\p{Cs}]+$/u

const text = (lengthMax: number) => z.string().max(lengthMax).regex(PLAIN_TEXT)
const timeSeconds = z.number().nonnegative().max(TIME_SECONDS_MAX)

/** Keys named by the token itself, and extensions that a verifier must understand; we support none. */
const FORBIDDEN_HEADERS = ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'zip'] as const

const headerSchema = z.object({
  alg: z.string().max(16),
  typ: z.string().max(32).optional(),
  kid: z.string().max(NAME_LENGTH_MAX).optional(),
})

/** Types are never coerced. Unlisted claims are dropped, since issuers add their own. */
const claimsSchema = z.object({
  iss: text(NAME_LENGTH_MAX),
  sub: text(NAME_LENGTH_MAX),
  aud: z.union([text(NAME_LENGTH_MAX), z.array(text(NAME_LENGTH_MAX)).max(AUDIENCES_MAX)]).optional(),
  exp: timeSeconds,
  nbf: timeSeconds.optional(),
  iat: timeSeconds.optional(),
  jti: text(NAME_LENGTH_MAX).optional(),
  // Some issuers write the boolean as text (Amazon Cognito does): 'true' counts as true, and nothing else does.
  email_verified: z.union([z.boolean(), z.enum(['true', 'false'])]).nullish(),
})
const emailSchema = text(EMAIL_LENGTH_MAX).nullish()
const tenantSchema = z.union([text(TENANT_LENGTH_MAX), z.array(text(TENANT_LENGTH_MAX)).max(TENANTS_MAX)])

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decodeObject(segment: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(Buffer.from(segment, 'base64url'))) as unknown
  } catch (cause) {
    throw refused('malformed', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused('malformed')
  return value as Record<string, unknown> // narrowed just above; its values stay unknown
}

function readHeader(segment: string): Pick<UnverifiedToken, 'header' | 'isAccessToken'> {
  const raw = decodeObject(segment)
  if (FORBIDDEN_HEADERS.some((name) => name in raw)) throw refused('header')
  const header = headerSchema.safeParse(raw)
  if (!header.success) throw refused('malformed')
  const { alg, typ, kid } = header.data
  if (typ !== undefined && !ACCEPTED_TYPE.test(typ)) throw refused('type')
  const isAccessToken = typ !== undefined && ACCESS_TOKEN_TYPE.test(typ)
  return { header: kid === undefined ? { alg } : { alg, kid }, isAccessToken }
}

/** Parses a compact token and checks its header. Throws UNAUTHENTICATED; trusts nothing. */
export function readToken(token: string): UnverifiedToken {
  if (token.length > TOKEN_LENGTH_MAX) throw refused('malformed')
  const [, header, payload, signature] = COMPACT.exec(token) ?? []
  if (header === undefined || payload === undefined || signature === undefined) throw refused('malformed')
  const claims = decodeObject(payload)
  if (typeof claims.iss !== 'string') throw refused('issuer')
  return {
    ...readHeader(header),
    issuer: claims.iss,
    payload: claims,
    signingInput: token.slice(0, header.length + 1 + payload.length),
    signature,
  }
}

/** Checks the claims of a payload whose signature was verified. Throws UNAUTHENTICATED. */
export function checkClaims(payload: UnverifiedToken['payload'], rules: ClaimRules, nowMs: number): Claims {
  const parsed = claimsSchema.safeParse(payload)
  if (!parsed.success) throw refused('claims')
  const claims = parsed.data
  if (claims.iss !== rules.issuer) throw refused('issuer')
  const { aud } = claims
  if (!(typeof aud === 'string' ? aud === rules.audience : aud?.includes(rules.audience))) {
    throw refused('audience')
  }
  checkTimes(claims, nowMs / 1_000)
  const named = rules.tenantClaim === undefined ? null : readTenant(payload, rules.tenantClaim)
  return Object.freeze({
    issuer: claims.iss,
    subject: claims.sub,
    tenant: typeof named === 'string' ? named : null,
    tenants: Array.isArray(named) ? intersection(named, rules.tenants) : (rules.tenants ?? null),
    isSupport: rules.supportClaim !== undefined && payload[rules.supportClaim] === true,
    ...readEmail(payload, claims, rules),
    tokenId: claims.jti ?? null,
    expiresAt: new Date(claims.exp * 1_000),
  })
}

/** The address, or why there is none. A token with `email_verified: false` never has one. */
function readEmail(
  payload: UnverifiedToken['payload'],
  { email_verified: verified }: z.infer<typeof claimsSchema>,
  { emailClaim = 'email', requireVerifiedEmail = true }: ClaimRules,
): Pick<Claims, 'email' | 'withoutEmail'> {
  const said = emailSchema.safeParse(payload[emailClaim])
  if (!said.success) throw refused('claims')
  const email = normalizeEmail(said.data ?? '')
  if (email === '') return { email: null, withoutEmail: 'ABSENT' }
  if (!isEmailAddress(email)) return { email: null, withoutEmail: 'NO_ADDRESS' }
  const isVerified = verified === true || verified === 'true' || (verified == null && !requireVerifiedEmail)
  return isVerified ? { email, withoutEmail: null } : { email: null, withoutEmail: 'UNVERIFIED' }
}

function checkTimes(claims: z.infer<typeof claimsSchema>, nowSeconds: number): void {
  if (nowSeconds >= claims.exp + CLOCK_TOLERANCE_SECONDS) throw refused('expired')
  const validFrom = Math.max(claims.nbf ?? 0, claims.iat ?? 0)
  if (validFrom > nowSeconds + CLOCK_TOLERANCE_SECONDS) throw refused('not-yet-valid')
}

/** The tenants that the token names and the issuer may name. */
function intersection(named: readonly string[], allowed: readonly string[] | undefined): readonly string[] {
  return Object.freeze(named.filter((tenant) => allowed?.includes(tenant) ?? true))
}

function readTenant(payload: UnverifiedToken['payload'], claim: string): string | readonly string[] {
  const tenant = tenantSchema.safeParse(payload[claim])
  if (!tenant.success) throw refused('tenant')
  return tenant.data
}
