// Lists: order, pages, filters, and expansions.
import { beforeAll, expect, it } from 'vitest'
import { parseForm } from '../../../src/shop/sandbox/form.ts'
import { charged, errorOf, newMerchant } from './merchant.ts'

const { stripe, send } = newMerchant()
const COUNT = 23
/** Oldest first. */
const ids: string[] = []

beforeAll(async () => {
  for (let number = 1; number <= COUNT; number += 1) {
    const { id } = await stripe.paymentIntents.create(charged({ metadata: { number } }))
    ids.push(id)
  }
})

const newestFirst = () => ids.toReversed()

it('are newest first, ten to a page', async () => {
  const { data, has_more, url } = await stripe.paymentIntents.list()
  expect(data.map(({ id }) => id)).toEqual(newestFirst().slice(0, 10))
  expect([has_more, url]).toEqual([true, '/v1/payment_intents'])
})

it.each([1, 7, COUNT, 100])('show each once, in pages of %i', async (limit) => {
  const seen: string[] = []
  for await (const { id } of stripe.paymentIntents.list({ limit })) seen.push(id)
  expect(seen).toEqual(newestFirst())
})

it('can be read backwards', async () => {
  const page = await stripe.paymentIntents.list({ limit: 3, ending_before: ids[5] as string })
  expect(page.data.map(({ id }) => id)).toEqual([ids[8], ids[7], ids[6]])
  expect(page.has_more).toBe(true)
  const last = await stripe.paymentIntents.list({ limit: 3, ending_before: ids[COUNT - 3] as string })
  expect(last.data.map(({ id }) => id)).toEqual([ids[COUNT - 1], ids[COUNT - 2]])
  expect(last.has_more).toBe(false)
})

it('end where there is no more', async () => {
  const { data, has_more } = await stripe.paymentIntents.list({ starting_after: ids[0] as string })
  expect([data, has_more]).toEqual([[], false])
})

it('are narrowed by time, bounds as they are named', async () => {
  const times = (await stripe.paymentIntents.list({ limit: 100 })).data.map(({ created }) => created)
  const [first, last] = [Math.min(...times), Math.max(...times)]
  const count = async (created: object) =>
    (await stripe.paymentIntents.list({ limit: 100, created })).data.length
  expect(await count({ gte: first, lte: last })).toBe(COUNT)
  expect(await count({ gt: last })).toBe(0)
  expect(await count({ lt: first })).toBe(0)
  expect(await count({ gte: last })).toBe(times.filter((time) => time === last).length)
  expect(await count({ lte: first })).toBe(times.filter((time) => time === first).length)
})

it('expand what each of them names', async () => {
  const expand = ['data.latest_charge.balance_transaction']
  const { data } = await stripe.paymentIntents.list({ limit: 2, expand })
  expect(data).toMatchObject([
    { latest_charge: { balance_transaction: { fee: 88 } } },
    { latest_charge: { balance_transaction: { fee: 88 } } },
  ])
})

it('of events are narrowed by type', async () => {
  const { data } = await stripe.events.list({ type: 'charge.succeeded', limit: 100 })
  expect(data).toHaveLength(COUNT)
  expect(new Set(data.map(({ type }) => type))).toEqual(new Set(['charge.succeeded']))
  const both = await stripe.events.list({ types: ['charge.succeeded', 'payment_intent.created'], limit: 100 })
  expect(both.data).toHaveLength(2 * COUNT)
  expect(await stripe.events.retrieve(data[0]?.id ?? '')).toMatchObject({ type: 'charge.succeeded' })
})

it.each([
  [{ limit: 0 }, 400, 'limit'],
  [{ limit: 101 }, 400, 'limit'],
  [{ starting_after: 'pi_unheard_of' }, 404, 'id'],
  [{ created: { gte: -1 } }, 400, 'created[gte]'],
  [{ expand: ['data.metadata'] }, 400, 'expand'],
])('%o is refused', async (params, statusCode, param) => {
  expect(await errorOf(stripe.paymentIntents.list(params))).toMatchObject({ statusCode, param })
})

it('nothing but ids is expanded: a description that looks like one is left as it is', async () => {
  const description = ids[0] as string
  const { id } = await stripe.paymentIntents.create(charged({ description }))
  expect(await errorOf(stripe.paymentIntents.retrieve(id, { expand: ['description'] }))).toMatchObject({
    statusCode: 400,
  })
  expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ description })
})

it('brackets may be numbered, empty or escaped', async () => {
  const read = async (query: string) =>
    (await (await send('GET', `payment_intents?limit=1&${query}`)).json()) as {
      data: { latest_charge: { object: string } }[]
    }
  for (const query of [
    'expand[]=data.latest_charge',
    'expand[0]=data.latest_charge',
    'expand%5B0%5D=data.latest_charge',
  ]) {
    expect((await read(query)).data[0]?.latest_charge).toMatchObject({ object: 'charge' })
  }
})

it.each(['__proto__[x]=1', 'metadata[__proto__][x]=1', 'metadata[constructor][prototype][x]=1'])(
  '%s reaches no prototype',
  (form) => {
    const { metadata = {} } = parseForm(form)
    for (const value of [{}, metadata, () => {}]) expect(value).not.toHaveProperty('x')
  },
)

it.each(['[a', '[a]'])('a name of 100,000 times “%s” is refused in a moment', async (piece) => {
  const form = { [`x${piece.repeat(100_000)}`]: '1' }
  const startedMs = performance.now()
  expect((await send('POST', 'payment_intents', { form })).status).toBe(400)
  expect(performance.now() - startedMs).toBeLessThan(2_000)
})

it('more than a thousand parameters are refused', async () => {
  const refusal = await send('GET', `payment_intents?${'limit=1&'.repeat(1_000)}limit=1`)
  expect(refusal.status).toBe(400)
})
