// The maximum size of an answer, its cost by bytes, and the refusal of a too large one.
import { afterEach, describe, expect, it } from 'vitest'
import { weigh } from '../../src/answers/weight.ts'
import { isOverBytes } from '../../src/edge/answer-price.ts'
import { type FrontDoor, openFrontDoor, refusalOf } from './front-door.ts'

let door: FrontDoor | undefined
afterEach(async () => {
  await door?.close()
  door = undefined
})

const now = new Date('2030-01-01T00:00:00Z')
const aliases = (count: number, field: string) =>
  Array.from({ length: count }, (_, n) => `a${n}: ${field}`).join(' ')
const orders = (count: number, number: unknown = 1) => ({
  nodes: Array.from({ length: count }, (_, n) => ({ id: `o${n}`, number })),
})

describe('an answer over the bound', () => {
  const answerBytesMax = 65_536

  it.each([
    ['of letters', 'x'.repeat(7_000)],
    ['of letters that are three bytes each', '€'.repeat(2_500)],
    ['of letters that JSON escapes', '\u0001'.repeat(1_200)],
  ])('%s is refused before it is serialised, and pays for all of it', async (_name, text) => {
    const notes = () => Array.from({ length: 10 }, () => ({ text }))
    door = await openFrontDoor({ clock: () => now, answerBytesMax, resolvers: { notes } })
    const answer = await door.ask('{ notes { text } }')
    expect(refusalOf(answer)).toBe('400 QUERY_TOO_COMPLEX')
    expect(answer.body.errors[0].extensions.max).toBe(answerBytesMax)
    expect(answer.body).not.toHaveProperty('data')
    expect(answer.body.extensions.cost.actual).toBeGreaterThanOrEqual(65)
    expect(answer.body.extensions.cost.remaining).toBeLessThan(150_000 - 65)
  })

  it('one just under it is answered whole', async () => {
    const notes = () => Array.from({ length: 10 }, () => ({ text: '€'.repeat(2_150) }))
    door = await openFrontDoor({ answerBytesMax, resolvers: { notes } })
    const { status, body } = await door.ask('{ notes { text } }')
    expect([status, body.data.notes.length]).toEqual([200, 10])
  })

  it('a mutation says that it was done all the same', async () => {
    const orderPlace = () => ({ userErrors: [{ message: 'x'.repeat(70_000) }] })
    door = await openFrontDoor({ answerBytesMax, resolvers: { orderPlace } })
    const answer = await door.ask('mutation { orderPlace { userErrors { message } } }')
    expect(refusalOf(answer)).toBe('400 QUERY_TOO_COMPLEX')
    expect(answer.body.errors[0].message).toContain('what it changed stays changed')
  })

  it('errors count as well', async () => {
    const again = () => {
      throw new Error('no')
    }
    const nodes = () => Array.from({ length: 1_000 }, (_, n) => ({ __typename: 'Order', id: `${n}`, again }))
    door = await openFrontDoor({ answerBytesMax, resolvers: { nodes } })
    const answer = await door.ask('{ nodes(ids: ["a"]) { ... on Order { again { id } } } }')
    expect(refusalOf(answer)).toBe('400 QUERY_TOO_COMPLEX')
    expect(answer.body.errors).toHaveLength(1)
  })
})

describe('the price of an answer', () => {
  it('a far too large estimate is refused before anything is read', async () => {
    door = await openFrontDoor()
    const answer = await door.ask(`{ notes { ${aliases(50, 'long')} } }`)
    expect(refusalOf(answer)).toBe('400 QUERY_TOO_COMPLEX')
    expect(door.reads()).toBe(0)
  })

  it('the sent bytes are charged, even above the estimate', async () => {
    const notes = () => [{ text: 'x'.repeat(50_000) }]
    door = await openFrontDoor({ clock: () => now, resolvers: { notes } })
    const { body } = await door.ask('{ notes { text } }')
    const sent = JSON.stringify(body.data).length
    expect(body.extensions.cost).toMatchObject({
      requested: 12,
      actual: Math.ceil((sent + 1_000 + 100) / 1_000),
    })
  })

  it('every repetition of a scalar is charged', async () => {
    door = await openFrontDoor({ resolvers: { orders: () => orders(100) } })
    const costOf = async (query: string) => (await door?.ask(query))?.body.extensions.cost.actual
    const plain = await costOf('{ orders(first: 100) { nodes { number } } }')
    const many = await costOf(`{ orders(first: 100) { nodes { ${aliases(40, 'number')} } } }`)
    expect(many - plain).toBeGreaterThan(39 * 10)
  })
})

describe('weighing', () => {
  const NO_PRICES = new Map()
  const sizes = (value: unknown) => {
    const json = Buffer.byteLength(JSON.stringify(value))
    const { bytes } = weigh(value, NO_PRICES)
    return { json, isOver: (max: number) => isOverBytes([value], bytes, max) }
  }

  it.each([
    ['nothing', null],
    ['numbers', { a: Array.from({ length: 500 }, (_, n) => n - 1.5e300) }],
    ['short numbers', { a: Array(5_000).fill(1) }],
    ['texts', { a: ['x', 'ü€🙂', '"\\\n\u0000\ud800', ''] }],
    ['controls alone', { a: '\u0002'.repeat(9_999) }],
    ['an empty object and an empty list', { a: {}, b: [], c: [{}, []] }],
    ['constants', [true, false, null]],
  ])('knows exactly whether %s is over a bound', (_name, value) => {
    const { json, isOver } = sizes(value)
    expect([isOver(json), isOver(json - 1)]).toEqual([false, true])
  })

  it('ends a walk through what is far too large', () => {
    const text = 'x'.repeat(20_000)
    const value = Array.from({ length: 100_000 }, () => ({ text }))
    expect(sizes(value.slice(0, 1)).isOver(8_388_608)).toBe(false)
    expect(isOverBytes([value], weigh(value, NO_PRICES).bytes, 8_388_608)).toBe(true)
  })
})
