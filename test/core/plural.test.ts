import { expect, it } from 'vitest'
import { pluralOf } from '../../src/core/plural.ts'

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
