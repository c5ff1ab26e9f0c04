// The configuration of token issuers: its schema and rules. Reads no environment, fetches nothing.
import { z } from 'zod'
import { isLoopbackName } from '../core/loopback.ts'
import { isSlug } from '../core/slug.ts'

const ACCESS_TOKEN_TYPE = 'at+jwt'

/** A trusted OpenID or OAuth issuer: its key URL, and the claim that names the tenant. */
export type IssuerConfig = {
  issuer: string
  /** Default: from its OpenID discovery document. */
  jwksUri?: string | undefined
  audience: string
  algorithms: string[]
  /**
   * Only access tokens (RFC 9068) are accepted. Default: every token for its audience, including ID tokens where the
   * audience is an application.
   */
  tokenType?: typeof ACCESS_TOKEN_TYPE | undefined
  /** Contains a tenant's slug, or an array of several to choose among. Default: the caller names the tenant. */
  tenantClaim?: string | undefined
  /** The tenants for which it may issue tokens, such as a merchant's own issuer for that merchant. Default: all. */
  tenants?: string[] | undefined
  /** The claim that is `true` for platform staff. Default: the issuer has none. */
  supportClaim?: string | undefined
  /** The claim with the person's address, by which members are found. Default: `email`. */
  emailClaim?: string | undefined
  /**
   * false: an address is accepted without `email_verified`, because this issuer gives nobody an address that is not
   * theirs. Default: only a verified address is accepted.
   */
  requireVerifiedEmail?: boolean | undefined
}

export const DEVELOPMENT_ISSUER = 'urn:bulkhead:development'
const DEVELOPMENT_AUDIENCE = 'bulkhead'
const DEVELOPMENT_TENANT_CLAIM = 'tenant'
const DEVELOPMENT_SUPPORT_CLAIM = 'support'
/** RFC 7518, 3.2: an HS256 key is at least as long as its hash. */
const DEVELOPMENT_SECRET_BYTES_MIN = 32

/** This server's own issuer of HS256 tokens, for development; config.ts allows none in production. */
export type DevelopmentIssuer = {
  issuer: typeof DEVELOPMENT_ISSUER
  audience: typeof DEVELOPMENT_AUDIENCE
  secret: Uint8Array
  tenantClaim: typeof DEVELOPMENT_TENANT_CLAIM
  supportClaim: typeof DEVELOPMENT_SUPPORT_CLAIM
}

/** The development issuer with a secret. Throws a plain Error for a secret under 32 bytes. */
export function developmentIssuer(secret: Uint8Array): DevelopmentIssuer {
  if (secret.byteLength < DEVELOPMENT_SECRET_BYTES_MIN) {
    throw new Error(`the development secret must hold at least ${DEVELOPMENT_SECRET_BYTES_MIN} bytes`)
  }
  return {
    issuer: DEVELOPMENT_ISSUER,
    audience: DEVELOPMENT_AUDIENCE,
    secret,
    tenantClaim: DEVELOPMENT_TENANT_CLAIM,
    supportClaim: DEVELOPMENT_SUPPORT_CLAIM,
  }
}

const ISSUERS_MAX = 20
const NAME_LENGTH_MAX = 255
const URI_LENGTH_MAX = 2_048

/** No "none" and no HS…: with a shared secret, a server that can verify a token can also forge one. */
const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

/** Keys fetched over plain http could be replaced on the way, and with them every identity. */
export function isSafeKeyAddress(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackName(url.hostname))
}

/** Its discovery document has a URL below the issuer's (OpenID Connect Discovery 1.0, 4.1). */
function canBeAsked(issuer: string): boolean {
  const url = URL.parse(issuer)
  return isSafeKeyAddress(issuer) && url?.search === '' && url.hash === ''
}

const issuerConfigSchema = z.strictObject({
  issuer: z
    .string()
    .min(1)
    .max(NAME_LENGTH_MAX)
    .refine((issuer) => issuer !== DEVELOPMENT_ISSUER, `"${DEVELOPMENT_ISSUER}" is reserved`),
  jwksUri: z
    .string()
    .max(URI_LENGTH_MAX)
    .refine(isSafeKeyAddress, 'must be an https address without a user name (http only for loopback)')
    .optional(),
  audience: z.string().min(1).max(NAME_LENGTH_MAX),
  algorithms: z.array(z.enum(ASYMMETRIC_ALGORITHMS)).min(1),
  tokenType: z.literal(ACCESS_TOKEN_TYPE).optional(),
  tenantClaim: z.string().min(1).max(NAME_LENGTH_MAX).optional(),
  tenants: z.array(z.string().refine(isSlug, 'must be the address of a tenant')).min(1).optional(),
  supportClaim: z.string().min(1).max(NAME_LENGTH_MAX).optional(),
  emailClaim: z.string().min(1).max(NAME_LENGTH_MAX).optional(),
  requireVerifiedEmail: z.boolean().optional(),
})

/** The trusted issuers, each listed once; unknown settings are errors. */
const issuerConfigsSchema = z
  .array(
    issuerConfigSchema.refine(({ issuer, jwksUri }) => jwksUri !== undefined || canBeAsked(issuer), {
      path: ['jwksUri'],
      error:
        'is required where the issuer is no https address (http only for loopback) to find the keys from',
    }),
  )
  .max(ISSUERS_MAX)
  .refine(
    (configs) => new Set(configs.map((config) => config.issuer)).size === configs.length,
    'each issuer may be listed once',
  )

/** The value of AUTH_ISSUERS: the JSON text of the array above. */
export const authIssuersSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JSON array of issuers' })
      return z.NEVER
    }
  })
  .pipe(issuerConfigsSchema)
