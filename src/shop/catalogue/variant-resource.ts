// Variants: the forms of a product that can be bought, each with a price and a stock level.
import { below, money, resource } from '../../graphql/resource/resource.ts'
import { SEES_UNPUBLISHED } from './unpublished.ts'

const SKU_LENGTH_MAX = 64

resource('Variant', {
  prefix: 'var',
  permission: 'catalogue',
  description: 'A form of a product that can be bought.',
  fields: {
    sku: {
      description: 'Unique in the shop.',
      length: SKU_LENGTH_MAX,
      taken: 'another variant has this SKU',
    },
    title: {},
    price: money('priceMinor', 'currency', { description: 'The price of one piece.' }),
  },
  one: { product: { writable: 'create' } },
  by: ['sku'],
  visible: { where: { product: { status: 'ACTIVE' } }, unless: SEES_UNPUBLISHED },
  list: {
    description: 'All variants of all products.',
    filter: [
      'product',
      'product.vendor',
      'product.category',
      'product.status',
      'price',
      'updatedAt',
      below('stock.available', {
        name: 'availableBelow',
        description: 'Fewer pieces than this can be sold: on hand less reserved.',
      }),
    ],
    sort: ['createdAt', 'updatedAt', 'sku', 'price'],
    search: ['title', 'sku'],
  },
  write: ['create', 'update'],
  updateMany: 'productVariantsUpdate',
  writeDescriptions: {
    create: 'Adds a variant to a product, with no stock.',
    update:
      'Edits a variant. Omitted fields stay unchanged; orders keep the price at which they were placed.',
  },
  // Last among its product's variants.
  async complete({ productId = '', ...columns }, tx) {
    const last = await tx.variant.findFirst({
      where: { productId },
      select: { position: true },
      orderBy: { position: 'desc' },
    })
    return { ...columns, productId, position: (last?.position ?? -1) + 1 }
  },
  async created(tx, { id }) {
    await tx.stockLevel.create({ data: { variantId: id } })
  },
})
