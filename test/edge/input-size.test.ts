// The cost and the bound of a request's input.
import { afterEach, describe, expect, it } from 'vitest'
import { unstorableIn } from '../../src/core/text.ts'
import { INPUT_VALUES_MAX } from '../../src/edge/input-size.ts'
import { anyOf } from '../../src/graphql/any-of.ts'
import { type FrontDoor, openFrontDoor, refusalOf } from './front-door.ts'

let door: FrontDoor | undefined
afterEach(async () => {
  await door?.close()
  door = undefined
})

async function open(): Promise<FrontDoor> {
  const now = new Date('2030-01-01T00:00:00Z')
  door = await openFrontDoor({ clock: () => now })
  return door
}

describe('variables', () => {
  it.each([
    ['in a list', { undeclared: Array(INPUT_VALUES_MAX).fill(0) }],
    ['as fields', Object.fromEntries(Array.from({ length: INPUT_VALUES_MAX }, (_, n) => [`n${n}`, 0]))],
    ['in lists of lists', { undeclared: Array(2_000).fill([0]) }],
  ])('of too many values are refused, declared or not: %s', async (_name, variables) => {
    const { ask, reads } = await open()
    const answer = await ask('{ count }', variables)
    expect(refusalOf(answer)).toBe('400 BAD_USER_INPUT')
    expect(answer.body.errors[0].message).toContain(String(INPUT_VALUES_MAX))
    expect(reads()).toBe(0)
  })

  it('the largest order fits, with room', async () => {
    const { ask } = await open()
    const lines = Array.from({ length: 1_000 }, (_, n) => ({ variantId: `v${n}`, quantity: 1 }))
    expect((await ask('{ count }', { input: { lines } })).status).toBe(200)
  })

  it('cost by their values and characters; usual ones nothing', async () => {
    const { ask } = await open()
    const costOf = async (variables: Record<string, unknown>) =>
      (await ask('{ count }', variables)).body.extensions.cost
    expect(await costOf({ a: 1, b: 2 })).toMatchObject({ requested: 1, actual: 1 })
    expect(await costOf({ list: Array(1_000).fill(0) })).toMatchObject({ requested: 101, actual: 101 })
    expect(await costOf({ text: 'x'.repeat(100_000) })).toMatchObject({ requested: 101, actual: 101 })
  })

  it('are charged once per mutation, which checks them', async () => {
    const { ask } = await open()
    const fields = (count: number) =>
      Array.from({ length: count }, (_, n) => `m${n}: orderPlace { order { id } }`).join(' ')
    const costOf = async (count: number, variables: Record<string, unknown>) =>
      (await ask(`mutation { ${fields(count)} }`, variables)).body.extensions.cost
    const list = Array(1_000).fill(0)
    for (const count of [1, 20]) {
      const without = await costOf(count, {})
      const withList = await costOf(count, { list })
      expect(withList.requested - without.requested).toBe(100 * count)
      expect(withList.actual - without.actual).toBe(100 * count)
    }
  })

  it('are paid when the request is refused', async () => {
    const { ask } = await open()
    const left = async () => Number((await ask('{ count }')).headers.get('ratelimit-remaining'))
    const query = 'query Q($n: Int!) { count(limit: $n) }'
    await ask(query, { n: 1 })
    await left()
    const before = await left()
    expect(refusalOf(await ask(query, { n: 'many', list: Array(1_000).fill(0) }))).toBe('400 BAD_USER_INPUT')
    expect(before - (await left())).toBe(20 + 100 + 1)
  })
})

it('an unstorable text is found anywhere, by its path', () => {
  const half = String.fromCharCode(0xd800)
  const value = { a: [0, null, { b: half }], [half]: 1, c: 'fine', d: ['x', 'nul\0'] }
  expect(unstorableIn(value)).toEqual([['a', '2', 'b'], [half], ['d', '1']])
  expect(unstorableIn(half)).toEqual([[]])
  expect(unstorableIn(null)).toEqual([])
})

it('a filter takes each value once, and at most 100', () => {
  expect(anyOf(['A', 'B', 'A'])).toEqual({ in: ['A', 'B'] })
  expect(anyOf([])).toEqual({ in: [] })
  expect(anyOf(Array(100).fill('A'))).toEqual({ in: ['A'] })
  expect(() => anyOf(Array(101).fill('A'))).toThrow('at most 100 values')
})
