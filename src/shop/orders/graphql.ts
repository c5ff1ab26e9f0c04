// Orders and their lines: types, queries and mutations.

import { requirePermission } from '../../auth/permissions.ts'
import type { ReadWhere } from '../../db/register.ts'
import type {
  Customer as CustomerRow,
  Order as OrderRow,
  Variant as VariantRow,
} from '../../generated/prisma/client.ts'
import { anyOf } from '../../graphql/any-of.ts'
import { loadTogether } from '../../graphql/batch.ts'
import { spanFields, spanOf } from '../../graphql/between.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../graphql/connections.ts'
import { exactlyOne } from '../../graphql/exactly-one.ts'
import { MoneyInput, MoneyType, moneyField } from '../../graphql/money.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { idField, nodeUuid } from '../../graphql/node-ids.ts'
import { computed, projection } from '../../graphql/projection.ts'
import { MoneyRange, moneyRange } from '../../graphql/ranges.ts'
import { one, page, readField } from '../../graphql/read.ts'
import { enumRef } from '../../graphql/refs.ts'
import { relation } from '../../graphql/relations.ts'
import { sortOf, sortsOf } from '../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { searchWords } from '../../graphql/word-search.ts'
import { Customer, Order, OrderConnection, OrderLine, OrderLineConnection, Variant } from '../refs.ts'
import type { FrozenAddress, FrozenBuyer } from './agreed.ts'
import { cancelOrder, fulfillOrder, orderCancel, orderFulfill } from './finish-order.ts'
import { keptMinor, outstandingMinor, overpaidMinor } from './order-sums.ts'
import { orderPlace, placeOrder } from './place-order.ts'
import { foldTag, orderTagsSet, setTags, tagsOf } from './tags.ts'

const OrderStatus = enumRef('OrderStatus', 'How far an order is.')

const OrderPaymentStatus = enumRef('OrderPaymentStatus', 'How far an order is paid.')

// Personal data needs customers:read here too, so that a key with orders:read alone cannot read people through their
// orders.
const OrderBuyer = builder.objectRef<FrozenBuyer>('OrderBuyer').implement({
  description: 'The buyer, as agreed when the order was placed.',
  extensions: { permission: 'customers:read', isValue: true },
  fields: (t) => ({
    name: t.string({ description: 'The full name.', nullable: true, resolve: ({ name }) => name ?? null }),
    email: t.string({
      description: 'The e-mail address.',
      nullable: true,
      resolve: ({ email }) => email ?? null,
    }),
    phone: t.string({
      description: 'The telephone number.',
      nullable: true,
      resolve: ({ phone }) => phone ?? null,
    }),
  }),
})

const OrderAddress = builder.objectRef<FrozenAddress>('OrderAddress').implement({
  description: 'An address, as agreed when the order was placed.',
  extensions: { permission: 'customers:read', isValue: true },
  fields: (t) => ({
    name: t.string({
      description: "The recipient's name.",
      nullable: true,
      resolve: ({ name }) => name ?? null,
    }),
    line1: t.string({
      description: 'Street and number.',
      nullable: true,
      resolve: ({ line1 }) => line1 ?? null,
    }),
    line2: t.string({
      description: 'More of the address, such as a floor.',
      nullable: true,
      resolve: ({ line2 }) => line2 ?? null,
    }),
    city: t.string({ description: 'The town.', nullable: true, resolve: ({ city }) => city ?? null }),
    postalCode: t.string({
      description: 'The postal code.',
      nullable: true,
      resolve: ({ postalCode }) => postalCode ?? null,
    }),
    country: t.string({
      nullable: true,
      description: 'ISO 3166-1, two letters.',
      resolve: ({ country }) => country ?? null,
    }),
  }),
})

/** The number of an order's tags that the cost assumes. */
const TAGS_EXPECTED = 3

/** The columns from which kept, outstanding and overpaid are computed. */
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
  description: 'What a customer bought, at the prices when the order was placed.',
  interfaces: [Node],
  extensions: { model: 'Order', permission: 'orders:read' },
  fields: (t) => ({
    id: t.id(idField('Order')),
    number: t.exposeInt('number', { description: 'Numbered per merchant, without gaps.' }),
    status: t.expose('status', { type: OrderStatus }),
    paymentStatus: t.expose('paymentStatus', { type: OrderPaymentStatus }),
    version: t.exposeInt('version', {
      description:
        'Send it back as expectedVersion when you change the order. Goes up when its status or its tags change.',
    }),
    currency: t.expose('currency', { type: 'Currency' }),
    total: t.field({
      description: 'The sum of its lines.',
      ...moneyField('Order', 'totalMinor', 'currency'),
    }),
    paidAmount: t.field({
      description: 'Captured: the sum of its payments, including what was refunded later.',
      ...moneyField('Order', 'paidMinor', 'currency'),
    }),
    refundedAmount: t.field({
      description: 'Refunded: the sum of refunds that succeeded.',
      ...moneyField('Order', 'refundedMinor', 'currency'),
    }),
    chargedBackAmount: t.field({
      description: "Charged back by the buyers' banks, less what they returned.",
      ...moneyField('Order', 'chargedBackMinor', 'currency'),
    }),
    refundPendingAmount: t.field({
      description: 'The sum of refunds whose outcome is still open.',
      ...moneyField('Order', 'refundPendingMinor', 'currency'),
    }),
    keptAmount: t.field({
      type: MoneyType,
      description:
        'Captured, less what was refunded, is being refunded, or was charged back. Negative where a bank charged back what was already refunded.',
      ...computed('Order', SUM_COLUMNS, (order) => ({
        amountMinor: keptMinor(order),
        currency: order.currency,
      })),
    }),
    outstandingAmount: t.field({
      type: MoneyType,
      description:
        'The amount left to pay, which `paymentTake` takes by default. A refund of an order that is not paid yet adds to it; a refund of a paid one lowers its price instead.',
      ...computed('Order', SUM_COLUMNS, (order) => ({
        amountMinor: outstandingMinor(order),
        currency: order.currency,
      })),
    }),
    overpaidAmount: t.field({
      type: MoneyType,
      description: 'The amount kept beyond what is due, after a refund came back. Refund it again.',
      ...computed('Order', SUM_COLUMNS, (order) => ({
        amountMinor: overpaidMinor(order),
        currency: order.currency,
      })),
    }),
    buyer: t.field({
      type: OrderBuyer,
      description:
        'The buyer as agreed when the order was placed. Later changes of the customer do not affect it.',
      ...computed('Order', ['buyer'], ({ buyer }) => buyer as FrozenBuyer),
    }),
    shippingAddress: t.field({
      type: OrderAddress,
      nullable: true,
      description: 'The shipping address, as agreed when the order was placed.',
      ...computed(
        'Order',
        ['shippingAddress'],
        ({ shippingAddress }) => shippingAddress as FrozenAddress | null,
      ),
    }),
    billingAddress: t.field({
      type: OrderAddress,
      nullable: true,
      description: 'The billing address, as agreed when the order was placed.',
      ...computed(
        'Order',
        ['billingAddress'],
        ({ billingAddress }) => billingAddress as FrozenAddress | null,
      ),
    }),
    holdsStock: t.exposeBoolean('holdsStock', {
      description:
        'Its pieces are reserved. A failed payment releases them; the next payment reserves them again, if they are available.',
    }),
    stockHeldUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When an unpaid order releases its stock.',
      ...computed('Order', ['holdExpiresAt'], ({ holdExpiresAt }) => holdExpiresAt),
    }),
    cancelReason: t.exposeString('cancelReason', { nullable: true, ...textBytes(NOTE_BYTES) }),
    placedAt: t.expose('placedAt', { type: 'DateTime' }),
    fulfilledAt: t.expose('fulfilledAt', { type: 'DateTime', nullable: true }),
    cancelledAt: t.expose('cancelledAt', { type: 'DateTime', nullable: true }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    tags: t.stringList({
      description: 'In the order in which they were set: at most 25, of at most 40 characters.',
      extensions: { ...projection({ columns: ['id'] }).extensions, listSize: TAGS_EXPECTED },
      resolve: async ({ id }, _args, context, info) =>
        (await loadTogether(context, info.fieldNodes, id, (ids) => tagsOf(context.db, ids))) ?? [],
    }),
    customer: t.field({
      type: Customer,
      ...projection({ one: 'customer' }),
      resolve: (order, _args, context, info) => relation<CustomerRow>(order, 'customer', context, info),
    }),
    lines: relationListField(
      t,
      OrderLineConnection,
      { model: 'Order', relation: 'lines', sort: 'position' },
      'Its lines, in order.',
    ),
  }),
})

OrderLine.implement({
  description: 'A quantity of one variant, with its name and price when the order was placed.',
  interfaces: [Node],
  extensions: { model: 'OrderLine', permission: 'orders:read' },
  fields: (t) => ({
    id: t.id(idField('OrderLine')),
    sku: t.exposeString('sku'),
    title: t.exposeString('title'),
    quantity: t.exposeInt('quantity'),
    refundedQuantity: t.exposeInt('refundedQuantity', {
      description: 'Pieces that were refunded by line, or are being refunded.',
    }),
    restockedQuantity: t.exposeInt('restockedQuantity', {
      description:
        'Pieces that refunds put back into stock. Of an order that is not fulfilled yet, all others are shipped.',
    }),
    unitPrice: t.field({
      description: 'The price of one piece when it was ordered.',
      ...moneyField('OrderLine', 'unitPriceMinor', 'currency'),
    }),
    total: t.field({
      description: 'The price of all pieces.',
      ...moneyField('OrderLine', 'totalMinor', 'currency'),
    }),
    variant: t.field({
      type: Variant,
      nullable: true,
      description: 'Null: its product is not published, and the caller does not see such products.',
      ...projection({ one: 'variant' }),
      resolve: (line, _args, context, info) => relation<VariantRow>(line, 'variant', context, info),
    }),
  }),
})

const orderSorts = sortsOf(
  'OrderSortKey',
  {
    PLACED_AT: sortOf('Order', 'placedAt'),
    UPDATED_AT: sortOf('Order', 'updatedAt'),
    NUMBER: sortOf('Order', 'number', 'descending'),
    TOTAL: sortOf('Order', 'totalMinor', 'descending'),
  },
  'PLACED_AT',
)

const OrderFilter = builder.inputType('OrderFilter', {
  fields: (t) => ({
    status: t.field({ type: [OrderStatus] }),
    paymentStatus: t.field({ type: [OrderPaymentStatus] }),
    customerId: t.id(),
    number: t.int({ description: 'Its number.' }),
    sku: t.string({
      description: 'With a line of the variant that has this SKU today. Needs catalogue:read.',
    }),
    tag: t.string({ description: 'With this tag, in upper or lower case.' }),
    total: t.field({ type: MoneyRange, description: 'Its total is in this range.' }),
    ...spanFields(t, 'placed', 'Placed'),
    ...spanFields(t, 'updated', 'Changed'),
  }),
})

/** The order number in a search query, or null. */
function numberIn(query: string | null | undefined): number | null {
  const digits = /^\s*#?(\d{1,9})\s*$/.exec(query ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}

function orderFilter(filter: typeof OrderFilter.$inferInput | null | undefined): ReadWhere<'Order'> {
  return {
    ...(filter?.status && { status: anyOf(filter.status) }),
    ...(filter?.paymentStatus && { paymentStatus: anyOf(filter.paymentStatus) }),
    ...(typeof filter?.customerId === 'string' && { customerId: nodeUuid('Customer', filter.customerId) }),
    ...(typeof filter?.number === 'number' && { number: filter.number }),
    ...(typeof filter?.sku === 'string' && { lines: { some: { variant: { sku: filter.sku } } } }),
    ...(typeof filter?.tag === 'string' && { tags: { some: { folded: foldTag(filter.tag) } } }),
    ...moneyRange({ amount: 'totalMinor', currency: 'currency' }, filter?.total),
    ...spanOf('placedAt', 'placed', filter),
    ...spanOf('updatedAt', 'updated', filter),
  }
}

builder.queryFields((t) => ({
  orders: readField(t, {
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
    read: ({ query, filter, sortKey, reverse, ...paging }, { caller }) => {
      const number = numberIn(query)
      // Finding an order by its customer reveals the customer, so it needs the permission to read customers.
      if (number === null && query?.trim()) requirePermission(caller.permissions, 'customers:read')
      // An order's lines have the SKU of the day they were ordered; today's is the catalogue's.
      if (typeof filter?.sku === 'string') requirePermission(caller.permissions, 'catalogue:read')
      const customer = searchWords(query)
      const words = Object.keys(customer).length === 0 ? {} : { customer }
      const found = number === null ? words : { number }
      const where = { AND: [orderFilter(filter), found] }
      return page({ where, sort: orderSorts.read(sortKey, reverse) }, paging)
    },
  }),
  order: readField(t, {
    type: Order,
    nullable: true,
    description: 'One order, by its id or its number.',
    args: { id: t.arg.id(), number: t.arg.int() },
    read: (args) =>
      one(
        'Order',
        exactlyOne(args, { id: (id) => ({ id: nodeUuid('Order', id) }), number: (number) => ({ number }) }),
      ),
  }),
}))

const OrderLineInput = builder.inputType('OrderLineInput', {
  fields: (t) => ({ variantId: t.id({ required: true }), quantity: t.int({ required: true }) }),
})

const OrderBuyerInput = builder.inputType('OrderBuyerInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'The full name.' }),
    email: t.string({ description: 'The e-mail address.' }),
    phone: t.string({ description: 'The telephone number.' }),
  }),
})

const OrderAddressInput = builder.inputType('OrderAddressInput', {
  fields: (t) => ({
    name: t.string({ description: "The recipient's name." }),
    line1: t.string({ description: 'Street and number.' }),
    line2: t.string({ description: 'More of the address, such as a floor.' }),
    city: t.string({ description: 'The town.' }),
    postalCode: t.string({ description: 'The postal code.' }),
    country: t.string({ description: 'ISO 3166-1, two letters.' }),
  }),
})

addMutation(orderPlace, {
  description:
    'Places an order and reserves its stock; one that costs nothing is PAID at once. The same key places it once, no matter how ' +
    "often it is sent. Buyer and addresses are copied into it: as given, or the customer's own.",
  needsKey: true,
  fields: (t) => ({
    customerId: t.id({ required: true }),
    lines: t.field({ description: 'What is ordered.', type: [OrderLineInput], required: true }),
    expectedTotal: t.field({
      type: MoneyInput,
      description:
        'The total that the buyer was shown. An order with another total is refused with PRICE_CHANGED.',
    }),
    buyer: t.field({ description: "Default: the customer's data.", type: OrderBuyerInput }),
    shippingAddress: t.field({ description: "Default: the customer's address.", type: OrderAddressInput }),
    billingAddress: t.field({ description: "Default: the customer's address.", type: OrderAddressInput }),
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
  description: 'Cancels an order that is unpaid or refunded, and releases its stock.',
  needsKey: true,
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    reason: t.string({ description: 'Why, for the history.' }),
  }),
  result: { field: 'order', type: Order, model: 'Order' },
  run: (caller, { id, ...input }) => cancelOrder(caller, { id: nodeUuid('Order', id), ...input }),
})

addMutation(orderFulfill, {
  description:
    'Fulfils a paid order: its pieces leave the warehouse, except those that a refund put back into stock.',
  needsKey: true,
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
  }),
  result: { field: 'order', type: Order, model: 'Order' },
  run: (caller, { id, ...input }) => fulfillOrder(caller, { id: nodeUuid('Order', id), ...input }),
})

addMutation(orderTagsSet, {
  description: 'Replaces the tags of an order. An empty list removes them.',
  needsKey: true,
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    tags: t.stringList({
      required: true,
      description:
        'All of its tags: at most 25, of 1 to 40 characters. Spaces around a tag are removed. Of two that differ only in case the first is taken.',
    }),
  }),
  result: { field: 'order', type: Order, model: 'Order' },
  run: (caller, { id, ...input }) => setTags(caller, { id: nodeUuid('Order', id), ...input }),
})
