// What changes the catalogue and its stock, as mutations. The rules stand with the use cases.
import { builder } from '../../graphql/builder.ts'
import { MoneyInput } from '../../graphql/money.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { nodeUuid } from '../../graphql/node-ids.ts'
import { Product, Variant } from '../refs.ts'
import { ADJUSTMENT_REASONS, adjustStock } from './adjust-stock.ts'
import { createProduct } from './create-product.ts'
import { createVariant } from './create-variant.ts'
import { ProductStatus } from './graphql.ts'
import { archiveProduct, updateProduct } from './update-product.ts'
import { updateVariant } from './update-variant.ts'

const NewProductStatus = builder.enumType('NewProductStatus', { values: ['DRAFT', 'ACTIVE'] as const })

const StockAdjustReason = builder.enumType('StockAdjustReason', { values: ADJUSTMENT_REASONS })

addMutation('productCreate', {
  permission: 'catalogue:write',
  description: 'Adds a product. Variants, which carry price and stock, are added to it next.',
  input: builder.inputType('ProductCreateInput', {
    fields: (t) => ({
      idempotencyKey: t.string(),
      title: t.string({ required: true }),
      handle: t.string({ description: 'Made of the title unless given.' }),
      description: t.string(),
      vendor: t.string(),
      category: t.string(),
      status: t.field({ type: NewProductStatus, description: 'ACTIVE unless told.' }),
    }),
  }),
  result: { field: 'product', type: Product, model: 'Product' },
  errors: ['HANDLE_TAKEN'],
  run: createProduct,
})

addMutation('productUpdate', {
  permission: 'catalogue:write',
  description: 'Edits a product. What is left out stays as it is.',
  input: builder.inputType('ProductUpdateInput', {
    fields: (t) => ({
      id: t.id({ required: true }),
      expectedVersion: t.int({ required: true }),
      idempotencyKey: t.string(),
      title: t.string(),
      handle: t.string(),
      description: t.string(),
      vendor: t.string(),
      category: t.string(),
      status: t.field({ type: ProductStatus }),
    }),
  }),
  result: { field: 'product', type: Product, model: 'Product' },
  errors: ['NOT_FOUND', 'CONFLICT', 'HANDLE_TAKEN'],
  run: (caller, { id, ...input }) => updateProduct(caller, { id: nodeUuid('Product', id), ...input }),
})

addMutation('productArchive', {
  permission: 'catalogue:write',
  description: 'Takes a product out of the shop. Orders keep their lines.',
  input: builder.inputType('ProductArchiveInput', {
    fields: (t) => ({
      id: t.id({ required: true }),
      expectedVersion: t.int({ required: true }),
      idempotencyKey: t.string(),
    }),
  }),
  result: { field: 'product', type: Product, model: 'Product' },
  errors: ['NOT_FOUND', 'CONFLICT', 'HANDLE_TAKEN'],
  run: (caller, { id, ...input }) => archiveProduct(caller, { id: nodeUuid('Product', id), ...input }),
})

addMutation('variantCreate', {
  permission: 'catalogue:write',
  description: 'Adds a variant to a product, with nothing in stock.',
  input: builder.inputType('VariantCreateInput', {
    fields: (t) => ({
      idempotencyKey: t.string(),
      productId: t.id({ required: true }),
      sku: t.string({ required: true }),
      title: t.string({ required: true }),
      price: t.field({ type: MoneyInput, required: true }),
    }),
  }),
  result: { field: 'variant', type: Variant, model: 'Variant' },
  errors: ['NOT_FOUND', 'SKU_TAKEN'],
  run: (caller, { productId, ...input }) =>
    createVariant(caller, { productId: nodeUuid('Product', productId), ...input }),
})

addMutation('variantUpdate', {
  permission: 'catalogue:write',
  description: 'Edits a variant. What is left out stays as it is; orders keep the price they were placed at.',
  input: builder.inputType('VariantUpdateInput', {
    fields: (t) => ({
      id: t.id({ required: true }),
      expectedVersion: t.int({ required: true }),
      idempotencyKey: t.string(),
      sku: t.string(),
      title: t.string(),
      price: t.field({ type: MoneyInput }),
    }),
  }),
  result: { field: 'variant', type: Variant, model: 'Variant' },
  errors: ['NOT_FOUND', 'CONFLICT', 'SKU_TAKEN'],
  run: (caller, { id, ...input }) => updateVariant(caller, { id: nodeUuid('Variant', id), ...input }),
})

addMutation('stockAdjust', {
  permission: 'stock:write',
  description:
    'Books goods received, counted, damaged or returned. Stock never falls below what orders have reserved.',
  input: builder.inputType('StockAdjustInput', {
    fields: (t) => ({
      idempotencyKey: t.string({ required: true }),
      variantId: t.id({ required: true }),
      delta: t.int({ required: true, description: 'Pieces to add; negative to take away.' }),
      reason: t.field({ type: StockAdjustReason, required: true }),
    }),
  }),
  result: { field: 'variant', type: Variant, model: 'Variant' },
  errors: ['NOT_FOUND', 'STOCK_INSUFFICIENT'],
  run: (caller, { variantId, ...input }) =>
    adjustStock(caller, { variantId: nodeUuid('Variant', variantId), ...input }),
})
