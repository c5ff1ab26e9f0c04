// One issuer's public keys: fetches, caches and renews them. Verifies no token.
import { createLocalJWKSet, type LocalJWKSet } from 'jose'
import { z } from 'zod'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'

/** How long keys serve, and how often they are asked for. */
export type KeyTimings = {
  /** Older keys are still served at once, while new ones are fetched in the background. */
  refreshAfterMs: number
  /** Older keys are served only after a fetch was tried: this is how long a retired key may still pass. */
  ageMaxMs: number
  /** While the key server is down: the age to which keys in hand still serve. */
  staleMaxMs: number
  /** Between two fetches for the sake of an unknown key id, which any stranger can cause. */
  cooldownMs: number
  /** Between two fetches when the last one failed. */
  retryMs: number
  /** A failure this recent makes callers use old keys at once rather than wait for the next failure. */
  outageMemoryMs: number
  timeoutMs: number
}

export const KEY_TIMINGS: KeyTimings = {
  refreshAfterMs: 5 * 60_000,
  ageMaxMs: 10 * 60_000,
  staleMaxMs: 60 * 60_000,
  cooldownMs: 30_000,
  retryMs: 5_000,
  outageMemoryMs: 60_000,
  timeoutMs: 5_000,
}

/** Large issuers publish a few kilobytes, some tens with certificate chains. */
export const KEY_SET_BYTES_MAX = 256 * 1_024
const KEYS_MAX = 100

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(KEYS_MAX) })

export type IssuerKeys = {
  /** The keys that may be used at once, if any; starts their renewal when it is due. */
  current(): LocalJWKSet | undefined
  /** As `current`, but waits for a fetch when there are none. Throws SERVICE_UNAVAILABLE. */
  load(): Promise<LocalJWKSet>
  /**
   * For a key that the set in hand lacks: the set after at most one fetch per cooldown, shared by all waiters.
   * Throws SERVICE_UNAVAILABLE when the key server fails, since the key may then be a good new one.
   */
  reload(): Promise<LocalJWKSet>
}

type Held = { body: string; keys: LocalJWKSet; fetchedAtMs: number }

/** The keys behind an issuer's address; nothing is fetched before they are first needed. */
export function createIssuerKeys(options: {
  jwksUri: string
  clock: Clock
  fetch: typeof globalThis.fetch
  logger: Logger
  timings: KeyTimings
}): IssuerKeys {
  const { jwksUri, clock, logger, timings } = options
  let held: Held | undefined
  let attemptedAtMs = Number.NEGATIVE_INFINITY
  /** Set by a failure, cleared by a success. */
  let failedAtMs: number | undefined
  let running: Promise<void> | undefined
  const nowMs = () => clock().getTime()

  /** Never rejects: the outcome is in `held` and `failedAtMs`, for every waiter to judge. */
  async function renew(): Promise<void> {
    // Answers count from the start of their fetch, since a key may be retired while they travel.
    const startedAtMs = attemptedAtMs
    try {
      const body = await fetchText(jwksUri, options.fetch, timings.timeoutMs)
      // The same text keeps the same set: its imported keys, and the verdicts that rest on it, stay good.
      const keys = body === held?.body ? held.keys : createLocalJWKSet(keySetSchema.parse(JSON.parse(body)))
      held = { body, keys, fetchedAtMs: startedAtMs }
      failedAtMs = undefined
    } catch (error) {
      failedAtMs = startedAtMs
      logger.warn({ err: error, jwksUri }, "an issuer's keys could not be fetched")
    } finally {
      running = undefined
    }
  }

  function fetchOnce(intervalMs: number): Promise<void> | undefined {
    if (running === undefined && nowMs() - attemptedAtMs >= intervalMs) {
      attemptedAtMs = nowMs()
      running = renew()
    }
    return running
  }

  const retryIntervalMs = () => (failedAtMs === undefined ? 0 : timings.retryMs)
  const isKnownDown = () => failedAtMs !== undefined && nowMs() - failedAtMs < timings.outageMemoryMs

  function heldUnder(ageMaxMs: number): LocalJWKSet | undefined {
    return held !== undefined && nowMs() - held.fetchedAtMs < ageMaxMs ? held.keys : undefined
  }

  function current(): LocalJWKSet | undefined {
    const fresh = heldUnder(timings.refreshAfterMs)
    if (fresh !== undefined) return fresh
    const known = heldUnder(isKnownDown() ? timings.staleMaxMs : timings.ageMaxMs)
    if (known !== undefined) void fetchOnce(retryIntervalMs())
    return known
  }

  async function load(): Promise<LocalJWKSet> {
    const known = current()
    if (known !== undefined) return known
    await fetchOnce(retryIntervalMs())
    const keys = heldUnder(timings.staleMaxMs)
    if (keys === undefined) throw unavailable()
    return keys
  }

  async function reload(): Promise<LocalJWKSet> {
    await fetchOnce(timings.cooldownMs)
    const keys = heldUnder(timings.staleMaxMs)
    if (keys === undefined || failedAtMs !== undefined) throw unavailable()
    return keys
  }

  return { current, load, reload }
}

function unavailable(): AppError {
  return new AppError('SERVICE_UNAVAILABLE', "The token issuer's keys are not available; try again shortly.")
}

/** The body of a 200, under the size limit, within the time limit. Redirects fail: the address is configured. */
async function fetchText(url: string, fetch: typeof globalThis.fetch, timeoutMs: number): Promise<string> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { accept: 'application/jwk-set+json, application/json' },
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the key server answered ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > KEY_SET_BYTES_MAX) throw new Error(`the key set is over ${KEY_SET_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
