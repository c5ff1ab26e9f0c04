// Invalid declarations of a resource: errors at the start and errors of the compiler. None of them is added to the
// schema.
import { describe, expect, it } from 'vitest'
import { action } from '../../../src/graphql/resource/action.ts'
import { money, resource } from '../../../src/graphql/resource/resource.ts'

const declare = (more: object) => () =>
  resource('StockLevel', {
    prefix: 'nil',
    permission: 'catalogue',
    fields: {},
    ...more,
  } as never)

describe('at the start', () => {
  it.each([
    ['a column that is not there', { fields: { colour: {} } }, 'StockLevel has no column colour'],
    ['a relation that is not there', { one: { owner: {} } }, 'StockLevel has no relation owner to one'],
    [
      'a relation to one as to many',
      { many: { variant: { sort: 'id' } } },
      'StockLevel has no relation variant to many',
    ],
    ['a look-up by what many may have', { by: ['onHand'] }, 'StockLevel cannot be looked up by onHand'],
    [
      'a part of a column that is not there',
      { fields: { price: money('priceMinor', 'currency') } },
      'stock_levels has no column priceMinor for price',
    ],
  ])('refuses %s', (_what, more, message) => {
    expect(declare(more)).toThrow(message)
  })
})

/** Never called. */
const uncompiled = [
  // @ts-expect-error: no such model
  () => resource('Suplier', { prefix: 'sup', permission: 'catalogue', fields: {} }),
  // @ts-expect-error: no such area of permissions
  () => resource('Variant', { prefix: 'var', permission: 'catalog', fields: {} }),
  // @ts-expect-error: the ledger cannot be written, so it is no resource's area
  () => resource('Variant', { prefix: 'var', permission: 'ledger', fields: {} }),
  // @ts-expect-error: a misspelt column is no part either
  () => resource('Variant', { prefix: 'var', permission: 'catalogue', fields: { tilte: {} } }),
  // @ts-expect-error: no such relation
  () => resource('Variant', { prefix: 'var', permission: 'catalogue', fields: {}, one: { produce: {} } }),
  () => {
    const Product = resource('Product', { prefix: 'prod', permission: 'catalogue', fields: {} })
    // @ts-expect-error: a status is one of few
    action(Product, 'lose', { run: () => ({ status: 'LOST' }) })
  },
]

it('what is misspelt does not compile', () => {
  expect(uncompiled).toHaveLength(6)
})
