// Guards look-ups that need the database before a caller is authenticated against floods of invalid credentials: counts
// failures by address. Stores no credential. Per process.
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { createCounters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'

/**
 * Guessing 192 random bits is hopeless, so these bounds only protect the database. They leave room for many programs
 * behind one address that all start at once.
 */
const FAILURES_MAX = 100
const FAILURES_EVERYWHERE_MAX = 2_000
/** The bound per address while the bound for all addresses is reached. */
const FAILURES_MAX_UNDER_ATTACK = 5
const WINDOW_SECONDS = 60
/** The delay for an address that only sends too many at once. */
const CROWD_WAIT_SECONDS = 1
/** Beyond it the address with the oldest failure is forgotten; its failures still count in the total. */
const ADDRESSES_MAX = 20_000
/** Subjects that were found recently. */
const GOOD_SUBJECTS_MAX = 10_000
const EVERYWHERE = 'everywhere'

export type Attempt = {
  /** The client's address. */
  readonly address: string
  /** What is tried, as stated by the credential: a key's tenant, a person, an endpoint. */
  readonly subject: string
}

export type FailureGuard = {
  /**
   * Looks something up for an address; null is a failure. Throws RATE_LIMITED, with `retryAfterSeconds`, before the
   * look-up when too many failed, or so many are running that too many might fail. Failures from other addresses never
   * block an address without failures. A subject that was found before, from any address, has its own count: behind one
   * proxy, nobody is blocked by subjects that others invent.
   */
  attempt<T>(who: Attempt, lookUp: () => Promise<T | null>): Promise<T | null>
}

type FailureGuardOptions = {
  /** What is tried, for the refusal's message. */
  readonly what: string
  readonly failuresMax: number
  readonly failuresEverywhereMax: number
  readonly windowSeconds: number
}

export function createFailureGuard({
  what,
  failuresMax = FAILURES_MAX,
  failuresEverywhereMax = FAILURES_EVERYWHERE_MAX,
  windowSeconds: duration = WINDOW_SECONDS,
}: Pick<FailureGuardOptions, 'what'> & Partial<FailureGuardOptions>): FailureGuard {
  const failures = new RateLimiterMemory({ points: failuresMax, duration })
  const everywhere = new RateLimiterMemory({ points: failuresEverywhereMax, duration })
  const good = new LRUCache<string, true>({ max: GOOD_SUBJECTS_MAX })
  /** The number of running look-ups per address. */
  const underWay = createCounters<string>()
  /** Addresses with failures. */
  const addresses = new LRUCache<string, true>({
    max: ADDRESSES_MAX,
    dispose: (_, bucket) => void failures.delete(bucket),
  })

  async function note(bucket: string): Promise<void> {
    addresses.set(bucket, true)
    await Promise.all([failures.penalty(bucket), everywhere.penalty(EVERYWHERE)])
  }

  /** `place`: the position among the running look-ups of this address, including this one. */
  async function admit(bucket: string, place: number): Promise<void> {
    const [here, all] = await Promise.all([failures.get(bucket), everywhere.get(EVERYWHERE)])
    const failed = here?.consumedPoints ?? 0
    const isUnderAttack = (all?.consumedPoints ?? 0) >= failuresEverywhereMax
    const max = isUnderAttack ? Math.min(failuresMax, FAILURES_MAX_UNDER_ATTACK) : failuresMax
    if (failed < max && failed + place <= failuresMax) return
    const waitSeconds = Math.ceil((here?.msBeforeNext ?? 0) / 1_000)
    throw new AppError('RATE_LIMITED', `too many ${what} from here were not valid: try again later`, {
      retryAfterSeconds: failed < max ? CROWD_WAIT_SECONDS : Math.max(CROWD_WAIT_SECONDS, waitSeconds),
    })
  }

  return {
    async attempt({ address, subject }, lookUp) {
      const network = networkOf(address)
      const bucket = good.get(subject) === true ? `${network} ${subject}` : network
      const place = underWay.add(bucket, 1)
      try {
        await admit(bucket, place)
        const found = await lookUp()
        if (found === null) await note(bucket)
        else good.set(subject, true)
        return found
      } finally {
        underWay.add(bucket, -1)
      }
    },
  }
}

/** Clients send many requests, and parsing an address takes 2 µs. */
const NETWORKS_KEPT_MAX = 1_000
const networks = new LRUCache<string, string>({ max: NETWORKS_KEPT_MAX, memoMethod: findNetwork })

/** An IPv4 address unchanged; the first half of an IPv6 address, since a client usually has the whole second half. */
export function networkOf(address: string): string {
  return networks.memo(address)
}

function findNetwork(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv4) return parsed.toString()
  return parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')
}
