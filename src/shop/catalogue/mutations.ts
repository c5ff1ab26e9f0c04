// What changes the catalogue and its stock, as mutations. The rules stand with the use cases.
import { builder } from '../../graphql/builder.ts'
import { MoneyInput } from '../../graphql/money.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { nodeUuid } from '../../graphql/node-ids.ts'
import { Product, Variant } from '../refs.ts'
import { ADJUSTMENT_REASONS, adjustStock, stockAdjust } from './adjust-stock.ts'
import { createProduct, productCreate } from './create-product.ts'
import { createVariant, variantCreate } from './create-variant.ts'
import { ProductStatus } from './graphql.ts'
import { archiveProduct, productArchive, productUpdate, updateProduct } from './update-product.ts'
import { updateVariant, variantUpdate } from './update-variant.ts'

const NewProductStatus = builder.enumType('NewProductStatus', { values: ['DRAFT', 'ACTIVE'] as const })

const StockAdjustReason = builder.enumType('StockAdjustReason', { values: ADJUSTMENT_REASONS })

addMutation(productCreate, {
  description: 'Adds a product. Variants, which carry price and stock, are added to it next.',
  fields: (t) => ({
    title: t.string({ required: true }),
    handle: t.string({ description: 'Made of the title unless given.' }),
    description: t.string(),
    vendor: t.string(),
    category: t.string(),
    status: t.field({ type: NewProductStatus, description: 'ACTIVE unless told.' }),
  }),
  result: { field: 'product', type: Product, model: 'Product' },
  run: (caller, input) => createProduct(caller, input),
})

addMutation(productUpdate, {
  description: 'Edits a product. What is left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    title: t.string(),
    handle: t.string(),
    description: t.string(),
    vendor: t.string(),
    category: t.string(),
    status: t.field({ type: ProductStatus }),
  }),
  result: { field: 'product', type: Product, model: 'Product' },
  run: (caller, { id, ...input }) => updateProduct(caller, { id: nodeUuid('Product', id), ...input }),
})

addMutation(productArchive, {
  description: 'Takes a product out of the shop. Orders keep their lines.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
  }),
  result: { field: 'product', type: Product, model: 'Product' },
  run: (caller, { id, ...input }) => archiveProduct(caller, { id: nodeUuid('Product', id), ...input }),
})

addMutation(variantCreate, {
  description: 'Adds a variant to a product, with nothing in stock.',
  fields: (t) => ({
    productId: t.id({ required: true }),
    sku: t.string({ required: true }),
    title: t.string({ required: true }),
    price: t.field({ type: MoneyInput, required: true }),
  }),
  result: { field: 'variant', type: Variant, model: 'Variant' },
  run: (caller, { productId, ...input }) =>
    createVariant(caller, { productId: nodeUuid('Product', productId), ...input }),
})

addMutation(variantUpdate, {
  description: 'Edits a variant. What is left out stays as it is; orders keep the price they were placed at.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    sku: t.string(),
    title: t.string(),
    price: t.field({ type: MoneyInput }),
  }),
  result: { field: 'variant', type: Variant, model: 'Variant' },
  run: (caller, { id, ...input }) => updateVariant(caller, { id: nodeUuid('Variant', id), ...input }),
})

addMutation(stockAdjust, {
  description:
    'Books goods received, counted, damaged or returned. Stock never falls below what orders have reserved.',
  needsKey: true,
  fields: (t) => ({
    variantId: t.id({ required: true }),
    delta: t.int({ required: true, description: 'Pieces to add; negative to take away.' }),
    reason: t.field({ type: StockAdjustReason, required: true }),
  }),
  result: { field: 'variant', type: Variant, model: 'Variant' },
  run: (caller, { variantId, ...input }) =>
    adjustStock(caller, { variantId: nodeUuid('Variant', variantId), ...input }),
})
