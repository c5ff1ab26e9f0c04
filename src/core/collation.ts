// The order of texts for people, by language: ICU's collations as PostgreSQL names them.

/** Unicode's own order, for languages without another one. */
export const ROOT_COLLATION = 'und-x-icu'

/** The languages that ICU sorts by Unicode's own order. A language that is missing here has a collation of its own. */
const ROOT_LANGUAGES: ReadonlySet<string> = new Set(
  'ca de dz en ff fr ga id it lb lij ms nl pt sa st sw wae xh zu'.split(' '),
)
/** The scripts and regions that are sorted otherwise than their language. */
const VARIANTS: ReadonlySet<string> = new Set(['bs-Cyrl', 'fa-AF', 'fr-CA', 'sr-Latn', 'zh-Hant'])
/** One language, which PostgreSQL has under the other name. */
const ALIASES: Readonly<Record<string, string>> = { no: 'nb' }

/** The collation of a language tag: `sv-x-icu` for sv-SE, ROOT_COLLATION for en. It need not exist in a database. */
export function collationOf(locale: string): string {
  const { language, script, region } = new Intl.Locale(locale).maximize()
  const variant = [`${language}-${script}`, `${language}-${region}`].find((name) => VARIANTS.has(name))
  if (variant !== undefined) return `${variant}-x-icu`
  return ROOT_LANGUAGES.has(language) ? ROOT_COLLATION : `${ALIASES[language] ?? language}-x-icu`
}
