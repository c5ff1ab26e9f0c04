// Which collation a language is sorted by.
import { expect, it } from 'vitest'
import { collationOf, ROOT_COLLATION } from '../../src/core/collation.ts'

it.each([
  ['en', ROOT_COLLATION],
  ['de-AT', ROOT_COLLATION],
  ['pt-BR', ROOT_COLLATION],
  ['de-u-co-phonebk', ROOT_COLLATION],
  ['sv', 'sv-x-icu'],
  ['sv-FI', 'sv-x-icu'],
  ['es-MX', 'es-x-icu'],
  ['no', 'nb-x-icu'],
  ['nn-NO', 'nn-x-icu'],
  ['fr-CA', 'fr-CA-x-icu'],
  ['fr-CH', ROOT_COLLATION],
  ['zh', 'zh-x-icu'],
  ['zh-TW', 'zh-Hant-x-icu'],
  ['sr-Latn-RS', 'sr-Latn-x-icu'],
])('%s: %s', (locale, collation) => expect(collationOf(locale)).toBe(collation))

// Letters of the languages of Europe, alone and in pairs, which some of them sort as letters of their own.
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz']
const TEXTS = [
  ...LETTERS,
  ...LETTERS.flatMap((one) => LETTERS.map((other) => `${one}${other}z`)),
  ...Array.from({ length: 0x1_80 }, (_, n) => String.fromCodePoint(0xc0 + n)),
  ...Array.from({ length: 0x1_60 }, (_, n) => String.fromCodePoint(0x3_70 + n)),
  ...['cote', 'coté', 'côte', 'côté'],
]
const orderIn = (language: string) => TEXTS.toSorted(new Intl.Collator(language).compare).join(' ')
const LANGUAGES =
  'ca cs cy da de el en es et fi fr ga hr hu is it lb lt lv mt nb nl pl pt ro sk sl sq sv tr uk fr-CA de-AT pt-BR es-419'

it.each(LANGUAGES.split(' '))(
  '%s has its own collation if ICU sorts it otherwise than English',
  (language) => {
    expect(collationOf(language) !== ROOT_COLLATION).toBe(orderIn(language) !== orderIn('en'))
  },
)
