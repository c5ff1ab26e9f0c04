// Names that people choose and that mails contain: of a tenant, a person, a key. Restricts what they may contain, and
// formats them for a mail. A mail must not carry a URL or address that somebody chose.
import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { NO_GLYPH } from '../core/unseen.ts'

/** The length of a name in a mail: enough to identify, too little for a message. */
export const MAILED_NAME_LENGTH_MAX = 64

/**
 * Any scheme with its slashes, those that need none, an e-mail address, and an IPv4 address, also with octal numbers.
 */
const ADDRESS =
  /:\/\/|https?:|mailto:|ftp:|@|(?<!\p{N})\d+(?:\.\d+){3}(?!\p{N})|(?<![\p{N}.])0\d{3,}(?:\.\d+)+/iu
/** Browsers read a hexadecimal number as a network address, alone or between dots. */
const HEX_NUMBER = /(?<![\p{L}\p{N}])0x[0-9a-f]+(?![\p{L}\p{N}])/iu
/** Candidates for an IPv6 address; each is tested. */
const COLONS = /[0-9a-f]*:[0-9a-f:]+(?:\.\d+){0,3}/giu
/** The start of an encoded word (RFC 2047), which mail programs decode. */
const ENCODED_WORD = '=?'
/**
 * A word that mail software makes a link: labels joined by dots, the last of which begins with a letter and has two
 * characters or more. `St. John’s` and `No.1` are not. Any last label counts: the list of real ones grows every month.
 */
const DOMAIN = /[\p{L}\p{N}\p{M}_-]\.\p{L}[\p{L}\p{N}\p{M}-]/u
/** Characters that browsers take for a dot between labels (UTS 46), beyond those that NFKC maps to one. */
const OTHER_DOTS = /[\u3002\uFF0E\uFF61]/g
/** Joiners and variation selectors: parts of words in some languages, and of emoji. */
const JOINERS = /\u200C|\u200D|\uFE0E|\uFE0F/g
/** Line ends, bidi controls and invisible characters. */
const UNSEEN = new RegExp(
  String.raw`(?!\u200C|\u200D|\uFE0E|\uFE0F)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}${NO_GLYPH}]`,
  'u',
)
/** An address that no software reads as anything else. */
const PLAIN_ADDRESS = /^[\p{L}\p{M}\p{N}._+'-]+@[\p{L}\p{M}\p{N}.-]+$/u

/** Whether a name, which must be bounded, contains a URL, an e-mail or network address, or an encoded word. */
export function holdsAddress(name: string): boolean {
  const plain = name.replaceAll(JOINERS, '').normalize('NFKC').replaceAll(OTHER_DOTS, '.')
  return (
    [ADDRESS, DOMAIN, HEX_NUMBER].some((pattern) => pattern.test(plain)) ||
    plain.includes(ENCODED_WORD) ||
    (plain.match(COLONS) ?? []).some((text) => text !== '::' && isIPv6(text))
  )
}

/** A name of one line without an address in it; may be empty. */
export const mailedName = (lengthMax: number) =>
  z
    .string()
    .trim()
    // Too long names are not examined further: normalising takes time quadratic in the number of marks.
    .max(lengthMax, { abort: true })
    .refine((name) => !UNSEEN.test(name), {
      error: 'a name is one line of text',
      abort: true,
      params: { code: 'FORMAT', expected: 'one line of text' },
    })
    .refine((name) => !holdsAddress(name), {
      error: 'a name must not contain a web or e-mail address, since mails contain it',
      params: { code: 'FORMAT', expected: 'a name without a web or e-mail address' },
    })

/** A name as a mail shows it; `instead` replaces an empty name, or one older than the rule above. */
export function showName(name: string, instead: string): string {
  if (name === '' || UNSEEN.test(name) || holdsAddress(name)) return instead
  const characters = [...name]
  if (characters.length <= MAILED_NAME_LENGTH_MAX) return name
  return `${characters.slice(0, MAILED_NAME_LENGTH_MAX - 1).join('')}…`
}

/** A member's own address as a mail shows it. */
export function showAddress(address: string, instead: string): string {
  return address.length <= MAILED_NAME_LENGTH_MAX && PLAIN_ADDRESS.test(address) ? address : instead
}
