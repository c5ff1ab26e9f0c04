// The charges of failed and refused operations, and requests that are refused before their document is read.
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { Role } from '../../src/auth/permissions.ts'
import { type FrontDoor, openFrontDoor, refusalOf } from './front-door.ts'

let door: FrontDoor | undefined
afterEach(async () => {
  await door?.close()
  door = undefined
})

const now = new Date('2030-01-01T00:00:00Z')
const clock = () => now
const post = (body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

/** Opens the server; returns how many points the next requests cost the caller. */
async function open(options: Parameters<typeof openFrontDoor>[0] = {}) {
  const opened = await openFrontDoor({ clock, ...options })
  door = opened
  const left = async (role?: Role) => {
    const { headers } = await opened.ask('{ count }', {}, role)
    return Number(headers.get('ratelimit-remaining'))
  }
  // Cached from now on: a request costs 1.
  await left()
  return {
    door: opened,
    async spentBy(work: () => Promise<unknown>): Promise<number> {
      const before = await left()
      await work()
      return before - (await left()) - 1
    },
  }
}

describe('an operation that fails while it runs', () => {
  const fail = () => {
    throw new Error('no')
  }
  const failing = { order: () => ({ id: 'o', number: 1, again: fail, tags: fail }) }

  it('pays what was reserved when nothing of it is left', async () => {
    const { door } = await open({ resolvers: { orders: fail } })
    const { body } = await door.ask('{ orders(first: 60) { nodes { id } } }')
    expect(body.data).toEqual({ orders: null })
    expect(body.extensions.cost.actual).toBe(body.extensions.cost.requested)
  })

  it('pays what was reserved when a part of it is lost', async () => {
    const { door } = await open({ resolvers: failing })
    const { body } = await door.ask('{ hello order(id: 1) { id tags again { lines { nodes { id } } } } }')
    expect(body.data).toEqual({ hello: 'hello you', order: null })
    expect(body.extensions.cost.actual).toBe(body.extensions.cost.requested)
  })

  it('cannot be repeated for ever', async () => {
    const { door } = await open({
      resolvers: { orders: fail },
      budget: { capacity: 1_000, restorePerSecond: 1 },
    })
    const statuses = []
    for (let n = 0; n < 10; n += 1) {
      statuses.push((await door.ask('{ orders(first: 100) { nodes { id } } }')).status)
    }
    expect(statuses.at(-1)).toBe(429)
  })
})

describe('what can be checked before anything runs', () => {
  const list = 'query Q($after: String) { orders(after: $after) { nodes { id } } }'
  const foreign = Buffer.from('00000000["id",1,"x"]').toString('base64url')

  it.each([
    ['a cursor that is none', list, { after: 'x' }],
    ['a cursor that is somebody else’s', list, { after: foreign }],
    ['a cursor in the document', '{ orders(after: "nonsense") { nodes { id } } }', {}],
    ['a cursor by default', 'query Q($after: String = "x") { orders(after: $after) { nodes { id } } }', {}],
    [
      'a list that is too long',
      'query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }',
      { ids: Array(101).fill('a') },
    ],
    ['such a list in the document', `{ nodes(ids: [${'"a",'.repeat(101)}]) { id } }`, {}],
    ['a page size', '{ orders(first: 101) { nodes { id } } }', {}],
  ])('%s is refused, and nothing is read', async (_name, query, variables) => {
    const { door } = await open()
    const before = door.reads()
    expect(refusalOf(await door.ask(query, variables))).toBe('400 BAD_USER_INPUT')
    expect(door.reads()).toBe(before)
  })

  it('no cursor at all is fine', async () => {
    const { door } = await open()
    expect((await door.ask(list, { after: null })).status).toBe(200)
    expect((await door.ask(list)).status).toBe(200)
  })
})

describe('a refused request pays', () => {
  const unknownFields = `{ order(id: 1) { ${Array.from({ length: 900 }, (_, n) => `x${n}`).join(' ')} } }`

  it.each([
    ['a syntax error', '{ hello', 100],
    ['what the schema does not have', '{ nothing }', 100],
    ['a large invalid document', unknownFields, 3_600],
    ['a document of too many tokens', `{ ${'hello '.repeat(3_000)} }`, 8_000],
    ['what is too complex', '{ orders(first: 100) { nodes { lines(first: 100) { nodes { id } } } } }', 200],
    ['a variable of the wrong type', 'query Q($n: Int!) { count(limit: $n) }', 100],
  ])('%s', async (_name, query, least) => {
    const { door, spentBy } = await open()
    const spent = await spentBy(() => door.ask(query))
    expect(spent).toBeGreaterThanOrEqual(least)
    expect(spent).toBeLessThan(least * 2 + 400)
  })

  it('its reservation is returned when nothing ran', async () => {
    const { door, spentBy } = await open()
    const query = 'query Q($n: Int!) { orders(first: 100) { nodes { id number } } count(limit: $n) }'
    const ask = () => door.ask(query, { n: 'many' })
    await ask()
    expect(await spentBy(ask)).toBe(20)
  })

  it('what the caller may not do', async () => {
    const { door } = await open()
    const before = await door.ask('{ count }', {}, 'VIEWER')
    await door.ask('{ secretive }', {}, 'VIEWER')
    const after = await door.ask('{ count }', {}, 'VIEWER')
    const left = (answer: typeof before) => Number(answer.headers.get('ratelimit-remaining'))
    expect(left(before) - left(after)).toBeGreaterThan(200)
  })

  it.each([
    ['that is no JSON', '{'],
    ['that is an array', '[]'],
    ['without a query', '{}'],
  ])('a body %s', async (_name, body) => {
    const { door, spentBy } = await open()
    expect(await spentBy(() => door.send('/graphql', post(body)))).toBe(20)
  })

  it('an unknown persisted query is charged, and does not count as a refusal', async () => {
    const budget = { capacity: 2_000, restorePerSecond: 1 }
    const { door, spentBy } = await open({ budget })
    const persistedQuery = { version: 1, sha256Hash: createHash('sha256').update('{ x }').digest('hex') }
    const send = () => door.send('/graphql', post({ extensions: { persistedQuery } }))
    expect(await spentBy(send)).toBe(20)
    // The refusals' budget is a tenth of the share: 150 points.
    for (let n = 0; n < 9; n += 1) await send()
    expect((await door.ask('{ hello }')).status).toBe(200)
    let last = await send()
    for (let n = 0; n < 100 && last.status === 200; n += 1) last = await send()
    expect(refusalOf(last)).toBe('429 RATE_LIMITED')
  })
})

describe('a caller with too many refusals', () => {
  const budget = { capacity: 20_000, restorePerSecond: 2_000 }
  const wrong = (n: number) => `{ nothing${n} }`

  it('is refused before the document is read, and only earlier operations are answered', async () => {
    let at = now.getTime()
    const { door } = await open({ budget, clock: () => new Date(at) })
    const answers = []
    for (let n = 0; n < 20; n += 1) answers.push(refusalOf(await door.ask(wrong(n))))
    expect(answers[0]).toBe('400 BAD_USER_INPUT')
    const limited = await door.ask(wrong(99))
    expect(refusalOf(limited)).toBe('429 RATE_LIMITED')
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
    // Not even its syntax is checked.
    expect(refusalOf(await door.ask('{'))).toBe('429 RATE_LIMITED')
    expect((await door.ask('{ count }')).status).toBe(200)
    expect((await door.ask(wrong(100), {}, 'STAFF')).status).toBe(400)
    at += 3_000
    expect(refusalOf(await door.ask(wrong(101)))).toBe('400 BAD_USER_INPUT')
  })

  it('pays nothing for being refused so', async () => {
    const { door, spentBy } = await open({ budget })
    for (let n = 0; n < 20; n += 1) await door.ask(wrong(n))
    expect(await spentBy(() => door.ask(wrong(99)))).toBe(0)
  })
})

describe('without a credential', () => {
  it('no document is read, and nothing is charged', async () => {
    const { door, spentBy } = await open()
    const spent = await spentBy(async () => {
      for (const authorization of ['', 'Bearer nonsense', 'Bearer bk_test_nonsense']) {
        const answer = await door.send('/graphql', post({ query: '{' }, { authorization }))
        expect(refusalOf(answer)).toBe('401 UNAUTHENTICATED')
        expect(answer.headers.has('ratelimit-limit')).toBe(false)
      }
    })
    expect(spent).toBe(0)
  })
})
