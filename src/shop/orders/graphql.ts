// Orders and their lines: types, queries and mutations.

import { requirePermission } from '../../auth/permissions.ts'
import type { Filter } from '../../db/reader/read-sql.ts'
import type {
  Customer as CustomerRow,
  Order as OrderRow,
  Variant as VariantRow,
} from '../../generated/prisma/client.ts'
import { anyOf } from '../../graphql/any-of.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../graphql/connections.ts'
import { exactlyOne } from '../../graphql/exactly-one.ts'
import { MoneyInput, MoneyType } from '../../graphql/money.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { nodeId, nodeUuid } from '../../graphql/node-ids.ts'
import { projection } from '../../graphql/projection.ts'
import { readOne, readPage } from '../../graphql/read.ts'
import { relation } from '../../graphql/relations.ts'
import { search } from '../../graphql/search.ts'
import { sortsOf } from '../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { Customer, Order, OrderConnection, OrderLine, OrderLineConnection, Variant } from '../refs.ts'
import type { FrozenAddress, FrozenBuyer } from './agreed.ts'
import { cancelOrder, fulfillOrder, orderCancel, orderFulfill } from './finish-order.ts'
import { keptMinor, outstandingMinor, overpaidMinor } from './order-sums.ts'
import { orderPlace, placeOrder } from './place-order.ts'

const OrderStatus = builder.enumType('OrderStatus', {
  values: ['PLACED', 'PAID', 'FULFILLED', 'CANCELLED'] as const,
})

const OrderPaymentStatus = builder.enumType('OrderPaymentStatus', {
  values: ['UNPAID', 'PENDING', 'PARTIALLY_PAID', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED'] as const,
})

// Personal data: with `customers:read`, as the customer's own, so that a key that reads orders does not read people by them.
const OrderBuyer = builder.objectRef<FrozenBuyer>('OrderBuyer').implement({
  description: 'Who bought, as agreed when the order was placed.',
  extensions: { permission: 'customers:read' },
  fields: (t) => ({
    name: t.string({ nullable: true, resolve: ({ name }) => name ?? null }),
    email: t.string({ nullable: true, resolve: ({ email }) => email ?? null }),
    phone: t.string({ nullable: true, resolve: ({ phone }) => phone ?? null }),
  }),
})

const OrderAddress = builder.objectRef<FrozenAddress>('OrderAddress').implement({
  description: 'An address, as agreed when the order was placed.',
  extensions: { permission: 'customers:read' },
  fields: (t) => ({
    name: t.string({ nullable: true, resolve: ({ name }) => name ?? null }),
    line1: t.string({ nullable: true, resolve: ({ line1 }) => line1 ?? null }),
    line2: t.string({ nullable: true, resolve: ({ line2 }) => line2 ?? null }),
    city: t.string({ nullable: true, resolve: ({ city }) => city ?? null }),
    postalCode: t.string({ nullable: true, resolve: ({ postalCode }) => postalCode ?? null }),
    country: t.string({
      nullable: true,
      description: 'ISO 3166-1, two letters.',
      resolve: ({ country }) => country ?? null,
    }),
  }),
})

/** What kept, outstanding and overpaid are computed of. */
const SUM_COLUMNS = [
  'status',
  'totalMinor',
  'paidMinor',
  'refundedMinor',
  'refundPendingMinor',
  'chargedBackMinor',
  'reducedMinor',
  'returnedMinor',
  'currency',
] as const satisfies readonly (keyof OrderRow)[]

Order.implement({
  description: 'What a customer bought, at the prices of that moment.',
  interfaces: [Node],
  extensions: { model: 'Order', permission: 'orders:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Order', id) }),
    number: t.exposeInt('number', { description: "The merchant's own numbering, without gaps." }),
    status: t.expose('status', { type: OrderStatus }),
    paymentStatus: t.expose('paymentStatus', { type: OrderPaymentStatus }),
    version: t.exposeInt('version', {
      description:
        'Send it back as expectedVersion when you change the order. Goes up when its status changes.',
    }),
    currency: t.expose('currency', { type: 'Currency' }),
    total: t.field({
      type: MoneyType,
      ...projection({ columns: ['totalMinor', 'currency'] }),
      resolve: ({ totalMinor, currency }) => ({ amountMinor: totalMinor, currency }),
    }),
    paidAmount: t.field({
      type: MoneyType,
      description: 'Captured: all that its payments took, what was refunded since included.',
      ...projection({ columns: ['paidMinor', 'currency'] }),
      resolve: ({ paidMinor, currency }) => ({ amountMinor: paidMinor, currency }),
    }),
    refundedAmount: t.field({
      type: MoneyType,
      description: 'Given back by refunds that succeeded.',
      ...projection({ columns: ['refundedMinor', 'currency'] }),
      resolve: ({ refundedMinor, currency }) => ({ amountMinor: refundedMinor, currency }),
    }),
    chargedBackAmount: t.field({
      type: MoneyType,
      description: "Taken back by the buyers' banks, less what they returned.",
      ...projection({ columns: ['chargedBackMinor', 'currency'] }),
      resolve: ({ chargedBackMinor, currency }) => ({ amountMinor: chargedBackMinor, currency }),
    }),
    refundPendingAmount: t.field({
      type: MoneyType,
      description: 'Being given back: the outcome of these refunds is open.',
      ...projection({ columns: ['refundPendingMinor', 'currency'] }),
      resolve: ({ refundPendingMinor, currency }) => ({ amountMinor: refundPendingMinor, currency }),
    }),
    keptAmount: t.field({
      type: MoneyType,
      description:
        'Captured, less what was refunded, is being refunded, or was taken back by a bank. Negative where a bank took back what was refunded already.',
      ...projection({ columns: SUM_COLUMNS }),
      resolve: (order) => ({ amountMinor: keptMinor(order), currency: order.currency }),
    }),
    outstandingAmount: t.field({
      type: MoneyType,
      description:
        'What is left to pay, and what `paymentTake` takes by default. A refund of an order that is not paid yet adds to it; a refund of a paid one lowers its price instead.',
      ...projection({ columns: SUM_COLUMNS }),
      resolve: (order) => ({ amountMinor: outstandingMinor(order), currency: order.currency }),
    }),
    overpaidAmount: t.field({
      type: MoneyType,
      description: 'Kept beyond what is due, since a refund came back: give it back anew.',
      ...projection({ columns: SUM_COLUMNS }),
      resolve: (order) => ({ amountMinor: overpaidMinor(order), currency: order.currency }),
    }),
    buyer: t.field({
      type: OrderBuyer,
      description: 'Who buys: as agreed when it was placed, whatever becomes of the customer.',
      ...projection({ columns: ['buyer'] }),
      resolve: ({ buyer }) => buyer as FrozenBuyer,
    }),
    shippingAddress: t.field({
      type: OrderAddress,
      nullable: true,
      description: 'Where to send it: as agreed when it was placed.',
      ...projection({ columns: ['shippingAddress'] }),
      resolve: ({ shippingAddress }) => shippingAddress as FrozenAddress | null,
    }),
    billingAddress: t.field({
      type: OrderAddress,
      nullable: true,
      description: 'Whom to bill: as agreed when it was placed.',
      ...projection({ columns: ['billingAddress'] }),
      resolve: ({ billingAddress }) => billingAddress as FrozenAddress | null,
    }),
    holdsStock: t.exposeBoolean('holdsStock', {
      description:
        'Its pieces are reserved. A payment that fails lets go of them; the next one takes them again, if they are left.',
    }),
    stockHeldUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'An unpaid order lets go of its stock then.',
      ...projection({ columns: ['holdExpiresAt'] }),
      resolve: ({ holdExpiresAt }) => holdExpiresAt,
    }),
    cancelReason: t.exposeString('cancelReason', { nullable: true, ...textBytes(NOTE_BYTES) }),
    placedAt: t.expose('placedAt', { type: 'DateTime' }),
    fulfilledAt: t.expose('fulfilledAt', { type: 'DateTime', nullable: true }),
    cancelledAt: t.expose('cancelledAt', { type: 'DateTime', nullable: true }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    customer: t.field({
      type: Customer,
      ...projection({ one: 'customer' }),
      resolve: (order, _args, context, info) => relation<CustomerRow>(order, 'customer', context, info),
    }),
    lines: relationListField(
      t,
      OrderLineConnection,
      'lines',
      { column: 'position', type: 'number', descending: false },
      'What was bought, line by line.',
    ),
  }),
})

OrderLine.implement({
  description: 'So many pieces of one variant, with its name and price as they were.',
  interfaces: [Node],
  extensions: { model: 'OrderLine', permission: 'orders:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('OrderLine', id) }),
    sku: t.exposeString('sku'),
    title: t.exposeString('title'),
    quantity: t.exposeInt('quantity'),
    unitPrice: t.field({
      type: MoneyType,
      ...projection({ columns: ['unitPriceMinor', 'currency'] }),
      resolve: ({ unitPriceMinor, currency }) => ({ amountMinor: unitPriceMinor, currency }),
    }),
    total: t.field({
      type: MoneyType,
      ...projection({ columns: ['totalMinor', 'currency'] }),
      resolve: ({ totalMinor, currency }) => ({ amountMinor: totalMinor, currency }),
    }),
    variant: t.field({
      type: Variant,
      ...projection({ one: 'variant' }),
      resolve: (line, _args, context, info) => relation<VariantRow>(line, 'variant', context, info),
    }),
  }),
})

const orderSorts = sortsOf(
  'OrderSortKey',
  {
    PLACED_AT: { column: 'placedAt', type: 'date', newestFirst: true },
    NUMBER: { column: 'number', type: 'number', newestFirst: true },
    TOTAL: { column: 'totalMinor', type: 'bigint', newestFirst: true },
  },
  'PLACED_AT',
)

const OrderFilter = builder.inputType('OrderFilter', {
  fields: (t) => ({
    status: t.field({ type: [OrderStatus] }),
    paymentStatus: t.field({ type: [OrderPaymentStatus] }),
    customerId: t.id(),
    placedFrom: t.field({ type: 'DateTime', description: 'Placed at this instant or later.' }),
    placedBefore: t.field({ type: 'DateTime', description: 'Placed before this instant.' }),
  }),
})

/** A word of a query that could be an order's number. */
function numberIn(query: string | null | undefined): number | null {
  const digits = /^\s*#?(\d{1,9})\s*$/.exec(query ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}

function orderFilter(filter: typeof OrderFilter.$inferInput | null | undefined): Filter {
  return {
    ...(filter?.status && { status: anyOf(filter.status) }),
    ...(filter?.paymentStatus && { paymentStatus: anyOf(filter.paymentStatus) }),
    ...(typeof filter?.customerId === 'string' && { customerId: nodeUuid('Customer', filter.customerId) }),
    ...((filter?.placedFrom || filter?.placedBefore) && {
      placedAt: {
        ...(filter.placedFrom && { gte: filter.placedFrom }),
        ...(filter.placedBefore && { lt: filter.placedBefore }),
      },
    }),
  }
}

builder.queryFields((t) => ({
  orders: t.field({
    type: OrderConnection,
    description:
      "The merchant's orders. `query` finds an order's number, or words in its customer's name and address, which needs " +
      'customers:read.',
    args: {
      ...pageArgs(t.arg),
      query: t.arg.string(),
      filter: t.arg({ type: OrderFilter }),
      sortKey: t.arg({ type: orderSorts.type }),
      reverse: t.arg.boolean(),
    },
    resolve: (_root, { query, filter, sortKey, reverse, ...page }, context, info) => {
      const number = numberIn(query)
      // Whom an order is found by is told by its being found: it takes what reading them does.
      if (number === null && query?.trim()) requirePermission(context.caller.permissions, 'customers:read')
      const found =
        number === null
          ? search(query, (word) => [{ customer: { name: word } }, { customer: { email: word } }])
          : { number }
      const where = { ...orderFilter(filter), ...found }
      return readPage<OrderRow>(
        context,
        info,
        { model: 'Order', where, sort: orderSorts.read(sortKey, reverse) },
        page,
      )
    },
  }),
  order: t.field({
    type: Order,
    nullable: true,
    description: 'One order, by its id or its number.',
    args: { id: t.arg.id(), number: t.arg.int() },
    resolve: (_root, args, context, info) =>
      readOne<OrderRow>(
        context,
        info,
        'Order',
        exactlyOne(args, { id: (id) => ({ id: nodeUuid('Order', id) }), number: (number) => ({ number }) }),
      ),
  }),
}))

const OrderLineInput = builder.inputType('OrderLineInput', {
  fields: (t) => ({ variantId: t.id({ required: true }), quantity: t.int({ required: true }) }),
})

const OrderBuyerInput = builder.inputType('OrderBuyerInput', {
  fields: (t) => ({ name: t.string({ required: true }), email: t.string(), phone: t.string() }),
})

const OrderAddressInput = builder.inputType('OrderAddressInput', {
  fields: (t) => ({
    name: t.string({ description: 'Who lives or works there.' }),
    line1: t.string(),
    line2: t.string(),
    city: t.string(),
    postalCode: t.string(),
    country: t.string({ description: 'ISO 3166-1, two letters.' }),
  }),
})

addMutation(orderPlace, {
  description:
    'Places an order and reserves its stock; one that costs nothing is PAID at once. The same key places it once, however ' +
    'often it is sent. Buyer and addresses are frozen into it: as given, or as the customer has them now.',
  needsKey: true,
  fields: (t) => ({
    customerId: t.id({ required: true }),
    lines: t.field({ type: [OrderLineInput], required: true }),
    expectedTotal: t.field({
      type: MoneyInput,
      description: 'What the buyer was shown. Where the order would cost anything else: PRICE_CHANGED.',
    }),
    buyer: t.field({ type: OrderBuyerInput }),
    shippingAddress: t.field({ type: OrderAddressInput }),
    billingAddress: t.field({ type: OrderAddressInput }),
  }),
  result: { field: 'order', type: Order, model: 'Order' },
  run: (caller, { customerId, lines, ...input }) =>
    placeOrder(caller, {
      ...input,
      customerId: nodeUuid('Customer', customerId),
      lines: lines.map(({ variantId, quantity }) => ({
        variantId: nodeUuid('Variant', variantId),
        quantity,
      })),
    }),
})

addMutation(orderCancel, {
  description: 'Cancels an order that was not paid, or was refunded, and releases its stock.',
  needsKey: true,
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    reason: t.string(),
  }),
  result: { field: 'order', type: Order, model: 'Order' },
  run: (caller, { id, ...input }) => cancelOrder(caller, { id: nodeUuid('Order', id), ...input }),
})

addMutation(orderFulfill, {
  description: 'Hands a paid order over: its pieces leave the warehouse.',
  needsKey: true,
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
  }),
  result: { field: 'order', type: Order, model: 'Order' },
  run: (caller, { id, ...input }) => fulfillOrder(caller, { id: nodeUuid('Order', id), ...input }),
})
