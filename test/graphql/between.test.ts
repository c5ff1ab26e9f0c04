import { expect, it } from 'vitest'
import { between } from '../../src/graphql/between.ts'

const [from, before] = [new Date('2026-01-01'), new Date('2026-02-01')]

it('a span has one end, two, or none', () => {
  expect(between('placedAt', from, before)).toEqual({ placedAt: { gte: from, lt: before } })
  expect(between('placedAt', from, null)).toEqual({ placedAt: { gte: from } })
  expect(between('placedAt', undefined, before)).toEqual({ placedAt: { lt: before } })
  expect(between('placedAt', null, undefined)).toEqual({})
})
