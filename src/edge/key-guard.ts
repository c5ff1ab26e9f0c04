// Guards the look-up of API keys against floods of guesses: counts failures by where they come from. Knows no key, and
// keeps nothing of one. One process's view.
import { isIPv6 } from 'node:net'
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
/** Beyond it the address that came first is forgotten: its failures count everywhere all the same. */
const ADDRESSES_MAX = 20_000
const EVERYWHERE = 'everywhere'

export type KeyGuard = {
  /**
   * Looks a key up for somebody at an address; null is a failure. Throws RATE_LIMITED, with `retryAfterSeconds`, before
   * anything is looked up: where too many failed, or so many are under way that too many might. What others get wrong
   * elsewhere never holds an address that got nothing wrong.
   */
  attempt<T>(address: string, lookUp: () => Promise<T | null>): Promise<T | null>
}

type KeyGuardBounds = {
  readonly failuresMax: number
  readonly failuresEverywhereMax: number
  readonly windowSeconds: number
}

export function createKeyGuard({
  failuresMax = FAILURES_MAX,
  failuresEverywhereMax = FAILURES_EVERYWHERE_MAX,
  windowSeconds: duration = WINDOW_SECONDS,
}: Partial<KeyGuardBounds> = {}): KeyGuard {
  const failures = new RateLimiterMemory({ points: failuresMax, duration })
  const everywhere = new RateLimiterMemory({ points: failuresEverywhereMax, duration })
  /** How many look-ups each address waits for. */
  const underWay = new Map<string, number>()
  /** That have failed, in the order in which they came. */
  const addresses = new Set<string>()

  async function note(network: string): Promise<void> {
    addresses.add(network)
    if (addresses.size > ADDRESSES_MAX) {
      const [first = ''] = addresses
      addresses.delete(first)
      await failures.delete(first)
    }
    await Promise.all([failures.penalty(network), everywhere.penalty(EVERYWHERE)])
  }

  /** `place`: among those of this address that are under way, this one included. */
  async function admit(network: string, place: number): Promise<void> {
    const [here, all] = await Promise.all([failures.get(network), everywhere.get(EVERYWHERE)])
    const failed = here?.consumedPoints ?? 0
    const isSiege = (all?.consumedPoints ?? 0) >= failuresEverywhereMax
    const max = isSiege ? Math.min(failuresMax, FAILURES_MAX_IN_SIEGE) : failuresMax
    if (failed < max && failed + place <= failuresMax) return
    const waitSeconds = Math.ceil((here?.msBeforeNext ?? 0) / 1_000)
    throw new AppError('RATE_LIMITED', 'too many API keys from here were not valid: try again later', {
      retryAfterSeconds: failed < max ? CROWD_WAIT_SECONDS : Math.max(CROWD_WAIT_SECONDS, waitSeconds),
    })
  }

  return {
    async attempt(address, lookUp) {
      const network = networkOf(address)
      const place = (underWay.get(network) ?? 0) + 1
      underWay.set(network, place)
      try {
        await admit(network, place)
        const found = await lookUp()
        if (found === null) await note(network)
        return found
      } finally {
        const left = (underWay.get(network) ?? 0) - 1
        if (left > 0) underWay.set(network, left)
        else underWay.delete(network)
      }
    },
  }
}

/** IPv4 as it is; of IPv6 the first half, since everybody has all of the other half to themselves. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (!isIPv6(plain)) return plain
  const [front = '', back] = plain.split('::')
  const groups = (text: string) => text.split(':').filter((group) => group !== '')
  const missing = back === undefined ? 0 : Math.max(0, 8 - groups(front).length - groups(back).length)
  const all = [...groups(front), ...Array<string>(missing).fill('0'), ...groups(back ?? '')]
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
