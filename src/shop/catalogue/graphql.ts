// Products, their variants and their stock, as types and queries. What changes them stands in mutations.ts.
import type {
  StockMovement as MovementRow,
  Product as ProductRow,
  StockLevel,
  Variant as VariantRow,
} from '../../generated/prisma/client.ts'
import { anyOf } from '../../graphql/any-of.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../graphql/connections.ts'
import { exactlyOne } from '../../graphql/exactly-one.ts'
import { MoneyType } from '../../graphql/money.ts'
import { Node } from '../../graphql/node.ts'
import { nodeId, nodeUuid } from '../../graphql/node-ids.ts'
import { projection } from '../../graphql/projection.ts'
import { readOne, readPage } from '../../graphql/read.ts'
import { relation } from '../../graphql/relations.ts'
import { search } from '../../graphql/search.ts'
import { sortsOf } from '../../graphql/sorts.ts'
import { textBytes } from '../../graphql/text-bytes.ts'
import {
  Product,
  ProductConnection,
  StockMovement,
  StockMovementConnection,
  Variant,
  VariantConnection,
} from '../refs.ts'
import { TEXT_LENGTH_MAX } from './product.ts'

export const ProductStatus = builder.enumType('ProductStatus', {
  values: ['DRAFT', 'ACTIVE', 'ARCHIVED'] as const,
})

const StockReason = builder.enumType('StockReason', {
  values: ['RECEIPT', 'COUNT', 'DAMAGE', 'RETURN', 'OTHER', 'RESERVATION', 'RELEASE', 'FULFILMENT'] as const,
})

Product.implement({
  description: 'Something the merchant sells, in one or more variants.',
  interfaces: [Node],
  extensions: { model: 'Product', permission: 'catalogue:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Product', id) }),
    handle: t.exposeString('handle', { description: 'Its name in addresses, unique in the shop.' }),
    title: t.exposeString('title'),
    description: t.exposeString('description', textBytes(TEXT_LENGTH_MAX)),
    vendor: t.exposeString('vendor'),
    category: t.exposeString('category'),
    status: t.expose('status', { type: ProductStatus }),
    version: t.exposeInt('version', { description: 'Send it back as expectedVersion when you edit.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    variants: relationListField(
      t,
      VariantConnection,
      'variants',
      { column: 'position', type: 'number', descending: false },
      'Its variants, in the order the merchant gave them.',
    ),
  }),
})

const Stock = builder.objectRef<StockLevel>('Stock').implement({
  description: 'How many pieces of a variant there are.',
  extensions: { model: 'StockLevel', permission: 'stock:read' },
  fields: (t) => ({
    onHand: t.exposeInt('onHand', { description: 'In the warehouse.' }),
    reserved: t.exposeInt('reserved', { description: 'Promised to orders that are not fulfilled yet.' }),
    available: t.int({
      description: 'What can be sold: on hand less reserved.',
      ...projection({ columns: ['onHand', 'reserved'] }),
      resolve: ({ onHand, reserved }) => onHand - reserved,
    }),
  }),
})

Variant.implement({
  description: 'One form of a product that can be bought.',
  interfaces: [Node],
  extensions: { model: 'Variant', permission: 'catalogue:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Variant', id) }),
    sku: t.exposeString('sku', { description: 'Unique in the shop.' }),
    title: t.exposeString('title'),
    price: t.field({
      type: MoneyType,
      ...projection({ columns: ['priceMinor', 'currency'] }),
      resolve: ({ priceMinor, currency }) => ({ amountMinor: priceMinor, currency }),
    }),
    version: t.exposeInt('version', { description: 'Send it back as expectedVersion when you edit.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    product: t.field({
      type: Product,
      ...projection({ one: 'product' }),
      resolve: (variant, _args, context, info) => relation<ProductRow>(variant, 'product', context, info),
    }),
    stock: t.field({
      type: Stock,
      ...projection({ one: 'stock' }),
      resolve: (variant, _args, context, info) => relation<StockLevel>(variant, 'stock', context, info),
    }),
    stockMovements: relationListField(
      t,
      StockMovementConnection,
      'movements',
      { column: 'createdAt', type: 'date', descending: true },
      'What changed its stock, latest first.',
    ),
  }),
})

StockMovement.implement({
  description: 'One change of stock; they add up to what there is.',
  interfaces: [Node],
  extensions: { model: 'StockMovement', permission: 'stock:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('StockMovement', id) }),
    reason: t.expose('reason', { type: StockReason }),
    onHandDelta: t.exposeInt('onHandDelta'),
    reservedDelta: t.exposeInt('reservedDelta'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    variant: t.field({
      type: Variant,
      ...projection({ one: 'variant' }),
      resolve: (movement, _args, context, info) => relation<VariantRow>(movement, 'variant', context, info),
    }),
  }),
})

const productSorts = sortsOf(
  'ProductSortKey',
  {
    CREATED_AT: { column: 'createdAt', type: 'date', newestFirst: true },
    UPDATED_AT: { column: 'updatedAt', type: 'date', newestFirst: true },
    TITLE: { column: 'title', type: 'string' },
  },
  'CREATED_AT',
)

const ProductFilter = builder.inputType('ProductFilter', {
  fields: (t) => ({
    status: t.field({ type: [ProductStatus] }),
    vendor: t.string(),
    category: t.string(),
  }),
})

const variantSorts = sortsOf(
  'VariantSortKey',
  {
    CREATED_AT: { column: 'createdAt', type: 'date', newestFirst: true },
    SKU: { column: 'sku', type: 'string' },
    PRICE: { column: 'priceMinor', type: 'bigint' },
  },
  'CREATED_AT',
)

builder.queryFields((t) => ({
  products: t.field({
    type: ProductConnection,
    description: 'The catalogue. `query` finds words in title, vendor, category and the SKUs.',
    args: {
      ...pageArgs(t.arg),
      query: t.arg.string(),
      filter: t.arg({ type: ProductFilter }),
      sortKey: t.arg({ type: productSorts.type }),
      reverse: t.arg.boolean(),
    },
    resolve: (_root, { query, filter, sortKey, reverse, ...page }, context, info) =>
      readPage<ProductRow>(
        context,
        info,
        {
          model: 'Product',
          where: {
            ...(filter?.status && { status: anyOf(filter.status) }),
            ...(typeof filter?.vendor === 'string' && { vendor: filter.vendor }),
            ...(typeof filter?.category === 'string' && { category: filter.category }),
            ...search(query, (word) => [
              { title: word },
              { vendor: word },
              { category: word },
              { variants: { some: { sku: word } } },
            ]),
          },
          sort: productSorts.read(sortKey, reverse),
        },
        page,
      ),
  }),
  product: t.field({
    type: Product,
    nullable: true,
    description: 'One product, by its id or its handle.',
    args: { id: t.arg.id(), handle: t.arg.string() },
    resolve: (_root, args, context, info) =>
      readOne<ProductRow>(
        context,
        info,
        'Product',
        exactlyOne(args, { id: (id) => ({ id: nodeUuid('Product', id) }), handle: (handle) => ({ handle }) }),
      ),
  }),
  variants: t.field({
    type: VariantConnection,
    description: 'All variants of all products. `query` finds words in title and SKU.',
    args: {
      ...pageArgs(t.arg),
      query: t.arg.string(),
      sortKey: t.arg({ type: variantSorts.type }),
      reverse: t.arg.boolean(),
    },
    resolve: (_root, { query, sortKey, reverse, ...page }, context, info) =>
      readPage<VariantRow>(
        context,
        info,
        {
          model: 'Variant',
          where: search(query, (word) => [{ title: word }, { sku: word }]),
          sort: variantSorts.read(sortKey, reverse),
        },
        page,
      ),
  }),
  variant: t.field({
    type: Variant,
    nullable: true,
    description: 'One variant, by its id or its SKU.',
    args: { id: t.arg.id(), sku: t.arg.string() },
    resolve: (_root, args, context, info) =>
      readOne<VariantRow>(
        context,
        info,
        'Variant',
        exactlyOne(args, { id: (id) => ({ id: nodeUuid('Variant', id) }), sku: (sku) => ({ sku }) }),
      ),
  }),
  stockMovements: t.field({
    type: StockMovementConnection,
    description: 'What changed the stock, latest first.',
    args: { ...pageArgs(t.arg), variantId: t.arg.id(), reason: t.arg({ type: [StockReason] }) },
    resolve: (_root, { variantId, reason, ...page }, context, info) =>
      readPage<MovementRow>(
        context,
        info,
        {
          model: 'StockMovement',
          where: {
            ...(typeof variantId === 'string' && { variantId: nodeUuid('Variant', variantId) }),
            ...(reason && { reason: anyOf(reason) }),
          },
          sort: { column: 'createdAt', type: 'date', descending: true },
        },
        page,
      ),
  }),
}))
