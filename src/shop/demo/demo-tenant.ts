// Builds the rows of one demo tenant from its parts. Pure: the same name gives the same rows on every machine.
import { demoCatalogue } from './catalogue.ts'
import { demoCustomers } from './customers.ts'
import { demoId } from './demo-id.ts'
import { demoOrders } from './orders.ts'
import { demoMoney } from './payments.ts'
import { peopleOf } from './people.ts'
import { SIGNED_UP_MS } from './period.ts'
import { type Random, randomFrom } from './random.ts'
import type { AuditEntryRow, DemoTenant, MemberRow, OrderRow } from './rows.ts'
import type { Shop } from './shop.ts'
import { demoStock } from './stock.ts'
import { acme } from './words/acme.ts'
import { globex } from './words/globex.ts'

const SHOPS = { acme, globex } as const

export type DemoSlug = keyof typeof SHOPS

export const DEMO_SLUGS: readonly DemoSlug[] = ['acme', 'globex']

/** All rows of a demo tenant: 4 members, 300 products with variants and stock, 500 customers, 3,000 orders. */
export function demoTenant(slug: DemoSlug): DemoTenant {
  const shop = SHOPS[slug]
  const offers = demoCatalogue(shop)
  const customers = demoCustomers(shop)
  const orders = demoOrders(shop, offers, customers)
  const stock = demoStock(shop, offers, orders)
  const money = demoMoney(shop, orders)
  const members = membersOf(shop)
  const orderRows = orders.map(({ row }) => row)
  return {
    tenant: {
      id: shop.tenantId,
      slug: shop.slug,
      name: shop.name,
      currency: shop.currency,
      createdAt: new Date(SIGNED_UP_MS),
    },
    tables: {
      members,
      products: offers.map(({ product }) => product),
      variants: offers.flatMap(({ variants }) => variants.map(({ row }) => row)),
      customers: customers.map(({ row }) => row),
      orders: orderRows,
      order_lines: orders.flatMap(({ lines }) => lines),
      stock_levels: stock.levels,
      stock_movements: stock.movements,
      payments: money.payments,
      refunds: money.refunds,
      journal_entries: money.entries,
      postings: money.postings,
      audit_entries: auditOf(shop, orderRows, members),
    },
    accounts: money.accounts,
    lastOrderNumber: orderRows.length,
  }
}

function membersOf(shop: Shop): MemberRow[] {
  const random = randomFrom(`${shop.slug}/members`)
  return peopleOf(shop).map((person) => ({
    id: demoId(SIGNED_UP_MS, random),
    ...person,
    createdAt: new Date(SIGNED_UP_MS),
    updatedAt: new Date(SIGNED_UP_MS),
  }))
}

/** An audit entry per order, by a member who may place it. */
function auditOf(shop: Shop, orders: readonly OrderRow[], members: readonly MemberRow[]): AuditEntryRow[] {
  const random = randomFrom(`${shop.slug}/audit`)
  const sellers = members.filter(({ role }) => role !== 'VIEWER')
  return orders.map((order) => placedEntry(order, random.pick(sellers), random))
}

function placedEntry(order: OrderRow, seller: MemberRow, random: Random): AuditEntryRow {
  const id = demoId(order.placedAt.getTime(), random)
  return {
    id,
    actorKind: 'MEMBER',
    actorId: seller.id,
    actorLabel: seller.email,
    action: 'orderPlace',
    subjectType: 'Order',
    subjectId: order.id,
    before: null,
    after: {
      number: order.number,
      status: 'PLACED',
      totalMinor: String(order.totalMinor),
      currency: order.currency,
    },
    requestId: `demo-${order.number}`,
    createdAt: order.placedAt,
  }
}
