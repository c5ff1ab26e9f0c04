// Which pages of other origins may read answers, and the CORS headers that say so. Our own lines rather than
// @fastify/cors: its hook would run after the first that can refuse a request, and would not reach the answers to invalid
// paths and invalid requests, so that a browser would show those refusals as network errors.
import { isLoopbackOrigin } from '../core/loopback.ts'

export type CrossOriginOptions = {
  /** Exact origins, as in https://admin.example.com. */
  readonly listed: readonly string[]
  /** Whether pages on this machine may, at any port. */
  readonly loopback: boolean
}

/** Browsers look names up in lower case. */
type Headers = Readonly<Record<string, string>>

export type CrossOrigin = {
  /** The headers of an answer to a request with this Origin header. Of a refused origin: none that lets it read. */
  headersFor(origin: string | undefined): Headers
  /** The headers of a preflight's answer, besides those; null: the origin is refused. */
  preflightFor(origin: string | undefined, requestedHeaders: string | undefined): Headers | null
}

export const NO_OTHER_ORIGINS: CrossOriginOptions = { listed: [], loopback: false }

/** Chromium stores a preflight's answer no longer. */
const PREFLIGHT_MAX_AGE_SECONDS = 7_200
const METHODS = 'GET, POST'
/** Headers that a page may read, besides those that every page may. */
const EXPOSED = [
  'x-request-id',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'content-disposition',
  'etag',
].join(', ')
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]{1,1000}$/

/** No other text of a request may get into a header. */
const isPage = (origin: string) => URL.parse(origin)?.origin === origin

const VARY: Headers = { vary: 'Origin' }

/** Nothing here allows credentials: tokens are in the Authorization header, and no cookie is read. */
export function createCrossOrigin({ listed, loopback }: CrossOriginOptions): CrossOrigin {
  const origins = new Set(listed)

  function isAllowed(origin: string | undefined): origin is string {
    if (origin === undefined) return false
    return origins.has(origin) || (loopback && isPage(origin) && isLoopbackOrigin(origin))
  }

  return {
    headersFor(origin) {
      if (!isAllowed(origin)) return VARY
      return {
        vary: 'Origin',
        'access-control-allow-origin': origin,
        'access-control-expose-headers': EXPOSED,
      }
    },
    preflightFor(origin, requestedHeaders = '') {
      if (!isAllowed(origin)) return null
      return {
        'access-control-allow-methods': METHODS,
        'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
        // Any header: libraries add their own, and a listed page is trusted with all of them.
        ...(HEADER_NAMES.test(requestedHeaders) && { 'access-control-allow-headers': requestedHeaders }),
      }
    },
  }
}
