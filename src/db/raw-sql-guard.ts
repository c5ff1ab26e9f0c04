// What SQL a feature may write by hand, judged by its text. A seat belt against mistakes and injected fragments: it
// keeps a statement from leaving its scope, or widening what it may write (set_config, or what runs SQL out of a
// string), and from what no tenant's work needs. It is not the wall: that is row-level security, which holds whatever
// passes here. Its limits: it knows PostgreSQL's own functions and those of common extensions, so a function of yours
// that sets the scope passes; and whoever can run any SQL as the runtime role, on a connection of his own, can name any
// tenant and any permission.
import { LRUCache } from 'lru-cache'
import { AppError } from '../core/errors.ts'

/** Judged once: statements are templates, and few. Those made of lists vary; they push each other out. */
const ACCEPTED_MAX = 2_000
const accepted = new LRUCache<string, true>({ max: ACCEPTED_MAX })

/** Throws INTERNAL, saying why, for a statement that a feature has no use for. Costs a look-up once accepted. */
export function guardRawSql(sql: string): void {
  if (accepted.get(sql) === true) return
  const complaint = complaintAbout(sql)
  if (complaint !== null) throw new AppError('INTERNAL', `a raw statement was refused: ${complaint}`)
  accepted.set(sql, true)
}

/** What only reads and writes rows. PostgreSQL takes one statement per message, so the first word tells. */
const FIRST_WORDS = new Set(['select', 'with', 'insert', 'update', 'delete', 'merge', 'values', 'table'])

/** Functions, views and tables by which a statement can get at another scope, another session, or the machine. */
const REFUSED: readonly RegExp[] = [
  /^set_config$/,
  // They run SQL that is given to them as text.
  /_to_xml/,
  /^ts_(stat|rewrite)$/,
  /^(dblink|crosstab|connectby|xpath_table)/,
  // Large objects belong to no tenant.
  /^(lo_.*|loread|lowrite)$/,
  // What answers before a tenant is known; src/db alone asks it.
  /^(resolve_.*|memberships_of|tenant_directory|person_directory|mailed_recipients)$/,
  // The system's own: settings that can be written, other sessions, files, locks beyond the transaction.
  /^pg_(?!(catalog|typeof|(try_)?advisory_xact_lock(_shared)?)$)/,
]

function complaintAbout(sql: string): string | null {
  const cut = cutUp(sql)
  if (typeof cut === 'string') return cut
  const { words, signs } = cut
  if (/;\s*[^;\s]/.test(signs)) return 'it is more than one'
  const [first] = words
  if (first === undefined || !FIRST_WORDS.has(first)) return `it starts with ${first ?? 'nothing'}`
  const refused = words.find((word) => REFUSED.some((pattern) => pattern.test(word)))
  return refused === undefined ? null : `it names ${refused}`
}

/** Comments, literals, quoted names, words, and single signs: between them they match every character. */
const TOKEN =
  /(?<comment>--[^\r\n]*)|'(?<literal>(?:[^']|'')*)'|"(?<quoted>(?:[^"]|"")*)"|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<sign>.)/gsu

/**
 * The words of a statement, quoted or not, in lower case, and its signs; or why they can't be told. What hides a word
 * from a reader (escapes, nested comments, dollar quotes) is refused rather than understood: a value goes into a
 * parameter.
 */
function cutUp(sql: string): { words: string[]; signs: string } | string {
  const words: string[] = []
  let signs = ''
  let previous = ''
  for (const { 0: token, index, groups = {} } of sql.matchAll(TOKEN)) {
    const { literal, quoted, word, sign } = groups
    if ((literal ?? quoted) !== undefined && /[\p{L}\p{N}_$&]$/u.test(previous))
      return 'it has a literal with a prefix'
    if (literal?.includes('\\')) return 'it has a backslash in a literal'
    if (sign === "'" || sign === '"') return 'it has a quote without an end'
    if (sign === '$' && !/\d/.test(sql.charAt(index + 1))) return 'it has a dollar quote'
    if (sign === '*' && previous === '/') return 'it has a comment other than --'
    const name = word ?? quoted
    if (name !== undefined) words.push(name.toLowerCase())
    signs += sign ?? '.'
    previous = token
  }
  return { words, signs }
}
