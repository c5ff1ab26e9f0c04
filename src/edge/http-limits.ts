// What one process takes in at once, and for how long it waits for the rest of a request, or for an answer to be taken.
// Numbers and their reasons only.

export type HttpLimits = {
  /** The whole head of a request must have come by then; so must the first byte of a new connection. */
  readonly headersTimeoutMs: number
  /** The whole request must have come by then. Never below `headersTimeoutMs`: Node would exchange the two. */
  readonly requestTimeoutMs: number
  /** How often Node looks for requests that are late, and so how much later than its bound one may be closed. */
  readonly checkingIntervalMs: number
  /** How long nothing may move on a connection that has something to take. */
  readonly quietMs: number
  readonly connectionsMax: number
  /** From one address, unless it is a trusted proxy. */
  readonly connectionsPerAddressMax: number
  /** That wait for an answer on one connection. */
  readonly requestsPerConnectionMax: number
  /** Bodies of requests whose sender is known, until they are answered. */
  readonly callers: BodyBounds
  /** Bodies of requests whose sender is not known, or not yet. */
  readonly strangers: BodyBounds
}

export type BodyBounds = {
  readonly bytesMax: number
  readonly bytesPerAddressMax: number
}

const MIB = 1_024 * 1_024

export const HTTP_LIMITS: HttpLimits = {
  headersTimeoutMs: 10_000,
  // With the interval: half a request is closed within 30 s. 256 KiB come in that time at 10 kB/s.
  requestTimeoutMs: 25_000,
  checkingIntervalMs: 5_000,
  // A write that moved a little counts as moving once: a client that stops taking is cut off after 15 to 30 s.
  quietMs: 15_000,
  // About 20 kB each, and 16 KiB of a head that has not ended: 150 MB when all are a stranger's.
  connectionsMax: 4_096,
  // A quarter: a single stranger leaves room, and a proxy that is not named in TRUSTED_PROXIES still has enough.
  connectionsPerAddressMax: 1_024,
  // Browsers, proxies and libraries send the next request after the answer to the last: this is room for those that do not.
  requestsPerConnectionMax: 16,
  // 256 bodies of the largest size for /graphql.
  callers: { bytesMax: 64 * MIB, bytesPerAddressMax: 32 * MIB },
  // Events of providers are a few kB: thousands of them.
  strangers: { bytesMax: 16 * MIB, bytesPerAddressMax: 4 * MIB },
}
