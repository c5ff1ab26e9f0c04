// Text search where a person would search: every word must be in one of the columns, in any case.

import type { Filter } from '../db/reader/read-sql.ts'

/** The most words of a query that are looked for; the rest narrow nothing. */
const WORDS_MAX = 8
/** The most characters of a query that are read. */
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

/** `contains` goes to LIKE as it is: a person's % and _ mean themselves. */
function escapeLike(word: string): string {
  return word.replaceAll(/[\\%_]/g, '\\$&')
}
