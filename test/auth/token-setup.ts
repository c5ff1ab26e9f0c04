// Shared by the token tests: an issuer with real keys, a movable clock, and the parsing of a refusal.
import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose'
import { expect } from 'vitest'
import type { KeyTimings } from '../../src/auth/issuer-keys.ts'
import { developmentIssuer, type IssuerConfig } from '../../src/auth/token-issuer.ts'
import { createTokenVerifier } from '../../src/auth/verify-token.ts'
import { AppError } from '../../src/core/errors.ts'
import { createLogger } from '../../src/core/logger.ts'

export const ISSUER = 'https://issuer.example'
export const SECRET = new TextEncoder().encode('a secret of thirty-two bytes or more')

export type SigningKey = { alg: string; kid: string; privateKey: CryptoKey; jwk: Record<string, unknown> }

export async function createSigningKey(alg: string, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export function createTestClock() {
  let nowMs = Date.parse('2030-01-01T00:00:00Z')
  const clock = () => new Date(nowMs)
  return Object.assign(clock, {
    seconds: () => nowMs / 1_000,
    advance(ms: number) {
      nowMs += ms
    },
  })
}
export type TestClock = ReturnType<typeof createTestClock>

export function createVerifier(
  jwksUri: string,
  clock: TestClock,
  more: {
    config?: Partial<IssuerConfig>
    keyTimings?: Partial<KeyTimings>
    development?: boolean
    log?: string[]
  } = {},
) {
  const config = {
    issuer: ISSUER,
    jwksUri,
    audience: 'shop-api',
    algorithms: ['RS256', 'ES256', 'EdDSA'],
    tenantClaim: 'https://bulkhead.example/tenant',
    ...more.config,
  }
  return createTokenVerifier({
    issuers: [config],
    development: more.development === false ? undefined : developmentIssuer(SECRET),
    clock,
    logger: createLogger('warn', { write: (line) => more.log?.push(line) }),
    keyTimings: more.keyTimings ?? {},
  })
}

export function validClaims(clock: TestClock): Record<string, unknown> {
  return {
    iss: ISSUER,
    aud: 'shop-api',
    sub: 'user-1',
    email: 'owner@acme.example',
    email_verified: true,
    'https://bulkhead.example/tenant': 'acme',
    iat: clock.seconds(),
    exp: clock.seconds() + 7_200,
    jti: randomUUID(),
  }
}

/** A signed token; a claim or header given as undefined is omitted. */
export function sign(
  key: SigningKey,
  clock: TestClock,
  claims: Record<string, unknown> = {},
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return new SignJWT({ ...validClaims(clock), ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.privateKey)
}

/** A compact token of any header and payload, with a given or computed signature. */
export function compact(
  header: object,
  payload: object,
  signature: string | ((input: string) => string),
): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${typeof signature === 'string' ? signature : signature(input)}`
}

/** The code and reason of a refusal. Fails the test for anything but an AppError. */
export async function refusal(call: () => unknown): Promise<string> {
  const error = await Promise.resolve()
    .then(call)
    .then(
      (value) => expect.fail(`accepted: ${JSON.stringify(value)}`),
      (reason: unknown) => reason,
    )
  if (!(error instanceof AppError)) throw error
  const { reason } = error.details
  return typeof reason === 'string' ? `${error.code} ${reason}` : error.code
}
