// Which of GraphQL's two media types a client wants, from its Accept header.
import { createRecentMap } from '../core/recent-map.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'
const RESPONSE_TYPE = 'application/graphql-response+json; charset=utf-8'

/** Stands for null in the map, which holds text. */
const NEITHER = 'neither'

/** Clients send few different headers; a stranger's many are forgotten again. */
const HEADERS_KEPT_MAX = 200
const HEADER_LENGTH_MAX = 1_000

const kept = createRecentMap<string>(HEADERS_KEPT_MAX)

/** The media type to answer with; null when the client takes neither. No header takes JSON. */
export function answerType(accept: string | undefined): string | null {
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return JSON_TYPE
  let chosen = kept.get(accept)
  if (chosen === undefined) {
    chosen = choose(accept.slice(0, HEADER_LENGTH_MAX))
    kept.set(accept, chosen)
  }
  return chosen === NEITHER ? null : chosen
}

/** By RFC 9110, 12.5.1: the most specific range speaks for a type. JSON when both are wanted alike by a wildcard. */
function choose(accept: string): string {
  const ranges = accept.split(',').map(readRange)
  const json = wish(ranges, 'application/json')
  const response = wish(ranges, 'application/graphql-response+json')
  if (json.quality === 0 && response.quality === 0) return NEITHER
  if (json.quality !== response.quality) return json.quality > response.quality ? JSON_TYPE : RESPONSE_TYPE
  return response.place < json.place ? RESPONSE_TYPE : JSON_TYPE
}

type Range = { readonly type: string; readonly quality: number }

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 }
}

function wish(ranges: readonly Range[], type: string): { quality: number; place: number } {
  for (const range of [type, 'application/*', '*/*']) {
    const place = ranges.findIndex((candidate) => candidate.type === range)
    const found = ranges[place]
    if (found !== undefined) return { quality: found.quality, place }
  }
  return { quality: 0, place: ranges.length }
}
