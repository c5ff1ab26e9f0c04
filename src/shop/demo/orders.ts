// The orders of a demo shop and their lines: who buys what at which price. order-times.ts gives the times,
// order-course.ts the history.
import type { Offer, OfferedVariant } from './catalogue.ts'
import type { DemoCustomer } from './customers.ts'
import { demoId } from './demo-id.ts'
import { type Course, courseOf } from './order-course.ts'
import { orderTimes } from './order-times.ts'
import { type Random, randomFrom } from './random.ts'
import type { OrderLineRow, OrderRow } from './rows.ts'
import type { Shop } from './shop.ts'

export interface DemoOrder {
  row: OrderRow
  lines: OrderLineRow[]
  /** Null: not paid. */
  paidAtMs: number | null
  refundedAtMs: number | null
}

const ORDERS = 3_000
/** The number of lines of an order: one in most, at most five. */
const LINE_COUNTS = [1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5]
const QUANTITIES = [1, 1, 1, 1, 1, 1, 1, 2, 2, 3]
/** Below this price several pieces are bought at once. */
const SMALL_PRICE_MINOR = 10_00n
const SMALL_QUANTITIES = [1, 1, 2, 2, 3, 4, 6]

/** All orders of the shop, numbered from 1 in order of placing. */
export function demoOrders(
  shop: Shop,
  offers: readonly Offer[],
  customers: readonly DemoCustomer[],
): DemoOrder[] {
  const random = randomFrom(`${shop.slug}/orders`)
  return orderTimes(shop, ORDERS, random).map((placedAtMs, index) => {
    const known = customers.filter(({ row }) => row.createdAt.getTime() < placedAtMs)
    const customer = random.weighted(known, ({ loyalty }) => loyalty)
    const course = courseOf(placedAtMs, shop.utcOffsetHours, random)
    const id = demoId(placedAtMs, random)
    const lines = linesOf(id, shop.currency, placedAtMs, offers, random)
    const row = orderRow(id, index + 1, customer.row, placedAtMs, course, lines, random)
    return { row, lines, paidAtMs: course.paidAtMs, refundedAtMs: course.refundedAtMs }
  })
}

function linesOf(
  orderId: string,
  currency: string,
  atMs: number,
  offers: readonly Offer[],
  random: Random,
): OrderLineRow[] {
  let onSale = offers.filter((offer) => offer.saleFromMs <= atMs && atMs < offer.saleUntilMs)
  return Array.from({ length: random.pick(LINE_COUNTS) }, (_, position) => {
    const offer = random.weighted(onSale, ({ popularity }) => popularity)
    onSale = onSale.filter((other) => other !== offer)
    const variant = random.pick(offer.variants)
    const unitPriceMinor = priceAt(variant, atMs)
    const quantity = random.pick(unitPriceMinor < SMALL_PRICE_MINOR ? SMALL_QUANTITIES : QUANTITIES)
    return {
      id: demoId(atMs, random),
      orderId,
      position,
      variantId: variant.row.id,
      sku: variant.row.sku,
      title: lineTitle(offer, variant),
      quantity,
      currency,
      unitPriceMinor,
      totalMinor: unitPriceMinor * BigInt(quantity),
    }
  })
}

function priceAt(variant: OfferedVariant, atMs: number): bigint {
  return atMs < variant.repricedAtMs ? variant.formerPriceMinor : variant.row.priceMinor
}

function lineTitle(offer: Offer, variant: OfferedVariant): string {
  return offer.variants.length === 1 ? offer.product.title : `${offer.product.title} – ${variant.row.title}`
}

function orderRow(
  id: string,
  number: number,
  customer: DemoCustomer['row'],
  placedAtMs: number,
  course: Course,
  lines: readonly OrderLineRow[],
  random: Random,
): OrderRow {
  const totalMinor = lines.reduce((sum, line) => sum + line.totalMinor, 0n)
  const refundedMinor = refundOf(course, totalMinor, lines, random)
  return {
    id,
    number,
    customerId: customer.id,
    status: course.status,
    paymentStatus: paymentStatusOf(course),
    currency: lines[0]?.currency ?? '',
    totalMinor,
    paidMinor: course.paidAtMs === null ? 0n : totalMinor,
    refundedMinor,
    // All refunds came after the payment.
    reducedMinor: refundedMinor,
    ...agreedWith(customer),
    holdsStock: course.status === 'PLACED' || course.status === 'PAID',
    cancelReason: course.cancelReason,
    version: course.version,
    placedAt: new Date(placedAtMs),
    fulfilledAt: dateOf(course.fulfilledAtMs),
    cancelledAt: dateOf(course.cancelledAtMs),
    updatedAt: new Date(course.updatedAtMs),
  }
}

function agreedWith({
  name,
  email,
  phone,
  addressLine1: line1,
  addressLine2: line2,
  city,
  postalCode,
  country,
}: DemoCustomer['row']): Pick<OrderRow, 'buyer' | 'shippingAddress' | 'billingAddress'> {
  const address = { name, line1, line2, city, postalCode, country }
  return { buyer: { name, email, phone }, shippingAddress: address, billingAddress: address }
}

/** A partial refund returns one of several lines, or a fifth of the only one, for a flaw. */
function refundOf(
  course: Course,
  totalMinor: bigint,
  lines: readonly OrderLineRow[],
  random: Random,
): bigint {
  if (course.refund === 'NONE') return 0n
  if (course.refund === 'ALL') return totalMinor
  return lines.length > 1 ? random.pick(lines).totalMinor : totalMinor / 5n
}

function paymentStatusOf(course: Course): OrderRow['paymentStatus'] {
  if (course.paidAtMs === null) return 'UNPAID'
  return course.refund === 'ALL' ? 'REFUNDED' : course.refund === 'PART' ? 'PARTIALLY_REFUNDED' : 'PAID'
}

function dateOf(timeMs: number | null): Date | null {
  return timeMs === null ? null : new Date(timeMs)
}
