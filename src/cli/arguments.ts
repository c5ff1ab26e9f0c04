// Parsers of command-line arguments for commander, each with one error message.
import { InvalidArgumentError } from 'commander'
import { emailAddress } from '../core/email.ts'
import { isCurrency } from '../core/money.ts'
import { isTimeZone, localeOf } from '../core/region.ts'
import { isSlug } from '../core/slug.ts'
import { mailedName } from '../mail/mailed-name.ts'

const NAME_LENGTH_MAX = 200
const NAME = mailedName(NAME_LENGTH_MAX).min(1)

export function parseSlug(text: string): string {
  if (isSlug(text)) return text
  throw new InvalidArgumentError('A slug is 1 to 63 of a-z, 0-9 and single hyphens within.')
}

/** In the form in which addresses are stored and compared. */
export function parseEmail(text: string): string {
  const email = emailAddress.safeParse(text)
  if (email.success) return email.data
  throw new InvalidArgumentError('This is not an e-mail address.')
}

export function parseName(text: string): string {
  const name = NAME.safeParse(text)
  if (name.success) return name.data
  throw new InvalidArgumentError(
    `A name has 1 to ${NAME_LENGTH_MAX} characters on one line, and no web or e-mail address in it, since mails contain it.`,
  )
}

export function parseCurrency(text: string): string {
  if (isCurrency(text)) return text
  throw new InvalidArgumentError('A currency is a code of ISO 4217, such as USD.')
}

export function parseTimeZone(text: string): string {
  if (isTimeZone(text)) return text
  throw new InvalidArgumentError('A time zone is a name of the IANA database, such as Europe/Berlin.')
}

/** In its canonical form. */
export function parseLocale(text: string): string {
  const locale = localeOf(text)
  if (locale !== null) return locale
  throw new InvalidArgumentError('A language is a tag of BCP 47, such as de or pt-BR.')
}

/** Parses a whole number of days from 1 to `max`. */
export function parseDays(max: number): (text: string) => number {
  return (text) => {
    const days = /^\d{1,3}$/.test(text) ? Number(text) : 0
    if (days >= 1 && days <= max) return days
    throw new InvalidArgumentError(`A whole number of days from 1 to ${max}.`)
  }
}
