// Text search: every word must be in one of the columns, ignoring case.

import type { Filter } from '../db/reader/read-sql.ts'

/** The maximum number of words; further ones are ignored. */
const WORDS_MAX = 8
/** The maximum number of characters of a query that are used. */
const QUERY_LENGTH_MAX = 200

/** A filter; empty for a query without words. */
export function search(
  query: string | null | undefined,
  columnsOf: (contains: Filter) => readonly Filter[],
): Filter {
  const words = (query ?? '').slice(0, QUERY_LENGTH_MAX).split(/\s+/).filter(Boolean).slice(0, WORDS_MAX)
  if (words.length === 0) return {}
  return {
    AND: words.map((word) => ({ OR: columnsOf({ contains: escapeLike(word), mode: 'insensitive' }) })),
  }
}

/** `contains` passes its text to LIKE, so % and _ are escaped. */
function escapeLike(word: string): string {
  return word.replaceAll(/[\\%_]/g, '\\$&')
}
