// E-mail addresses: their canonical form for comparison, and their validation. The database has the same rule as
// app.normalize_email; test/db/one-identity.test.ts compares the two.
import { domainToASCII, domainToUnicode } from 'node:url'
import { z } from 'zod'
import { NO_GLYPH } from './unseen.ts'

/** The maximum of SMTP (RFC 5321, 4.5.3.1.3). */
export const EMAIL_LENGTH_MAX = 254
/**
 * A longer text is never a valid address, and is not normalised: ordering combining marks takes quadratic time (100,000
 * of them: seconds).
 */
const COMPARED_LENGTH_MAX = 1_000

/**
 * The form in which addresses are stored and compared: Unicode NFC, then A–Z as a–z, nothing else. Lower case of other
 * letters depends on the software: JavaScript makes `İ` two characters, PostgreSQL makes it `i`, `İ` or `i̇` by locale,
 * and each would be another person.
 */
export function normalizeEmail(text: string): string {
  if (text.length > COMPARED_LENGTH_MAX) return text
  return text.normalize('NFC').replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * No spaces, controls, bidi controls, zero-width or other invisible characters, no unassigned code points (databases of
 * other Unicode versions would normalise them differently), and none that mail software reads as several addresses.
 */
const PART = String.raw`[^\s@<>()[\]\\,;:"\p{C}\p{Z}${NO_GLYPH}]+`
const ADDRESS = new RegExp(`^${PART}@(${PART})$`, 'u')
const EMPTY_LABEL = /^\.|\.\.|\.$/

/** Whether the text is exactly one address, of at most EMAIL_LENGTH_MAX characters. */
export function isEmailAddress(text: string): boolean {
  if (text.length > EMAIL_LENGTH_MAX) return false
  const domain = ADDRESS.exec(text)?.[1]
  return domain !== undefined && isCanonicalDomain(domain)
}

/**
 * Mail software maps a domain (IDNA, UTS 46) before it looks it up: full-width letters, ideographic dots and capitals
 * of other alphabets change, so one person would have many addresses. Only a domain that maps to itself is accepted, in
 * Unicode or in `xn--`, and none with an empty label, such as after a trailing dot.
 */
function isCanonicalDomain(domain: string): boolean {
  if (EMPTY_LABEL.test(domain)) return false
  const ascii = domainToASCII(domain)
  return ascii === domain || (ascii !== '' && domainToUnicode(ascii) === domain)
}

/** The two spellings of one mailbox: with its domain in ASCII (`xn--…`) first, and in Unicode. */
export function spellingsOf(address: string): readonly [string, string] {
  const at = address.lastIndexOf('@') + 1
  const ascii = domainToASCII(address.slice(at))
  if (ascii === '') return [address, address]
  return [address.slice(0, at) + ascii, address.slice(0, at) + domainToUnicode(ascii)]
}

/** An address from user input, in its canonical form. Surrounding spaces are removed. */
export const emailAddress = z
  .string()
  .max(EMAIL_LENGTH_MAX)
  .transform((text) => normalizeEmail(text.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')))
  .refine(isEmailAddress, {
    error: 'this is not an e-mail address',
    params: { code: 'FORMAT', expected: 'an e-mail address' },
  })
