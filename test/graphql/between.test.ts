import { expect, it } from 'vitest'
import { spanOf } from '../../src/graphql/between.ts'

const [from, before] = [new Date('2026-01-01'), new Date('2026-02-01')]
const [first, last] = ['2026-01-01', '2026-01-31']

it('a span has one end, two, or none, by instants and by days', () => {
  expect(spanOf('placedAt', 'placed', { placedFrom: from, placedBefore: before })).toEqual({
    placedAt: { gte: from, lt: before },
  })
  expect(spanOf('placedAt', 'placed', { placedFrom: from, placedBefore: null })).toEqual({
    placedAt: { gte: from },
  })
  expect(spanOf('placedAt', 'placed', { placedOn: { from: first, until: last } })).toEqual({
    placedAt: { fromDay: first, untilDay: last },
  })
  expect(spanOf('placedAt', 'placed', { placedOn: { until: last }, placedBefore: before })).toEqual({
    placedAt: { lt: before, untilDay: last },
  })
  expect(spanOf('placedAt', 'placed', {})).toEqual({})
  expect(spanOf('placedAt', 'placed', null)).toEqual({})
})
