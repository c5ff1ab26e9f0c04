// The bound of what is compiled: evicted by use, and compiled again.
import { expect, it } from 'vitest'
import { keepPlans } from '../../../src/answers/kept.ts'

it('evicts what was used longest ago, of all owners together', () => {
  const [one, other] = [keepPlans<{ n: number }>(), keepPlans<{ n: number }>()]
  one.set('a', { n: 1 }, 15_000)
  other.set('a', { n: 2 }, 15_000)
  expect(one.get('a')).toEqual({ n: 1 })
  other.set('b', { n: 3 }, 15_000)
  expect(one.get('a')).toEqual({ n: 1 })
  expect(other.get('a')).toBeUndefined()
  expect(other.get('b')).toEqual({ n: 3 })
})
