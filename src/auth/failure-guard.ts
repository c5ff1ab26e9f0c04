// Guards what costs the database before a credential is known against floods of wrong ones: counts failures by where they
// come from. Knows no credential, and keeps nothing of one. One process's view.
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { AppError } from '../core/errors.ts'

/**
 * Guessing 192 random bits is hopeless; what these bounds save is the database. They leave room for a house full of
 * programs behind one address that all come at once after a restart.
 */
const FAILURES_MAX = 100
const FAILURES_EVERYWHERE_MAX = 2_000
/** While there are so many everywhere, what each address may have got wrong. */
const FAILURES_MAX_IN_SIEGE = 5
const WINDOW_SECONDS = 60
/** For somebody who only asks for too much at once. */
const CROWD_WAIT_SECONDS = 1
/** Beyond it the address that failed longest ago is forgotten: its failures count everywhere all the same. */
const ADDRESSES_MAX = 20_000
/** Subjects that were found here lately. */
const GOOD_SUBJECTS_MAX = 10_000
const EVERYWHERE = 'everywhere'

export type Attempt = {
  /** Where it comes from. */
  readonly address: string
  /** What is tried, as far as it says so itself: a key's tenant, a person, an endpoint. */
  readonly subject: string
}

export type FailureGuard = {
  /**
   * Looks something up for somebody at an address; null is a failure. Throws RATE_LIMITED, with `retryAfterSeconds`, before
   * anything is looked up: where too many failed, or so many are under way that too many might. What others get wrong
   * elsewhere never holds an address that got nothing wrong. A subject that was found from anywhere before is counted by
   * itself: behind one proxy, nobody is held for what others try with subjects of their own invention.
   */
  attempt<T>(who: Attempt, lookUp: () => Promise<T | null>): Promise<T | null>
}

type FailureGuardOptions = {
  /** What is tried, in the words of the refusal. */
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
  /** How many look-ups each address waits for. */
  const underWay = new Map<string, number>()
  /** That have failed. */
  const addresses = new LRUCache<string, true>({
    max: ADDRESSES_MAX,
    dispose: (_, bucket) => void failures.delete(bucket),
  })

  async function note(bucket: string): Promise<void> {
    addresses.set(bucket, true)
    await Promise.all([failures.penalty(bucket), everywhere.penalty(EVERYWHERE)])
  }

  /** `place`: among those of this address that are under way, this one included. */
  async function admit(bucket: string, place: number): Promise<void> {
    const [here, all] = await Promise.all([failures.get(bucket), everywhere.get(EVERYWHERE)])
    const failed = here?.consumedPoints ?? 0
    const isSiege = (all?.consumedPoints ?? 0) >= failuresEverywhereMax
    const max = isSiege ? Math.min(failuresMax, FAILURES_MAX_IN_SIEGE) : failuresMax
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
      const place = (underWay.get(bucket) ?? 0) + 1
      underWay.set(bucket, place)
      try {
        await admit(bucket, place)
        const found = await lookUp()
        if (found === null) await note(bucket)
        else good.set(subject, true)
        return found
      } finally {
        const left = (underWay.get(bucket) ?? 0) - 1
        if (left > 0) underWay.set(bucket, left)
        else underWay.delete(bucket)
      }
    },
  }
}

/** IPv4 as it is; of IPv6 the first half, since everybody has all of the other half to themselves. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv4) return parsed.toString()
  return parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')
}
