// Text search: every word of a query must begin a word, or a part of one, in the searched columns. app.make_searchable keeps
// the words of a table's rows.

import { firstCharacters } from '../core/text.ts'
import type { AnyWhere } from '../db/reader/any-query.ts'
import { fold } from './fold.ts'

/** The maximum number of words; further ones are ignored. */
const WORDS_MAX = 8
/** The maximum number of characters of a query that are used. */
const QUERY_LENGTH_MAX = 200
/** The stored length of a word, in app.words_of: a longer one is compared by its beginning. */
const WORD_LENGTH_MAX = 64

/** Signs before the first letter or digit: no stored word begins with one. */
const LEADING_SIGNS = /^[^\p{L}\p{Nd}]+/u

/**
 * A filter for the rows that have all words of a query; empty for an empty query. A query of signs alone has no word, and
 * finds nothing.
 */
export function searchWords(query: string | null | undefined): AnyWhere {
  const typed = (query ?? '').trim()
  if (typed === '') return {}
  const words = wordsOf(typed)
  return words.length === 0 ? { id: { in: [] } } : { words }
}

function wordsOf(query: string): readonly string[] {
  return fold(firstCharacters(query, QUERY_LENGTH_MAX))
    .split(/\s+/u)
    .map((word) => firstCharacters(word.replace(LEADING_SIGNS, ''), WORD_LENGTH_MAX))
    .filter(Boolean)
    .slice(0, WORDS_MAX)
}
