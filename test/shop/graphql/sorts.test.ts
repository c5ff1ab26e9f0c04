// Lists sort by columns of the model that have an index.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { sortOf, sortOfRelation, sortsOf } from '../../../src/graphql/sorts.ts'

it('default: instants latest first, all others ascending', () => {
  expect(sortOf('Order', 'placedAt')).toMatchObject({ model: 'Order', type: 'date', descending: true })
  expect(sortOf('Member', 'email')).toMatchObject({ type: 'string', descending: false })
  expect(sortOf('Order', 'number', 'descending')).toMatchObject({ type: 'number', descending: true })
  expect(sortOfRelation('Order', 'lines', 'position')).toMatchObject({
    model: 'OrderLine',
    column: 'position',
    descending: false,
  })
})

it('an enum of sorts reads the default, and turns each around', () => {
  const { read } = sortsOf(
    'TestSortKey',
    { PLACED_AT: sortOf('Order', 'placedAt'), TOTAL: sortOf('Order', 'totalMinor', 'descending') },
    'PLACED_AT',
  )
  expect(read(null, null)).toMatchObject({ column: 'placedAt', descending: true })
  expect(read('TOTAL', true)).toMatchObject({ column: 'totalMinor', type: 'bigint', descending: false })
})

it('an unknown column, one that may be null, an enum and an unknown relation are refused where they are declared', () => {
  for (const column of ['color', 'cancelReason', 'status'])
    expect(() => sortOf('Order', column)).toThrow(`Order cannot be sorted by ${column}`)
  expect(() => sortOfRelation('Order', 'customer', 'name')).toThrow('Order has no relation customer to many')
})

it('a sort without an index of its own, or of its relation, is named with the index to add', async () => {
  const script = fileURLToPath(new URL('./unindexed-sorts.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script])
  expect(JSON.parse(stdout)).toEqual({
    before: [],
    after: [
      'Order is sorted by paidMinor: add @@index([tenantId, paidMinor, id]) to its model, and write the migration',
      'Order is sorted by totalMinor: add @@index([tenantId, customerId, totalMinor, id]) to its model, and write the migration',
    ],
  })
})
