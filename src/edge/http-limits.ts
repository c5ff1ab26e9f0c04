// The limits of HTTP in one process: the largest body, how much it receives at once, and how long it waits for requests
// to arrive and answers to be read. Only numbers and their reasons.

export type HttpLimits = {
  /** The bound for a request's headers, and for the first byte of a new connection. */
  readonly headersTimeoutMs: number
  /** The bound for the whole request. Never below `headersTimeoutMs`: Node would swap the two. */
  readonly requestTimeoutMs: number
  /** How often Node looks for late requests, so by how much later one may be closed. */
  readonly checkingIntervalMs: number
  /** How long a connection with data to send may make no progress. */
  readonly quietMs: number
  readonly connectionsMax: number
  /** From one address, unless it is a trusted proxy. */
  readonly connectionsPerAddressMax: number
  /** Unanswered requests on one connection. */
  readonly requestsPerConnectionMax: number
  /** Bodies of authenticated requests, until they are answered. */
  readonly callers: BodyBounds
  /** Bodies of requests that are not authenticated, or not yet. */
  readonly unauthenticated: BodyBounds
}

export type BodyBounds = {
  readonly bytesMax: number
  readonly bytesPerAddressMax: number
}

const KIB = 1_024
const MIB = 1_024 * KIB

/** The largest body of a request, for every route without its own bound. A larger one is answered 413. */
export const BODY_BYTES_MAX = 256 * KIB
/** The same for webhooks. Payment events are a few kB; each signed one is stored whole. */
export const WEBHOOK_BODY_BYTES_MAX = 512 * KIB

export const HTTP_LIMITS: HttpLimits = {
  headersTimeoutMs: 10_000,
  // With the interval, a partial request is closed within 30 s. 256 KiB arrive in that time at 10 kB/s.
  requestTimeoutMs: 25_000,
  checkingIntervalMs: 5_000,
  // Partial progress restarts the timer once: a client that stops reading is cut off after 15 to 30 s.
  quietMs: 15_000,
  // About 20 kB each, and 16 KiB of an incomplete head: 150 MB if an attacker holds all of them.
  connectionsMax: 4_096,
  // A quarter: a single attacker leaves room, and a proxy missing in TRUSTED_PROXIES still has enough.
  connectionsPerAddressMax: 1_024,
  // Browsers, proxies and libraries wait for an answer before the next request; this is room for pipelining.
  requestsPerConnectionMax: 16,
  // 256 bodies of the largest size for /graphql.
  callers: { bytesMax: 64 * MIB, bytesPerAddressMax: 32 * MIB },
  // Payment events are a few kB: thousands of them.
  unauthenticated: { bytesMax: 16 * MIB, bytesPerAddressMax: 4 * MIB },
}
