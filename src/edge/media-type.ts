// Chooses between GraphQL's two media types by the Accept header.
import { LRUCache } from 'lru-cache'
import Negotiator from 'negotiator'

export const JSON_TYPE = 'application/json; charset=utf-8'
const RESPONSE_TYPE = 'application/graphql-response+json; charset=utf-8'

/** Represents null, which the cache cannot store. */
const NEITHER = 'neither'

/** Clients send few different headers. Parsing one takes about 10 µs, a longer one much more. */
const HEADERS_KEPT_MAX = 200
const HEADER_LENGTH_MAX = 1_000

const kept = new LRUCache<string, string>({ max: HEADERS_KEPT_MAX, memoMethod: choose })

/** The media type of the answer; null when the client accepts neither. Without a header: JSON. */
export function answerType(accept: string | undefined): string | null {
  if (accept === undefined || accept.trim() === '' || accept === '*/*' || accept === 'application/json')
    return JSON_TYPE
  const type = kept.memo(accept.slice(0, HEADER_LENGTH_MAX))
  return type === NEITHER ? null : type
}

/** JSON when a wildcard accepts both alike. */
function choose(accept: string): string {
  return new Negotiator({ headers: { accept } }).mediaType([JSON_TYPE, RESPONSE_TYPE]) ?? NEITHER
}
