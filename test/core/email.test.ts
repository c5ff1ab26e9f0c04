// The canonical form of an e-mail address, and its validation. one-identity.test.ts compares with the database.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  EMAIL_LENGTH_MAX,
  emailAddress,
  isEmailAddress,
  normalizeEmail,
  spellingsOf,
} from '../../src/core/email.ts'

const parse = (text: string) => emailAddress.safeParse(text)

describe('the form', () => {
  it.each([
    ['Owner@ACME.example', 'owner@acme.example'],
    // Letters outside ASCII keep their case, since programs differ in it.
    ['admİn@acme.example', 'admİn@acme.example'],
    ['admın@acme.example', 'admın@acme.example'],
    ['ſtaff@acme.example', 'ſtaff@acme.example'],
    ['JÖRG@acme.example', 'jÖrg@acme.example'],
    ['ΣΊΣΥΦΟΣ@acme.example', 'ΣΊΣΥΦΟΣ@acme.example'],
    // Two spellings of one letter are equal.
    ['jo\u0308rg@acme.example', 'jörg@acme.example'],
    ['\u212Aim@acme.example', 'kim@acme.example'],
    // Letters that only look alike are different.
    ['\uFF4Bim@acme.example', '\uFF4Bim@acme.example'],
  ])('of %s is %s', (given, expected) => {
    expect(normalizeEmail(given)).toBe(expected)
  })

  it('is idempotent for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const form = normalizeEmail(text)
        expect(normalizeEmail(form)).toBe(form)
      }),
    )
  })

  it('of a too long text costs nothing: ordering marks takes quadratic time', () => {
    const long = `A${'\u0301'.repeat(60_000)}${'\u0316'.repeat(60_000)}`
    expect(normalizeEmail(long)).toBe(long)
    expect(parse(long).error?.issues).toMatchObject([{ code: 'too_big', maximum: EMAIL_LENGTH_MAX }])
  })
})

describe('an address', () => {
  it.each([
    'a@b',
    ' Kim@People.example\n',
    "o'neil+tag@x.example",
    'jörg@münchen.example',
    '用户@例子.example',
    'a@xn--mnchen-3ya.example',
    'a@straße.example',
    'a@a_b.example',
  ])('%j is taken, in its form', (text) => {
    expect(parse(text).data).toBe(normalizeEmail(text.trim()))
  })

  const UNSEEN =
    '\0 \t \v \u0085 \u00A0 \u00AD \u034F \u061C \u115F \u1160 \u1680 \u17B4 \u180B \u180E \u2000 \u200B \u200C \u200D \u200E \u202A \u202E \u2028 \u2029 \u202F \u205F \u2060 \u2061 \u2066 \u2069 \u2800 \u3000 \u3164 \uFE00 \uFE0F \uFEFF \uFFA0 \uFFF9 \u{16FE4} \u{1D159} \u{13437} \u070F \uE000 \u{1D173} \u{E0001} \u{E0100} \uD800 \u0378'
  it.each([...UNSEEN.split(' ').filter(Boolean), ' '].map((one) => [one.codePointAt(0)?.toString(16), one]))(
    'with U+%s anywhere in it is none',
    (_code, one) => {
      for (const text of [`a${one}b@x.example`, `a@x${one}.example`, `${one}a${one}@x.example`]) {
        expect(parse(text).error?.issues).toMatchObject([{ message: 'this is not an e-mail address' }])
      }
    },
  )

  it.each([
    '',
    'a',
    '@x.example',
    'a@',
    'a@@x.example',
    'a@x@y',
    'Jo <a@x.example>',
    'a@x.example, b@x.example',
    'g: a@x.example;',
    '"a b"@x.example',
    `${'a'.repeat(EMAIL_LENGTH_MAX)}@x`,
    // Its canonical form contains the sign that separates addresses.
    'a\u037Eb@x.example',
    // Mail software reads these as one@people.example, and the last as another's capital.
    'one@\uFF50eople.example',
    'one@people\u3002example',
    'one@people\uFF0Eexample',
    'one@people\uFF61example',
    'one@people.example.',
    'one@.people.example',
    'one@people..example',
    'one@mÜnchen.example',
    'one@127.1',
    'one@a%2eb',
    // Its canonical form is three times as long.
    `${'\u{1D160}'.repeat(100)}@x.example`,
  ])('%j is none', (text) => {
    expect(parse(text).success).toBe(false)
    expect(isEmailAddress(normalizeEmail(text))).toBe(false)
  })
})

it.each(['a@münchen.example', 'a@xn--mnchen-3ya.example', 'a@m\uFF55\u0308nchen.example'])(
  '%s has the spellings of its mailbox',
  (address) => expect(spellingsOf(address)).toEqual(['a@xn--mnchen-3ya.example', 'a@münchen.example']),
)
