// Fetches, caches and renews one issuer's public keys. Verifies no token. Our own code besides jose's
// createRemoteJWKSet, which chooses the key here too: that one has no keys in an outage longer than their age, waits
// for each renewal, retries a failing server at every request, counts an age from the answer, reads an answer of any
// size, and keeps its initial URL.
import type { LocalJWKSet } from 'jose'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { discoverKeySet, parseKeySet, readKeySet } from './issuer-documents.ts'
import type { IssuerConfig } from './token-issuer.ts'

/** How long keys are used, and how often they are fetched. */
export type KeyTimings = {
  /** Older keys are still used at once, while new ones are fetched in the background. */
  refreshAfterMs: number
  /** Older keys are used only after a fetch was tried: how long a retired key may still be accepted. */
  ageMaxMs: number
  /** How old keys may be while the key server is down. */
  staleMaxMs: number
  /** Between two fetches for an unknown key id, which anybody can cause. */
  cooldownMs: number
  /** Between two fetches after a failure. */
  retryMs: number
  /** After a failure this recent, callers use old keys at once instead of waiting for the next failure. */
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

export type IssuerKeys = {
  /** The keys that may be used at once, if any; starts their renewal when it is due. */
  current(): LocalJWKSet | undefined
  /** As `current`, but waits for a fetch when there are none. Throws SERVICE_UNAVAILABLE. */
  load(): Promise<LocalJWKSet>
  /**
   * For a key that the cached set lacks: the set after at most one fetch per cooldown, shared by all waiters. Throws
   * SERVICE_UNAVAILABLE when the key server fails, since the key may then be a new one.
   */
  reload(): Promise<LocalJWKSet>
}

type Held = { body: string; keys: LocalJWKSet; fetchedAtMs: number }

/**
 * The keys of an issuer; nothing is fetched before they are needed. Their URL is looked up at every renewal unless it
 * is configured, since an issuer may move them.
 */
export function createIssuerKeys(options: {
  config: Pick<IssuerConfig, 'issuer' | 'jwksUri'>
  clock: Clock
  fetch: typeof globalThis.fetch
  logger: Logger
  timings: KeyTimings
}): IssuerKeys {
  const { config, clock, fetch, logger, timings } = options
  let held: Held | undefined
  let attemptedAtMs = Number.NEGATIVE_INFINITY
  /** Set by a failure, cleared by a success. */
  let failedAtMs: number | undefined
  let running: Promise<void> | undefined
  const nowMs = () => clock().getTime()

  /** Never rejects: the outcome is in `held` and `failedAtMs`, for every waiter to read. */
  async function renew(): Promise<void> {
    // The age counts from the start of the fetch, since a key may be retired meanwhile.
    const startedAtMs = attemptedAtMs
    try {
      const reading = { fetch, signal: AbortSignal.timeout(timings.timeoutMs) }
      const body = await readKeySet(config.jwksUri ?? (await discoverKeySet(config.issuer, reading)), reading)
      // The same text keeps the same set, so that its imported keys and cached verdicts stay valid.
      const keys = body === held?.body ? held.keys : parseKeySet(body)
      held = { body, keys, fetchedAtMs: startedAtMs }
      failedAtMs = undefined
    } catch (error) {
      failedAtMs = startedAtMs
      logger.warn({ err: error, issuer: config.issuer }, "an issuer's keys could not be fetched")
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
