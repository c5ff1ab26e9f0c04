// E-mail addresses: the one form in which two of them are compared, and what an address must be like. The database has the
// same rule as app.normalize_email; test/db/one-identity.test.ts holds the two equal.
import { z } from 'zod'

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
 * No space, control, bidi control, zero-width or other character that is not seen (U+2800 is a letter's worth of nothing),
 * none that Unicode has not assigned (databases of another age would normalise it otherwise), and none that mail software
 * reads as more than one address.
 */
const PART = String.raw`[^\s@<>()[\]\\,;:"\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]+`
const ADDRESS = new RegExp(`^${PART}@${PART}$`, 'u')

/** Whether a text is one address, of at most EMAIL_LENGTH_MAX characters, with nothing beside it. */
export function isEmailAddress(text: string): boolean {
  return text.length <= EMAIL_LENGTH_MAX && ADDRESS.test(text)
}

/** An address that somebody typed, in the form in which it is compared. Spaces of a keyboard around it are left out. */
export const emailAddress = z
  .string()
  .max(EMAIL_LENGTH_MAX, `at most ${EMAIL_LENGTH_MAX} characters`)
  .transform((text) => normalizeEmail(text.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')))
  .refine(isEmailAddress, 'this is no e-mail address')
