// Figures for a dashboard in the API. Each is one statement with a price of its own, however many orders it sums.
import type { Product as ProductRow } from '../../generated/prisma/client.ts'
import { loadTogether } from '../../graphql/batch.ts'
import { builder } from '../../graphql/builder.ts'
import { MoneyType } from '../../graphql/money.ts'
import { checkPageSize, PAGE_SIZE_DEFAULT, PAGE_SIZES } from '../../graphql/page-size.ts'
import { projection } from '../../graphql/projection.ts'
import { enumRef, nodeRef } from '../../graphql/refs.ts'
import { readTogether } from '../../graphql/relations.ts'
import { Customer } from '../refs.ts'
import { customerFigures } from './customers.ts'
import { PERIOD_DAYS_MAX } from './period.ts'
import {
  type OrderCount,
  orderCounts,
  type SalesDay,
  salesByDay,
  type TOP_PRODUCTS_BY,
  type TopProduct,
  topProducts,
} from './sales.ts'

/** Points, beside those of the days that it lists. */
const SALES_COST = 10
const SALES_COST_PER_DAY = 0.3
/** It reads the lines of the period's orders. */
const TOP_PRODUCTS_COST = 15
const TOP_PRODUCTS_COST_PER_DAY = 1.25
const ORDER_COUNTS_COST = 20
/** For each customer. */
const CUSTOMER_COST = 1

const PERIOD = `At most ${PERIOD_DAYS_MAX} days, in the tenant's time zone.`
const CURRENCY = "Only orders in this currency count. Default: the tenant's own."

const SalesDayType = builder.objectRef<SalesDay>('SalesDay').implement({
  description:
    "One day's sales, in one currency. Payments, refunds and chargebacks count on the day they were booked.",
  extensions: { permission: 'figures:read', isValue: true },
  fields: (t) => ({
    date: t.expose('date', { type: 'Date', description: "The day, in the tenant's time zone." }),
    orders: t.exposeInt('orders', {
      description:
        'The number of orders that were placed on this day, without those that were cancelled since.',
    }),
    gross: t.expose('gross', { type: MoneyType, description: 'What payments captured on this day.' }),
    refunds: t.expose('refunds', {
      type: MoneyType,
      description: 'What was refunded on this day, of sales of any day; not negative.',
    }),
    chargedBack: t.expose('chargedBack', {
      type: MoneyType,
      description:
        "What the buyers' banks withdrew on this day, less what they returned. It is an expense, and no part of `net`.",
    }),
    net: t.expose('net', {
      type: MoneyType,
      description: '`gross` less `refunds`; negative on a day with more refunds than sales.',
    }),
  }),
})

const TopProductsByType = builder.enumType('TopProductsBy', {
  description: 'What the best products are chosen by.',
  values: {
    NET: { description: 'By what they brought in.' },
    QUANTITY: { description: 'By the number of pieces sold.' },
  } satisfies Record<(typeof TOP_PRODUCTS_BY)[number], object>,
})

const TopProductType = builder.objectRef<TopProduct>('TopProduct').implement({
  description: 'What one product sold in a period, over all of its variants.',
  extensions: { permission: 'figures:read' },
  fields: (t) => ({
    product: t.field({
      type: nodeRef('Product'),
      nullable: true,
      description: 'The product.',
      resolve: ({ productId }, _args, context, info) =>
        readTogether<ProductRow>(context, info, { model: 'Product', by: 'id', value: productId }),
    }),
    quantity: t.exposeInt('quantity', {
      description: 'The number of pieces sold, without those that were refunded by line.',
    }),
    net: t.expose('net', {
      type: MoneyType,
      description:
        'What its lines cost, less what refunds lowered their price by: of the refunded lines, or of all lines in proportion where a refund names none.',
    }),
  }),
})

const OrderCountType = builder.objectRef<OrderCount>('OrderCount').implement({
  description: 'The number of orders in one status.',
  extensions: { permission: 'figures:read', isValue: true },
  fields: (t) => ({
    status: t.expose('status', { type: enumRef('OrderStatus'), description: 'The status.' }),
    count: t.exposeInt('count', { description: 'The number of orders that are in it now.' }),
  }),
})

builder.queryFields((t) => ({
  salesByDay: t.field({
    type: [SalesDayType],
    nullable: true,
    description: `The sales of each day from \`from\` until \`until\`, both included, also of days without any. ${PERIOD}`,
    extensions: {
      cost: SALES_COST,
      listMax: PERIOD_DAYS_MAX,
      perDay: { cost: SALES_COST_PER_DAY, daysMax: PERIOD_DAYS_MAX, isListed: true },
    },
    args: {
      from: t.arg({ type: 'Date', required: true, description: 'The first day.' }),
      until: t.arg({ type: 'Date', required: true, description: 'The last day.' }),
      currency: t.arg({ type: 'Currency', description: CURRENCY }),
    },
    resolve: (_root, { currency, ...period }, { db }) =>
      salesByDay(db, { ...period, currency: currency ?? null }),
  }),
  topProducts: t.field({
    type: [TopProductType],
    nullable: true,
    description: `The products that sold best in the orders that were placed from \`from\` until \`until\`, both included, and are paid. ${PERIOD}`,
    extensions: {
      cost: TOP_PRODUCTS_COST,
      listSize: PAGE_SIZE_DEFAULT,
      perDay: { cost: TOP_PRODUCTS_COST_PER_DAY, daysMax: PERIOD_DAYS_MAX },
    },
    args: {
      first: t.arg.int({
        description: `The number of products: ${PAGE_SIZES}. Default: ${PAGE_SIZE_DEFAULT}.`,
      }),
      from: t.arg({ type: 'Date', required: true, description: 'The first day.' }),
      until: t.arg({ type: 'Date', required: true, description: 'The last day.' }),
      by: t.arg({ type: TopProductsByType, description: 'Default: NET.' }),
      currency: t.arg({ type: 'Currency', description: CURRENCY }),
    },
    resolve: (_root, { first, by, currency, ...period }, { db }) =>
      topProducts(db, {
        ...period,
        first: checkPageSize(first ?? PAGE_SIZE_DEFAULT),
        by: by ?? 'NET',
        currency: currency ?? null,
      }),
  }),
  orderCounts: t.field({
    type: [OrderCountType],
    nullable: true,
    description: `The number of orders in each status, of those placed from \`from\` until \`until\`, both included; without a period, of all. ${PERIOD}`,
    extensions: { cost: ORDER_COUNTS_COST, listSize: 4 },
    args: {
      from: t.arg({ type: 'Date', description: 'The first day; needs `until`.' }),
      until: t.arg({ type: 'Date', description: 'The last day; needs `from`.' }),
    },
    resolve: (_root, { from, until }, { db }) =>
      orderCounts(db, { from: from ?? null, until: until ?? null }),
  }),
}))

builder.objectFields(Customer, (t) => {
  const figure = {
    ...projection({ columns: ['id'] }).extensions,
    cost: CUSTOMER_COST,
    permission: 'figures:read',
  } as const
  return {
    orderCount: t.int({
      nullable: true,
      description: 'The number of their orders that were not cancelled.',
      extensions: figure,
      resolve: async ({ id }, _args, context) =>
        (await loadTogether(context, customerFigures, id, (ids) => customerFigures(context.db, ids)))
          ?.orderCount,
    }),
    lifetimeValue: t.field({
      type: MoneyType,
      nullable: true,
      description:
        "What the merchant keeps of all their orders in the tenant's currency: the sum of `keptAmount`.",
      extensions: figure,
      resolve: async ({ id }, _args, context) =>
        (await loadTogether(context, customerFigures, id, (ids) => customerFigures(context.db, ids)))
          ?.lifetimeValue,
    }),
  }
})
