// Checks hand-written SQL of features by its text: a safety net against mistakes and injected fragments. It refuses
// what could leave its scope, widen its permissions (set_config, or functions that run SQL from a string), or has no
// use in a tenant's work. It is not the wall: row-level security is, which holds whatever passes here. Its limits: it
// knows PostgreSQL's own functions and those of common extensions, so a custom function that sets the scope passes; and
// code that can run any SQL as the runtime role, on a connection of its own, can set any tenant and any permission.
import { LRUCache } from 'lru-cache'
import { AppError } from '../core/errors.ts'

/** Cached: statements are templates, and few. Texts with lists vary, and evict each other. */
const ACCEPTED_MAX = 2_000
const accepted = new LRUCache<string, true>({ max: ACCEPTED_MAX })

/** Throws INTERNAL, with the reason, for a statement that features must not use. An accepted one costs a look-up. */
export function guardRawSql(sql: string): void {
  if (accepted.get(sql) === true) return
  const complaint = complaintAbout(sql)
  if (complaint !== null) throw new AppError('INTERNAL', `a raw statement was refused: ${complaint}`)
  accepted.set(sql, true)
}

/** Statements that only read and write rows. PostgreSQL takes one statement per message, so the first word decides. */
const FIRST_WORDS = new Set(['select', 'with', 'insert', 'update', 'delete', 'merge', 'values', 'table'])

/** Functions, views and tables that give access to another scope, another session, or the machine. */
const REFUSED: readonly RegExp[] = [
  /^set_config$/,
  // They run SQL from a string.
  /_to_xml/,
  /^ts_(stat|rewrite)$/,
  /^(dblink|crosstab|connectby|xpath_table)/,
  // Large objects have no tenant.
  /^(lo_.*|loread|lowrite)$/,
  // They answer before a tenant is known; only src/db calls them.
  /^(resolve_.*|memberships_of|tenant_directory|person_directory|mailed_recipients)$/,
  // System functions: writable settings, other sessions, files, locks beyond the transaction.
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

/** Comments, literals, quoted names, words, and single characters: together they match everything. */
const TOKEN =
  /(?<comment>--[^\r\n]*)|'(?<literal>(?:[^']|'')*)'|"(?<quoted>(?:[^"]|"")*)"|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<sign>.)/gsu

/**
 * The words of a statement, quoted or not, in lower case, and its other characters; or why they cannot be determined.
 * What hides a word (escapes, nested comments, dollar quotes) is refused rather than parsed: values belong into
 * parameters.
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
