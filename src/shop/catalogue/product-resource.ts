// Products: sold in one or more variants.
import { z } from 'zod'
import { refused } from '../../commands/outcome.ts'
import { action } from '../../graphql/resource/action.ts'
import { resource } from '../../graphql/resource/resource.ts'
import { HANDLE_LENGTH_MAX, handleOf } from './handle.ts'
import { SEES_UNPUBLISHED } from './unpublished.ts'

const DESCRIPTION_LENGTH_MAX = 20_000

const handle = z
  .string()
  .max(HANDLE_LENGTH_MAX)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'a handle is small letters, digits and single hyphens, like red-kettle')

/** Not trimmed: a text of several lines may start with a space. */
const description = z.string().max(DESCRIPTION_LENGTH_MAX)

const Product = resource('Product', {
  prefix: 'prod',
  permission: 'catalogue',
  description: 'A product that the merchant sells, in one or more variants.',
  fields: {
    handle: {
      description: 'Its name in URLs, unique in the shop. Default: made from the title.',
      rule: handle,
      required: false,
      taken: 'another product has this handle',
    },
    title: {},
    description: { length: DESCRIPTION_LENGTH_MAX, rule: description },
    vendor: {},
    category: {},
    status: { initial: ['DRAFT', 'ACTIVE'] },
  },
  many: { variants: { sort: 'position', description: 'Its variants, in the merchant’s order.' } },
  by: ['handle'],
  visible: { where: { status: 'ACTIVE' }, unless: SEES_UNPUBLISHED },
  list: {
    description: 'The catalogue.',
    filter: ['status', 'vendor', 'category', 'updatedAt'],
    sort: ['createdAt', 'updatedAt', { alphabetical: 'title' }],
    search: ['title', 'vendor', 'category', 'variants.sku'],
  },
  write: ['create', 'update'],
  writeDescriptions: {
    create: 'Adds a product. Price and stock belong to its variants: add them with variantCreate.',
    update: 'Edits a product. Omitted fields stay unchanged.',
  },
  complete: ({ title = '', handle = handleOf(title), ...columns }) =>
    handle === ''
      ? refused([
          { field: ['handle'], code: 'REQUIRED', message: 'no handle can be made of this title: give one' },
        ])
      : { ...columns, title, handle },
  updatedEvent: ({ status }) => (status === 'ARCHIVED' ? 'product.archived' : 'product.updated'),
})

action(Product, 'archive', {
  description: 'Archives a product. Orders keep their lines.',
  run: () => ({ status: 'ARCHIVED' }),
  many: 'productsArchive',
  event: 'product.archived',
})
