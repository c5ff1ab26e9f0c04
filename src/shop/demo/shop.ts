// The definition of a demo shop: its address, people, catalogue words, and its customers' countries. Types only; the
// two shops are acme.ts and globex.ts in words/.
import type { Country } from './words/places.ts'

/** An option in which a product varies: 'Forest', 'M', '28 cm'. */
export interface Option {
  label: string
  /** The suffix of the SKU. */
  code: string
  /** The factor of the price. Default: 1. */
  factor?: number
}

/** Options that belong together, in display order. */
export interface OptionSet {
  /** 'all': every product has all of them. 'some': one to four of them, as with colours. */
  take: 'all' | 'some'
  options: readonly Option[]
}

export interface Vendor {
  name: string
  code: string
  /** The names of its product lines, unique among vendors. */
  lines: readonly string[]
  /** A sentence about the vendor, for the end of a description. */
  note: string
}

/** One kind of product. Both vendors make every item, each in a line of its own. */
export interface Kind {
  category: string
  vendors: readonly [Vendor, Vendor]
  options: OptionSet
  /** Five items and their prices, in whole units of the shop's currency. */
  items: Record<string, number>
  /** Sentences that are true of every item. */
  features: readonly string[]
}

export interface Shop {
  slug: string
  /** The tenant's id is fixed, so that links and tokens also work on another machine. */
  tenantId: string
  name: string
  currency: string
  mailDomain: string
  /** Names of the members, by role. */
  people: readonly [owner: string, admin: string, staff: string, viewer: string]
  kinds: readonly Kind[]
  /** The customers' countries, with their weights. */
  markets: readonly { country: Country; weight: number }[]
  /** The shop's time zone, as an offset from UTC. */
  utcOffsetHours: number
}
