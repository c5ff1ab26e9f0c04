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
/** While there are so many everywhere, what each address may still get wrong. */
const FAILURES_MAX_IN_SIEGE = 5
const WINDOW_SECONDS = 60
/** Beyond it the address that came first is forgotten: its failures count everywhere all the same. */
const ADDRESSES_MAX = 20_000
const EVERYWHERE = 'everywhere'

export type KeyGuard = {
  /**
   * Looks a key up for somebody at an address; null is a failure. It counts while it is under way, so that a thousand
   * guesses at once are a thousand; what was found, or could not be asked, is taken back. Throws RATE_LIMITED, with
   * `retryAfterSeconds`, before anything is looked up.
   */
  attempt<T>(address: string, lookUp: () => Promise<T | null>): Promise<T | null>
}

export type KeyGuardBounds = { readonly failuresMax: number; readonly failuresEverywhereMax: number }

export function createKeyGuard({
  failuresMax = FAILURES_MAX,
  failuresEverywhereMax = FAILURES_EVERYWHERE_MAX,
}: Partial<KeyGuardBounds> = {}): KeyGuard {
  const own = new RateLimiterMemory({ points: failuresMax, duration: WINDOW_SECONDS })
  const everywhere = new RateLimiterMemory({ points: failuresEverywhereMax, duration: WINDOW_SECONDS })
  /** In the order in which they came. */
  const addresses = new Set<string>()

  async function note(network: string): Promise<void> {
    addresses.add(network)
    if (addresses.size <= ADDRESSES_MAX) return
    const [first = ''] = addresses
    addresses.delete(first)
    await own.delete(first)
  }

  /** An address that got nothing wrong is let through, however many others there are: their guesses are not its own. */
  async function admit(network: string): Promise<void> {
    await note(network)
    // Both count at once, when they are called: nothing comes between them.
    const [here, all] = await Promise.all([own.penalty(network), everywhere.penalty(EVERYWHERE)])
    const isSiege = all.consumedPoints > failuresEverywhereMax
    const isTooMuch = here.consumedPoints > failuresMax
    if (!isTooMuch && !(isSiege && here.consumedPoints > FAILURES_MAX_IN_SIEGE)) return
    // Who is turned away here cost nothing: one loud address must not be a siege.
    await everywhere.reward(EVERYWHERE)
    const waitMs = (isTooMuch ? here : all).msBeforeNext
    throw new AppError('RATE_LIMITED', 'too many API keys from here were not valid: try again later', {
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)),
    })
  }

  return {
    async attempt(address, lookUp) {
      const network = networkOf(address)
      await admit(network)
      let isFailure = false
      try {
        const found = await lookUp()
        isFailure = found === null
        return found
      } finally {
        if (!isFailure) await Promise.all([own.reward(network), everywhere.reward(EVERYWHERE)])
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
