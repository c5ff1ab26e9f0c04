import { expect, it } from 'vitest'
import { camelOf, nounOf, pluralOf, snakeOf } from '../../src/core/names.ts'

it('a name has its forms', () => {
  expect([camelOf('PriceList'), snakeOf('PriceList'), snakeOf('priceList'), nounOf('PriceList')]).toEqual([
    'priceList',
    'price_list',
    'price_list',
    'price list',
  ])
})

it.each([
  ['booking', 'bookings'],
  ['priceList', 'priceLists'],
  ['delivery', 'deliveries'],
  ['day', 'days'],
  ['box', 'boxes'],
  ['address', 'addresses'],
  ['batch', 'batches'],
])('%s → %s', (noun, plural) => {
  expect(pluralOf(noun)).toBe(plural)
})
