// Text search without an index, for the audit: every word must be in one of the columns, ignoring case.
import { firstCharacters } from '../core/text.ts'

/** The maximum number of words; further ones are ignored. */
const WORDS_MAX = 8
/** The maximum number of characters of a query that are used. */
const QUERY_LENGTH_MAX = 200

/** Finds the rows whose column contains a word. */
export type WordFilter = { readonly contains: string; readonly mode: 'insensitive' }

/**
 * A filter by which each word matches one of the filters that `columnsOf` makes for it; empty for a query without
 * words.
 */
export function search<Where>(
  query: string | null | undefined,
  columnsOf: (word: WordFilter) => readonly Where[],
): { readonly AND?: { readonly OR: readonly Where[] }[] } {
  const words = wordsOf(query)
  if (words.length === 0) return {}
  return {
    AND: words.map((word) => ({ OR: columnsOf({ contains: escapeLike(word), mode: 'insensitive' }) })),
  }
}

/** The words of a query of one kind, and the query of all others. */
export function splitWords(
  query: string | null | undefined,
  isChosen: (word: string) => boolean,
): { readonly chosen: readonly string[]; readonly rest: string } {
  const words = wordsOf(query)
  return {
    chosen: words.filter(isChosen),
    rest: words.filter((word) => !isChosen(word)).join(' '),
  }
}

function wordsOf(query: string | null | undefined): readonly string[] {
  return firstCharacters(query ?? '', QUERY_LENGTH_MAX)
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, WORDS_MAX)
}

/** `contains` passes its text to LIKE, so % and _ are escaped. */
function escapeLike(word: string): string {
  return word.replaceAll(/[\\%_]/g, '\\$&')
}
