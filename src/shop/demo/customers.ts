// The customers of a demo shop: a name from a list of their culture, and an address in the format of their country.
import { demoId } from './demo-id.ts'
import { CATALOGUE_UNTIL_MS, DAY_MS, END_MS, OPENED_MS } from './period.ts'
import { type Random, randomFrom } from './random.ts'
import type { CustomerRow } from './rows.ts'
import type { Shop } from './shop.ts'
import { names } from './words/names.ts'
import type { Country } from './words/places.ts'

export interface DemoCustomer {
  row: CustomerRow
  /** The weight with which they order. */
  loyalty: number
}

const CUSTOMERS = 500
/** Customers who sign up before the opening, so that the first order has a buyer. */
const EARLY_CUSTOMERS = 40
/** Reserved by RFC 2606, so that no mail reaches anybody. */
const MAIL_DOMAINS = [
  'example.com',
  'example.com',
  'example.net',
  'example.org',
  'mail.example',
  'post.example',
]
/** Letters that British, Canadian, Dutch and Irish postal codes all use. */
const POSTAL_LETTERS = 'ABEGHJLNPRTWXY'.split('')
/** Letters that Unicode does not decompose. */
const LETTERS: Record<string, string> = {
  ß: 'ss',
  ø: 'o',
  æ: 'ae',
  ł: 'l',
  đ: 'd',
  ı: 'i',
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
}

/** All customers of the shop, in order of signing up. */
export function demoCustomers(shop: Shop): DemoCustomer[] {
  const random = randomFrom(`${shop.slug}/customers`)
  const taken = new Set<string>()
  return signUps(random).map((signedUpMs) => customerOf(shop, signedUpMs, taken, random))
}

function signUps(random: Random): number[] {
  const moments = Array.from({ length: CUSTOMERS }, (_, index) => {
    const [from, until] =
      index < EARLY_CUSTOMERS ? [CATALOGUE_UNTIL_MS, OPENED_MS] : [OPENED_MS, END_MS - DAY_MS]
    return Math.floor(from + random.next() * (until - from))
  })
  return moments.sort((a, b) => a - b)
}

function customerOf(shop: Shop, signedUpMs: number, taken: Set<string>, random: Random): DemoCustomer {
  const { country } = random.weighted(shop.markets, (market) => market.weight)
  const list = names[random.pick(country.cultures)]
  const given = random.pick(list.given.split(', '))
  const family = random.pick(list.family.split(', '))
  const moved = random.chance(0.18)
  const movedMs = signedUpMs + Math.floor(random.next() * (END_MS - signedUpMs))
  return {
    row: {
      id: demoId(signedUpMs, random),
      email: freeAddress(
        `${mailPart(given)}${random.pick(['.', '.', '-', ''])}${mailPart(family)}`,
        taken,
        random,
      ),
      name: 'familyFirst' in list ? `${family} ${given}` : `${given} ${family}`,
      phone:
        country.phone && random.chance(0.7) ? filled(random.pick(country.phone.split(', ')), random) : null,
      ...addressOf(country, random),
      version: moved ? 2 : 1,
      createdAt: new Date(signedUpMs),
      updatedAt: new Date(moved ? movedMs : signedUpMs),
    },
    loyalty: 1 / random.between(1, 12),
  }
}

function addressOf(country: Country, random: Random) {
  const street = random.pick(country.streets.split(', '))
  const [city, code] = random.pick(Object.entries(country.cities))
  const number = random.between(1, country.code === 'US' ? 4800 : 140)
  return {
    addressLine1: country.line.replace('street', street).replace('number', String(number)),
    addressLine2: random.chance(0.25) ? filled(country.flat, random) : null,
    city,
    postalCode: filled(code, random),
    country: country.code,
  }
}

/** A pattern with each '#' replaced by a digit and each '@' by a letter. */
function filled(pattern: string, random: Random): string {
  return pattern
    .replaceAll('#', () => String(random.between(1, 9)))
    .replaceAll('@', () => random.pick(POSTAL_LETTERS))
}

/** The first of `local@…`, `local2@…`, … that is free. */
function freeAddress(local: string, taken: Set<string>, random: Random): string {
  const domain = random.pick(MAIL_DOMAINS)
  let address = `${local}@${domain}`
  for (let suffix = 2; taken.has(address); suffix += 1) address = `${local}${suffix}@${domain}`
  taken.add(address)
  return address
}

function mailPart(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFD')
    .replaceAll(/[^a-z]/g, '')
}
