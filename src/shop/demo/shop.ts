// What a demo shop is made of: its address, its people, the words of its catalogue, and where its customers live.
// Shapes only; the two shops are acme.ts and globex.ts in words/.
import type { Country } from './words/places.ts'

/** One way in which a product varies: 'Forest', 'M', '28 cm'. */
export interface Option {
  label: string
  /** What the SKU ends in. */
  code: string
  /** What the price is multiplied by; 1 when absent. */
  factor?: number
}

/** Options that belong together, in the order in which a shop shows them. */
export interface OptionSet {
  /** 'all': every product has them all. 'some': one to four of them, as with colours. */
  take: 'all' | 'some'
  options: readonly Option[]
}

export interface Vendor {
  name: string
  code: string
  /** The names of its product lines, no other vendor's. */
  lines: readonly string[]
  /** A sentence about it, for the end of a description. */
  note: string
}

/** One kind of product. Every item is made by both vendors, each in a line of its own. */
export interface Kind {
  category: string
  vendors: readonly [Vendor, Vendor]
  options: OptionSet
  /** Five things and what they cost, in whole units of the shop's currency. */
  items: Record<string, number>
  /** Sentences that are true of each item. */
  features: readonly string[]
}

export interface Shop {
  slug: string
  /** Of the tenant itself, fixed for good: links and tokens of one day still work on the next machine. */
  tenantId: string
  name: string
  currency: string
  mailDomain: string
  /** Names of the owner, the administrator, the member of staff and the viewer. */
  people: readonly [owner: string, admin: string, staff: string, viewer: string]
  kinds: readonly Kind[]
  /** Where customers live, each as often as its weight says. */
  markets: readonly { country: Country; weight: number }[]
  /** Of the shop's working day, from UTC. */
  utcOffsetHours: number
}
