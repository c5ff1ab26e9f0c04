// What people may write after a command: parsers for commander, each with one message. Knows no command.
import { InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { isCurrency } from '../core/money.ts'

/** As app.tenant_directory has it. */
const SLUG = /^[a-z0-9](-?[a-z0-9]){0,62}$/
const EMAIL_LENGTH_MAX = 254
const NAME_LENGTH_MAX = 200

export function parseSlug(text: string): string {
  if (SLUG.test(text)) return text
  throw new InvalidArgumentError('A slug is 1 to 63 of a-z, 0-9 and single hyphens within.')
}

/** In lower case, as members are kept. */
export function parseEmail(text: string): string {
  const email = z.email().max(EMAIL_LENGTH_MAX).safeParse(text)
  if (email.success) return email.data.toLowerCase()
  throw new InvalidArgumentError('This is not an e-mail address.')
}

export function parseName(text: string): string {
  const name = text.trim()
  if (name !== '' && name.length <= NAME_LENGTH_MAX) return name
  throw new InvalidArgumentError(`A name has 1 to ${NAME_LENGTH_MAX} characters.`)
}

export function parseCurrency(text: string): string {
  if (isCurrency(text)) return text
  throw new InvalidArgumentError('A currency is a code of ISO 4217, such as USD.')
}
