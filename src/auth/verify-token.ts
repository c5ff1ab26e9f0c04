// Verifies a token: chooses its issuer, checks the signature, then the claims. Independent of HTTP, tenants and
// members.
import { createSecretKey, timingSafeEqual } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { signHs256 } from './development-token.ts'
import { createIssuerKeys, type IssuerKeys, KEY_TIMINGS, type KeyTimings } from './issuer-keys.ts'
import { type Claims, checkClaims, readToken, type UnverifiedToken } from './token-claims.ts'
import { type DevelopmentIssuer, developmentIssuer, type IssuerConfig } from './token-issuer.ts'
import { refused } from './token-refusal.ts'

/** The size of the cache of verdicts, in bytes; the least used are dropped first. Some 30,000 tokens of a usual length. */
const VERDICTS_BYTES_MAX = 32 * 1_048_576
/** What an entry takes besides its token, about. */
const VERDICT_BYTES = 600
/** The maximum age of a verdict under a public key, even if the token lives longer. */
const VERDICT_AGE_MAX_MS = 60_000

/** A verified token; while it is valid and `isKeyCurrent`, its signature need not be checked again. */
type Verdict = { claims: Claims; validUntilMs: number; isKeyCurrent: () => boolean }

export type TokenVerifier = {
  /**
   * The claims of a valid token: at once where no key must be fetched and no public key used, otherwise as a promise.
   * Throws (or rejects with) UNAUTHENTICATED and a reason, or SERVICE_UNAVAILABLE when an issuer's keys are needed and
   * cannot be fetched.
   */
  verify(token: string): Claims | Promise<Claims>
  /** Adds an issuer at run time: the development issuer's URL is known only when the server listens. */
  trust(config: IssuerConfig): void
}

/** A verifier for the given issuers, each with its own cache of keys. Fetches nothing until a token needs it. */
export function createTokenVerifier(options: {
  issuers: readonly IssuerConfig[]
  development?: DevelopmentIssuer | undefined
  clock: Clock
  fetch?: typeof globalThis.fetch
  logger: Logger
  keyTimings?: Partial<KeyTimings>
}): TokenVerifier {
  const { clock, logger, fetch = globalThis.fetch } = options
  const timings = { ...KEY_TIMINGS, ...options.keyTimings }
  const verdicts = new LRUCache<string, Verdict>({
    maxSize: VERDICTS_BYTES_MAX,
    sizeCalculation: (_, token) => token.length + VERDICT_BYTES,
  })
  const checkers = new Map<string, Checker>()
  const trust = (config: IssuerConfig): void => {
    const keys = createIssuerKeys({ config, clock, fetch, logger, timings })
    checkers.set(config.issuer, publicKeyChecker(config, keys, clock))
  }
  options.issuers.forEach(trust)
  if (options.development !== undefined) {
    checkers.set(options.development.issuer, developmentChecker(options.development, clock))
  }

  function remember(token: string, verdict: Verdict): Claims {
    verdicts.set(token, verdict)
    return verdict.claims
  }

  function verify(token: string): Claims | Promise<Claims> {
    const known = verdicts.get(token)
    if (known !== undefined && isGood(known, clock().getTime())) return known.claims
    const unverified = readToken(token)
    const check = checkers.get(unverified.issuer)
    if (check === undefined) throw refused('issuer')
    const verdict = check(token, unverified)
    return verdict instanceof Promise
      ? verdict.then((settled) => remember(token, settled))
      : remember(token, verdict)
  }

  return { verify, trust }
}

type Checker = (token: string, unverified: UnverifiedToken) => Verdict | Promise<Verdict>

/** HS256, synchronously: a promise on every request costs more than the hash. */
function developmentChecker(development: DevelopmentIssuer, clock: Clock): Checker {
  const rules = developmentIssuer(development.secret)
  const key = createSecretKey(rules.secret)
  const isKeyCurrent = () => true
  return (_token, { header, signingInput, signature, payload }) => {
    if (header.alg !== 'HS256') throw refused('algorithm')
    if (!isSameText(signature, signHs256(signingInput, key))) throw refused('signature')
    const claims = checkClaims(payload, rules, clock().getTime())
    return { claims, validUntilMs: claims.expiresAt.getTime(), isKeyCurrent }
  }
}

function isSameText(given: string, expected: string): boolean {
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))
}

function publicKeyChecker(config: IssuerConfig, keys: IssuerKeys, clock: Clock): Checker {
  return (token, unverified) => {
    if (!config.algorithms.includes(unverified.header.alg)) throw refused('algorithm')
    if (config.tokenType !== undefined && !unverified.isAccessToken) throw refused('type')
    // Unused bits of the last character would allow several spellings of one signature.
    const { signature } = unverified
    if (Buffer.from(signature, 'base64url').toString('base64url') !== signature) throw refused('signature')
    return checkPublicKeySignature(token, unverified, config, keys, clock)
  }
}

async function checkPublicKeySignature(
  token: string,
  { header, payload }: UnverifiedToken,
  config: IssuerConfig,
  keys: IssuerKeys,
  clock: Clock,
): Promise<Verdict> {
  const { keySet, key } = await findKey(header, keys)
  try {
    await compactVerify(token, key, { algorithms: [header.alg] })
  } catch (error) {
    throw refused('signature', error)
  }
  const nowMs = clock().getTime()
  const claims = checkClaims(payload, config, nowMs)
  return {
    claims,
    validUntilMs: Math.min(claims.expiresAt.getTime(), nowMs + VERDICT_AGE_MAX_MS),
    isKeyCurrent: () => keys.current() === keySet,
  }
}

/** The issuer's key for a header; looks at the key server once when the key is not cached. */
async function findKey(header: UnverifiedToken['header'], keys: IssuerKeys) {
  let keySet = keys.current() ?? (await keys.load())
  try {
    return { keySet, key: await keySet(header) }
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw refused('key', error)
  }
  keySet = await keys.reload()
  try {
    return { keySet, key: await keySet(header) }
  } catch (error) {
    throw refused('key', error)
  }
}

function isGood({ validUntilMs, isKeyCurrent }: Verdict, nowMs: number): boolean {
  return nowMs < validUntilMs && isKeyCurrent()
}
