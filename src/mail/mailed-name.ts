// Names that people choose and mails repeat: of a tenant, a person, a key. What they may hold, and how a mail shows them.
// A mail of this installation carries a name, and never an address to go to that somebody else chose.
import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { NO_GLYPH } from '../core/unseen.ts'

/** So much of a name stands in a mail: enough to know who it is, too little for a message of one's own. */
export const MAILED_NAME_LENGTH_MAX = 64

/** Any scheme with its slashes, those that need none, an e-mail address, and an IPv4 address, octal numbers in it or not. */
const ADDRESS =
  /:\/\/|https?:|mailto:|ftp:|@|(?<!\p{N})\d+(?:\.\d+){3}(?!\p{N})|(?<![\p{N}.])0\d{3,}(?:\.\d+)+/iu
/** A hexadecimal number is a network address to browsers, alone or between dots. */
const HEX_NUMBER = /(?<![\p{L}\p{N}])0x[0-9a-f]+(?![\p{L}\p{N}])/iu
/** What may be an IPv6 address: each is asked. */
const COLONS = /[0-9a-f]*:[0-9a-f:]+(?:\.\d+){0,3}/giu
/** What begins an encoded word (RFC 2047): mail programs show in its place what it encodes, whatever that is. */
const ENCODED_WORD = '=?'
/**
 * A word that mail software makes a link: labels joined by dots, the last of which begins with a letter and has two
 * characters or more. `St. John’s` and `No.1` are none. Any last label counts: the list of real ones grows every month.
 */
const DOMAIN = /[\p{L}\p{N}\p{M}_-]\.\p{L}[\p{L}\p{N}\p{M}-]/u
/** What browsers take for a dot between labels (UTS 46), beside what NFKC makes an ordinary one. */
const OTHER_DOTS = /[\u3002\uFF0E\uFF61]/g
/** Joiners and variation selectors: parts of words in some languages, and of pictures. */
const JOINERS = /\u200C|\u200D|\uFE0E|\uFE0F/g
/** What ends a line, turns the text around it, or is not seen. */
const UNSEEN = new RegExp(
  String.raw`(?!\u200C|\u200D|\uFE0E|\uFE0F)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}${NO_GLYPH}]`,
  'u',
)
/** An address that no software reads as anything else. */
const PLAIN_ADDRESS = /^[\p{L}\p{M}\p{N}._+'-]+@[\p{L}\p{M}\p{N}.-]+$/u

/** Whether a name, which must be bounded, holds an address of the web, of mail or of the network, or an encoded word. */
export function holdsAddress(name: string): boolean {
  const plain = name.replaceAll(JOINERS, '').normalize('NFKC').replaceAll(OTHER_DOTS, '.')
  return (
    [ADDRESS, DOMAIN, HEX_NUMBER].some((pattern) => pattern.test(plain)) ||
    plain.includes(ENCODED_WORD) ||
    (plain.match(COLONS) ?? []).some((text) => text !== '::' && isIPv6(text))
  )
}

/** A name of one line without an address in it. Empty is one, unless more is asked. */
export const mailedName = (lengthMax: number) =>
  z
    .string()
    .trim()
    // What is too long is not looked at further: normalising takes time that grows with the square of a text's marks.
    .max(lengthMax, { error: `at most ${lengthMax} characters`, abort: true })
    .refine((name) => !UNSEEN.test(name), { error: 'a name is one line of text', abort: true })
    .refine((name) => !holdsAddress(name), 'a name stands in mails: it holds no web or e-mail address')

/** A name as a mail shows it; `instead` for one that is empty, or was chosen before the rule above. */
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
