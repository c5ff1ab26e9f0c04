// E-mail addresses: the one form in which two of them are compared, and what an address must be like. The database has the
// same rule as app.normalize_email; test/db/one-identity.test.ts holds the two equal.
import { domainToASCII, domainToUnicode } from 'node:url'
import { z } from 'zod'
import { NO_GLYPH } from './unseen.ts'

/** What SMTP takes of an address (RFC 5321, 4.5.3.1.3). */
export const EMAIL_LENGTH_MAX = 254
/**
 * A longer text equals no address in any form, and is not normalised: putting marks in order takes time that grows with the
 * square of their number (100,000 of them: seconds).
 */
const COMPARED_LENGTH_MAX = 1_000

/**
 * The form in which addresses are stored and compared: Unicode NFC, then A–Z as a–z, nothing else. Other letters have no
 * lower case that everybody agrees on: JavaScript makes `İ` two characters, PostgreSQL makes it `i`, `İ` or `i̇` as its
 * locale says, and each of these would make somebody another person.
 */
export function normalizeEmail(text: string): string {
  if (text.length > COMPARED_LENGTH_MAX) return text
  return text.normalize('NFC').replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * No space, control, bidi control, zero-width or other character that is not seen, none that Unicode has not assigned
 * (databases of another age would normalise it otherwise), and none that mail software reads as more than one address.
 */
const PART = String.raw`[^\s@<>()[\]\\,;:"\p{C}\p{Z}${NO_GLYPH}]+`
const ADDRESS = new RegExp(`^${PART}@(${PART})$`, 'u')
const EMPTY_LABEL = /^\.|\.\.|\.$/

/** Whether a text is one address, of at most EMAIL_LENGTH_MAX characters, with nothing beside it. */
export function isEmailAddress(text: string): boolean {
  if (text.length > EMAIL_LENGTH_MAX) return false
  const domain = ADDRESS.exec(text)?.[1]
  return domain !== undefined && isCanonicalDomain(domain)
}

/**
 * Mail software maps a domain (IDNA, UTS 46) before it looks it up: full-width letters, ideographic dots and capitals of
 * other alphabets are others there, and so would one person have many addresses. Only a domain that is mapped to itself is
 * taken, in its letters or in `xn--`, and none with an empty label, such as behind a last dot.
 */
function isCanonicalDomain(domain: string): boolean {
  if (EMPTY_LABEL.test(domain)) return false
  const ascii = domainToASCII(domain)
  return ascii === domain || (ascii !== '' && domainToUnicode(ascii) === domain)
}

/** The spellings of one mailbox: with its domain in ASCII (`xn--…`), which is the first, and in its letters. */
export function spellingsOf(address: string): readonly [string, string] {
  const at = address.lastIndexOf('@') + 1
  const ascii = domainToASCII(address.slice(at))
  if (ascii === '') return [address, address]
  return [address.slice(0, at) + ascii, address.slice(0, at) + domainToUnicode(ascii)]
}

/** An address that somebody typed, in the form in which it is compared. Spaces of a keyboard around it are left out. */
export const emailAddress = z
  .string()
  .max(EMAIL_LENGTH_MAX, `at most ${EMAIL_LENGTH_MAX} characters`)
  .transform((text) => normalizeEmail(text.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')))
  .refine(isEmailAddress, 'this is no e-mail address')
