// Whether two values of a column are the same value.
import { expect, it } from 'vitest'
import { isSameValue, jsonOf } from '../../src/commands/json-value.ts'
import { Prisma } from '../../src/generated/prisma/client.ts'

const decimal = (text: string) => new Prisma.Decimal(text)

it.each([
  [new Date(5), new Date(5), true],
  [new Date(5), new Date(6), false],
  [decimal('1.50'), decimal('1.5'), true],
  [decimal('1.50'), '1.5', true],
  ['1.5', decimal('1.50'), true],
  [decimal('1.50'), decimal('1.51'), false],
  [decimal('1.50'), 'x', false],
  [decimal('1.50'), null, false],
  [{ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [[1, 2], [2, 1], false],
  [new Uint8Array([1, 2]), Buffer.from([1, 2]), true],
  [new Uint8Array([1, 2]), Buffer.from([1, 3]), false],
  [5n, 5n, true],
  [5n, 6n, false],
  [null, null, true],
  [null, '', false],
  ['a', 'a', true],
])('%o and %o: %o', (one, other, same) => {
  expect(isSameValue(one, other)).toBe(same)
  expect(isSameValue(other, one)).toBe(same)
})

it('times, amounts and decimals are texts as JSON', () => {
  expect([new Date(0), 5n, decimal('1.50'), undefined, 'a'].map(jsonOf)).toEqual([
    '1970-01-01T00:00:00.000Z',
    '5',
    '1.5',
    null,
    'a',
  ])
})
