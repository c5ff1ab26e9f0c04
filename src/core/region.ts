// Time zones and languages of tenants.

const TIME_ZONE_LENGTH_MAX = 64
const LOCALE_LENGTH_MAX = 35
/** Intl also takes offsets, such as +01:00, which have no daylight saving time and no name. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/

export const TIME_ZONE_DEFAULT = 'UTC'
export const LOCALE_DEFAULT = 'en'

/** Whether a text is a name of the IANA time zone database, such as Europe/Berlin. */
export function isTimeZone(name: string): boolean {
  if (name.length > TIME_ZONE_LENGTH_MAX || !ZONE_NAME.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** The canonical form of a BCP 47 language tag: de-AT for `de-at`; null for other text. */
export function localeOf(tag: string): string | null {
  if (tag.length > LOCALE_LENGTH_MAX) return null
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    return null
  }
}
