// Signs development tokens, and parses the command line's durations. Never used in production.
import { createHmac, createSecretKey, type KeyObject, randomUUID } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { developmentIssuer } from './token-issuer.ts'

const DURATION_SECONDS_MAX = 30 * 86_400

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }
const DURATION = /^([1-9]\d{0,6})([smhd])$/

/** Seconds of a duration such as "15s", "30m", "1h" or "7d": 1 s to 30 days. Throws BAD_USER_INPUT. */
export function parseDuration(text: string): number {
  const [, count, unit] = DURATION.exec(text) ?? []
  const seconds = Number(count) * (UNIT_SECONDS[unit ?? ''] ?? Number.NaN)
  if (seconds <= DURATION_SECONDS_MAX) return seconds
  throw new AppError(
    'BAD_USER_INPUT',
    `"${text}" is not a duration from 1s to 30d (such as 15s, 30m, 1h, 7d)`,
  )
}

/** The HS256 signature of a token's first two parts, base64url. */
export function signHs256(signingInput: string, key: KeyObject): string {
  return createHmac('sha256', key).update(signingInput).digest('base64url')
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * A token that this server accepts from its development issuer: the e-mail is the subject, and counts as verified.
 * Throws BAD_USER_INPUT for a life outside 1 s to 30 days.
 */
export function signDevelopmentToken(options: {
  secret: Uint8Array
  tenant: string
  email: string
  expiresInSeconds: number
  clock: Clock
  /** Platform staff, who are not members. */
  isSupport?: boolean
  newId?: () => string
}): string {
  const { secret, tenant, email, expiresInSeconds, clock, isSupport = false, newId = randomUUID } = options
  if (!(expiresInSeconds >= 1 && expiresInSeconds <= DURATION_SECONDS_MAX)) {
    throw new AppError('BAD_USER_INPUT', 'a development token lives from 1 second to 30 days')
  }
  const { issuer, audience, tenantClaim, supportClaim } = developmentIssuer(secret)
  const iat = Math.floor(clock().getTime() / 1_000)
  const signingInput = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({
    iss: issuer,
    aud: audience,
    sub: email,
    email,
    email_verified: true,
    [tenantClaim]: tenant,
    ...(isSupport && { [supportClaim]: true }),
    iat,
    exp: iat + Math.floor(expiresInSeconds),
    jti: newId(),
  })}`
  return `${signingInput}.${signHs256(signingInput, createSecretKey(secret))}`
}
