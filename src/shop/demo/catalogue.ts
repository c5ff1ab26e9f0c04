// The catalogue of a demo shop: products, their variants, and the period and price at which each is sold.
import { demoId } from './demo-id.ts'
import { CATALOGUE_FROM_MS, CATALOGUE_UNTIL_MS, DAY_MS, END_MS, OPENED_MS, workingMoment } from './period.ts'
import { charmPrice } from './price.ts'
import { type Random, randomFrom } from './random.ts'
import type { ProductRow, VariantRow } from './rows.ts'
import type { Kind, Option, Shop, Vendor } from './shop.ts'

/** A variant for sale, with its current and its former price. */
export interface OfferedVariant {
  row: VariantRow
  formerPriceMinor: bigint
  /** When the current price replaced the former one. */
  repricedAtMs: number
}

export interface Offer {
  product: ProductRow
  variants: OfferedVariant[]
  /** On sale from `saleFromMs`, inclusive, to `saleUntilMs`, exclusive; both are Infinity for a draft. */
  saleFromMs: number
  saleUntilMs: number
  /** The weight with which it is bought. */
  popularity: number
}

interface Plan {
  kind: Kind
  vendor: Vendor
  line: string
  item: string
  price: number
  status: ProductRow['status']
  createdAtMs: number
}

const DRAFTS = 9
const ARCHIVED = 14
/** The share of the catalogue that exists when the shop opens; the rest is added over time. */
const OPENING_SHARE = 0.62
/** The maximum age of a draft. */
const DRAFT_DAYS = 24
const FIRST_SKU_NUMBER = 1001
const OPTIONS_MAX = 4

/** All products of the shop with their variants, in order of creation. */
export function demoCatalogue(shop: Shop): Offer[] {
  const random = randomFrom(`${shop.slug}/catalogue`)
  const plans = planned(shop, random).sort((a, b) => a.createdAtMs - b.createdAtMs)
  const ranks = random.shuffled(plans.map((_, index) => index))
  return plans.map((plan, index) => offerOf(shop, plan, index, ranks[index] ?? index, random))
}

/** The products and their creation times, without their rows. */
function planned(shop: Shop, random: Random): Plan[] {
  const things = shop.kinds.flatMap((kind) =>
    Object.entries(kind.items).flatMap(([item, price]) =>
      kind.vendors.map((vendor, position) => ({
        kind,
        vendor,
        line: random.pick(vendor.lines),
        item,
        price: position === 0 ? price : price * (0.85 + random.next() * 0.4),
      })),
    ),
  )
  const openingCount = Math.floor(things.length * OPENING_SHARE)
  return random.shuffled(things).map((thing, index) => {
    const status = index < ARCHIVED ? 'ARCHIVED' : index >= things.length - DRAFTS ? 'DRAFT' : 'ACTIVE'
    return { ...thing, status, createdAtMs: createdAt(status, index < openingCount, shop, random) }
  })
}

function createdAt(status: ProductRow['status'], atOpening: boolean, shop: Shop, random: Random): number {
  const [from, until] =
    status === 'DRAFT'
      ? [END_MS - DRAFT_DAYS * DAY_MS, END_MS - 4 * DAY_MS]
      : atOpening
        ? [CATALOGUE_FROM_MS, CATALOGUE_UNTIL_MS - 3 * DAY_MS]
        : [OPENED_MS, END_MS - 40 * DAY_MS]
  return workingMoment(from + random.next() * (until - from), 0, random.next(), shop.utcOffsetHours)
}

function offerOf(shop: Shop, plan: Plan, index: number, rank: number, random: Random): Offer {
  const saleFromMs =
    plan.status === 'DRAFT' ? Number.POSITIVE_INFINITY : plan.createdAtMs + random.between(5, 10) * DAY_MS
  const archivedAtMs = workingMoment(
    END_MS - random.between(20, 400) * DAY_MS,
    0,
    random.next(),
    shop.utcOffsetHours,
  )
  const saleUntilMs = plan.status === 'ARCHIVED' ? archivedAtMs : Number.POSITIVE_INFINITY
  const product = productRow(plan, saleUntilMs, random)
  return {
    product,
    variants: variantsOf(shop, plan, index, product, random),
    saleFromMs,
    saleUntilMs,
    popularity: 1 / (rank + 12) / (1 + plan.price / 250),
  }
}

function productRow(plan: Plan, archivedAtMs: number, random: Random): ProductRow {
  const archived = plan.status === 'ARCHIVED'
  const edits = random.chance(0.4) ? random.between(1, 3) : 0
  const editedAtMs = plan.createdAtMs + Math.floor(random.next() * (END_MS - plan.createdAtMs))
  const updatedAtMs = archived ? archivedAtMs : edits > 0 ? editedAtMs : plan.createdAtMs
  const title = `${plan.line} ${plan.item}`
  const features = random.shuffled(plan.kind.features).slice(0, random.between(2, 3))
  return {
    id: demoId(plan.createdAtMs, random),
    handle: handleOf(title),
    title,
    description: [...features, plan.vendor.note].join(' '),
    vendor: plan.vendor.name,
    category: plan.kind.category,
    status: plan.status,
    version: 1 + edits + (archived ? 1 : 0),
    createdAt: new Date(plan.createdAtMs),
    updatedAt: new Date(updatedAtMs),
  }
}

function variantsOf(
  shop: Shop,
  plan: Plan,
  index: number,
  product: ProductRow,
  random: Random,
): OfferedVariant[] {
  const cents = shop.currency === 'USD' ? 99 : random.pick([95, 99] as const)
  const repriced = plan.status === 'ACTIVE' && plan.createdAtMs < END_MS - 200 * DAY_MS && random.chance(0.22)
  const ageMs = END_MS - plan.createdAtMs
  const repricedAtMs = repriced ? plan.createdAtMs + Math.floor((0.3 + random.next() * 0.6) * ageMs) : 0
  const formerShare = 0.86 + random.next() * 0.08
  return optionsOf(plan.kind, random).map((option, position) => {
    const amount = plan.price * 100 * (option.factor ?? 1)
    return {
      row: {
        id: demoId(plan.createdAtMs, random),
        productId: product.id,
        sku: `${plan.vendor.code}-${FIRST_SKU_NUMBER + index}-${option.code}`,
        title: option.label,
        priceMinor: charmPrice(amount, cents),
        currency: shop.currency,
        position,
        version: repriced ? 2 : 1,
        createdAt: product.createdAt,
        updatedAt: repriced ? new Date(repricedAtMs) : product.createdAt,
      },
      formerPriceMinor: charmPrice(amount * formerShare, cents),
      repricedAtMs,
    }
  })
}

function optionsOf(kind: Kind, random: Random): readonly Option[] {
  const { options, take } = kind.options
  if (take === 'all') return options
  const taken = new Set(
    random.shuffled(options).slice(0, random.between(1, Math.min(OPTIONS_MAX, options.length))),
  )
  return options.filter((option) => taken.has(option))
}

/** The handle of a title: 'Piazza Crêpe Pan' is 'piazza-crepe-pan'. */
function handleOf(title: string): string {
  return title
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036f’']/g, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
