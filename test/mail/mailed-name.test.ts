// The names that mails contain, and how a mail shows an older one.
import { describe, expect, it } from 'vitest'
import {
  holdsAddress,
  MAILED_NAME_LENGTH_MAX,
  mailedName,
  showAddress,
  showName,
} from '../../src/mail/mailed-name.ts'
import { oneLine } from '../../src/mail/mailer.ts'

const LENGTH_MAX = 200
const messages = (name: string) =>
  mailedName(LENGTH_MAX)
    .safeParse(name)
    .error?.issues.map(({ message }) => message) ?? []

const ADDRESSES = [
  'https://evil.example/win',
  'HTTP://EVIL',
  'ftp://x',
  'see evil.example',
  'www.evil.example',
  'evil.com',
  'Evil.CO.UK now',
  'evil\u3002com',
  'evil\uFF0Ecom',
  'evil\u2024com',
  'evil\uFF61com',
  '\uFF45vil.\uFF43om',
  '例子.公司',
  'xn--fsq.xn--55qx5d',
  'a.b-c.de/path?x=1',
  'ev\u200Cil.c\u200Dom',
  'win@evil.example',
  'win\uFF20evil',
  'mailto:win@evil',
  'javascript://x',
  'https\uFF1A//evil',
  'go to 192.0.2.1 now',
  '0300.0.0002.0001',
  '0177.1',
  'at 0x7f000001',
  '0x7f.0.0.1',
  'https:evil',
  'http:\\\\evil',
  'HTTP:/evil',
  'mailto:win',
  'h\u200Dttps:evil',
  '[2001:db8::1]',
  'fe80::1',
  '2001:db8:0:0:0:0:0:1',
  '::ffff:192.0.2.1',
  '=?UTF-8?Q?Win_at_evil=2Ecom/x?=',
  '\uFF1D?UTF-8?B?eA==?=',
]

describe('a name', () => {
  it.each([
    '',
    'Acme Outfitters',
    'St. John’s & Sons',
    'No.1 Shop, 24/7',
    'J. R. R. Tolkien',
    'Müller-Lüdenscheidt GmbH & Co. KG',
    'Yahoo!',
    'Open 10:30:45',
    'Kaffee :: Kuchen',
    'seit 01.12.2020',
    '2 + 2 = 4, why?',
    'Tel: 030 1234567',
    'Ein Laden: alles 3.50',
    'نمی\u200Cخواهم',
    '👩\u200D🔧 Repairs ❤\uFE0F',
    '株式会社\u3000例',
    '<img src=x onerror=alert(1)>',
  ])('%j is taken', (name) => {
    expect(messages(name)).toEqual([])
    expect(showName(name.trim(), 'instead')).toBe(name.trim() || 'instead')
  })

  it.each(ADDRESSES)('with the address %j is refused, and not shown', (name) => {
    expect(holdsAddress(name)).toBe(true)
    expect(messages(`Shop ${name}`)).toEqual([
      'a name must not contain a web or e-mail address, since mails contain it',
    ])
    expect(showName(`Shop ${name}`, 'acme')).toBe('acme')
  })

  it.each([
    'a\nb',
    'a\r\nBcc: x',
    'a\u2028b',
    'a\u0085b',
    'a\0b',
    'a\u202Eb',
    'a\u2066b',
    'a\u200Bb',
    'a\u00ADb',
    'a\u2800b',
    'a\u{16FE4}b',
    'a\u{1D159}b',
    'a\uFEFFb',
    'a\u{E0041}b',
    'a\uD800b',
  ])('with what ends a line or is not seen (%j) is refused, and not shown', (name) => {
    expect(messages(name)).toEqual(['a name is one line of text'])
    expect(showName(name, 'acme')).toBe('acme')
  })

  it('is bounded, and in a mail more so', () => {
    expect(messages('n'.repeat(LENGTH_MAX + 1))).toEqual([
      expect.stringContaining(`<=${LENGTH_MAX} characters`),
    ])
    const shown = showName('👍'.repeat(100), 'acme')
    expect([...shown]).toHaveLength(MAILED_NAME_LENGTH_MAX)
    expect(shown.endsWith('…')).toBe(true)
    expect(shown.isWellFormed()).toBe(true)
  })

  it('that is long is not normalised: ordering marks takes quadratic time', () => {
    expect(messages(`a${'\u0301'.repeat(60_000)}${'\u0316'.repeat(60_000)}`)).toHaveLength(1)
  })
})

it('a member’s address is shown if no part of it reads as another', () => {
  for (const address of ['owner@acme.example', "o'neil+tag@x-y.example", 'jörg@münchen.example'])
    expect(showAddress(address, 'A colleague')).toBe(address)
  for (const address of [
    'evil.example/win@x.example',
    'a?b@x.example',
    'a#b@x.example',
    'http%3a//evil@x.example',
    `${'a'.repeat(MAILED_NAME_LENGTH_MAX)}@x.example`,
  ])
    expect(showAddress(address, 'A colleague')).toBe('A colleague')
})

it('a subject contains no encoded word, which mail programs would decode', () => {
  expect(oneLine('Join =?UTF-8?Q?Win_at_evil=2Ecom/x?=')).toBe('Join = ?UTF-8?Q?Win_at_evil=2Ecom/x?=')
  expect(oneLine('==?UTF-8?Q?x?==?UTF-8?Q?y?=')).not.toContain('=?')
})
