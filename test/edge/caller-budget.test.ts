// A caller's budget over HTTP, and its headers.
import { afterEach, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor, refusalOf } from './front-door.ts'

let door: FrontDoor | undefined
afterEach(async () => {
  await door?.close()
  door = undefined
})

const clock = () => new Date('2030-01-01T00:00:00Z')
const budget = { capacity: 2_000, restorePerSecond: 100 }
const query = '{ orders(first: 100) { nodes { id } } }'

it('a caller that spends its whole share leaves enough for the others', async () => {
  door = await openFrontDoor({ clock, budget })
  let last = await door.ask(query, {}, 'VIEWER')
  for (let n = 0; n < 30 && last.status === 200; n += 1) last = await door.ask(query, {}, 'VIEWER')
  expect(refusalOf(last)).toBe('429 RATE_LIMITED')
  expect(last.body.errors[0].message).toContain('your share')
  expect((await door.ask(query, {}, 'OWNER')).status).toBe(200)
})

it('answers show the budgets of caller and tenant', async () => {
  door = await openFrontDoor({ clock, budget })
  await door.ask(query, {}, 'VIEWER')
  const { headers, body } = await door.ask('{ count }', {}, 'OWNER')
  expect(headers.get('ratelimit-limit')).toBe('1500')
  expect(headers.get('ratelimit-remaining')).toBe(String(body.extensions.cost.remaining))
  expect(headers.get('ratelimit-reset')).toBe('2')
  expect(headers.get('ratelimit-policy')).toBe(
    '"caller";q=1500;qu="points";w=20, "tenant";q=2000;qu="points";w=20',
  )
  expect(headers.get('ratelimit')).toMatch(/^"caller";r=\d+;t=2, "tenant";r=\d+;t=\d+$/)
})

it('a 429 has them too, with Retry-After', async () => {
  door = await openFrontDoor({ clock, budget: { capacity: 400, restorePerSecond: 10 } })
  await door.ask(query)
  const answer = await door.ask(query)
  expect(refusalOf(answer)).toBe('429 RATE_LIMITED')
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(answer.headers.get('ratelimit-remaining')).toMatch(/^\d+$/)
  expect(answer.headers.get('ratelimit-limit')).toBe('300')
})

it('so has a refusal', async () => {
  door = await openFrontDoor({ clock, budget })
  expect((await door.ask('{ nothing }')).headers.get('ratelimit-limit')).toBe('1500')
})
