// Concurrent orders: stock is never sold twice, numbers have no gaps, and nothing waits forever.
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { countStatements } from '../../support/statements.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant, ORDER_PLACE, payOrder, placeOrder } from '../support/shop.ts'
import { untruths } from '../support/truth.ts'

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
})
afterEach(async () => {
  expect(await untruths(api, 'A')).toEqual([])
})
afterAll(() => api?.close())

const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)))

async function place(
  lines: { variantId: string; quantity: number }[],
  idempotencyKey = unique('key'),
): Promise<Data> {
  const { orderPlace } = await a.data(ORDER_PLACE, { input: { idempotencyKey, customerId, lines } })
  return orderPlace
}

const codesOf = (payloads: Data[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { userErrors } of payloads) {
    const code = userErrors.map((error: Data) => error.code).join() || 'DONE'
    counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

async function variantOf(id: string): Promise<Data> {
  const { variant } = await a.data(
    'query ($id: ID!) { variant(id: $id) { stock { onHand reserved available } stockMovements { totalCount } } }',
    { id },
  )
  return variant
}

it('case 39: 200 buyers of 10 pieces make 10 orders, with numbers in a row, and 0 are left', async () => {
  const { id: variantId } = await makeVariant(a, { stock: 10 })
  const before = await placeOrder(a, customerId, [{ variantId: (await makeVariant(a)).id, quantity: 1 }])
  const payloads = await times(200, () => place([{ variantId, quantity: 1 }]))
  expect(codesOf(payloads)).toEqual({ DONE: 10, STOCK_INSUFFICIENT: 190 })
  const numbers = payloads.flatMap(({ order }) => order?.number ?? []).sort((left, right) => left - right)
  expect(numbers).toEqual(Array.from({ length: 10 }, (_, n) => before.number + 1 + n))
  expect(await variantOf(variantId)).toEqual({
    stock: { onHand: 10, reserved: 10, available: 0 },
    stockMovements: { totalCount: 11 },
  })
})

it('quantities of more than one: what is sold never exceeds what there is', async () => {
  const { id: variantId } = await makeVariant(a, { stock: 10 })
  const payloads = await times(30, (n) => place([{ variantId, quantity: 1 + (n % 4) }]))
  const sold = payloads.flatMap(({ order }, n) => (order === null ? [] : 1 + (n % 4)))
  const { stock } = await variantOf(variantId)
  expect(stock.reserved).toBe(sold.reduce((sum, quantity) => sum + quantity, 0))
  // Each refused order asked for more than was left at that time.
  expect(stock.available).toBeLessThan(4)
})

it('the same two variants in opposite order, 50 at once: every order is placed', async () => {
  const [one, two] = [await makeVariant(a, { stock: 500 }), await makeVariant(a, { stock: 500 })]
  const lines = [one, two].map(({ id }) => ({ variantId: id, quantity: 1 }))
  const payloads = await times(50, (n) => place(n % 2 === 0 ? lines : lines.toReversed()))
  expect(codesOf(payloads)).toEqual({ DONE: 50 })
})

it('baskets of the same 40 variants, each in another order: none has to be retried', async () => {
  const variants = await times(40, async () => (await makeVariant(a, { stock: 500 })).id)
  const baskets = fc.sample(fc.shuffledSubarray(variants, { minLength: 20 }), { numRuns: 80, seed: 1 })
  const { result, statements } = await countStatements(() =>
    Promise.all(baskets.map((basket) => place(basket.map((variantId) => ({ variantId, quantity: 1 }))))),
  )
  expect(codesOf(result)).toEqual({ DONE: 80 })
  // A deadlock is noticed after a second, aborts one of its transactions and has it retried. An attempt is one message, and its last
  // statement reads the order.
  expect(statements.filter((text) => text.includes('FROM "orders"'))).toHaveLength(80)
})

it('orders of many variants, cancellations and adjustments of the same stock all settle', async () => {
  const variants = await times(8, async () => (await makeVariant(a, { stock: 200 })).id)
  const lines = variants.map((variantId) => ({ variantId, quantity: 1 }))
  const open = []
  for (let n = 0; n < 15; n += 1)
    open.push(await placeOrder(a, customerId, n % 2 === 0 ? lines : lines.toReversed()))
  const settled = await Promise.all([
    ...open.map(({ id }) => finish('orderCancel', id, 1)),
    ...Array.from({ length: 15 }, (_, n) => place(n % 2 === 0 ? lines : lines.toReversed())),
    ...variants.map((variantId) => adjust(variantId, -5)),
  ])
  expect(codesOf(settled)).toEqual({ DONE: 15 + 15 + 8 })
})

describe('case 34: one idempotency key', () => {
  it('100 times at once places one order, and every answer is that order or says that the call is in progress', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 50 })
    const key = unique('key')
    const payloads = await times(100, () => place([{ variantId, quantity: 1 }], key))
    const ids = new Set(payloads.flatMap(({ order }) => order?.id ?? []))
    expect(ids.size).toBe(1)
    expect(Object.keys(codesOf(payloads)).filter((code) => code !== 'DONE')).toEqual(
      expect.not.arrayContaining(['IDEMPOTENCY_KEY_REUSED', 'STOCK_INSUFFICIENT']),
    )
    expect((await variantOf(variantId)).stock.reserved).toBe(1)
    expect((await place([{ variantId, quantity: 1 }], key)).order.id).toBe([...ids][0])
  })

  it('with two inputs at once has one of them win', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 50 })
    const key = unique('key')
    const payloads = await times(20, (n) => place([{ variantId, quantity: 1 + (n % 2) }], key))
    expect(new Set(payloads.flatMap(({ order }) => order?.id ?? [])).size).toBe(1)
    expect((await variantOf(variantId)).stockMovements.totalCount).toBe(2)
  })
})

describe('an order that is paid', () => {
  it('is fulfilled or cancelled by one of many, and its stock moves once', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 10 })
    const { id } = await placeOrder(a, customerId, [{ variantId, quantity: 4 }])
    await payOrder(api, 'A', id)
    const payloads = await times(20, (n) => finish(n % 2 === 0 ? 'orderFulfill' : 'orderCancel', id, 2))
    const { DONE, ...others } = codesOf(payloads)
    expect(DONE).toBe(1)
    expect(Object.keys(others).sort()).toEqual(expect.arrayContaining([]))
    for (const code of Object.keys(others)) expect(['CONFLICT', 'WRONG_STATUS']).toContain(code)
    expect((await variantOf(variantId)).stock).toEqual({ onHand: 6, reserved: 0, available: 6 })
  })

  it('and one that is not is cancelled by one of many', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 10 })
    const { id } = await placeOrder(a, customerId, [{ variantId, quantity: 4 }])
    const payloads = await times(20, () => finish('orderCancel', id, 1))
    expect(codesOf(payloads)).toEqual({ DONE: 1, CONFLICT: 19 })
    expect((await variantOf(variantId)).stock).toEqual({ onHand: 10, reserved: 0, available: 10 })
  })

  it('removing stock and ordering it at once never makes it negative', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 10 })
    await times(40, (n) => (n % 2 === 0 ? place([{ variantId, quantity: 1 }]) : adjust(variantId, -1)))
    const { stock } = await variantOf(variantId)
    expect(stock.available).toBe(0)
    expect(stock.onHand).toBe(stock.reserved)
  })
})

async function finish(
  mutation: 'orderFulfill' | 'orderCancel',
  id: string,
  expectedVersion: number,
): Promise<Data> {
  const type = `O${mutation.slice(1)}Input`
  const data = await a.data(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { order { version } userErrors { code } } }`,
    { input: { id, expectedVersion, idempotencyKey: unique('finish') } },
  )
  return data[mutation]
}

async function adjust(variantId: string, delta: number): Promise<Data> {
  const { stockAdjust } = await a.data(
    'mutation ($input: StockAdjustInput!) { stockAdjust(input: $input) { variant { id } userErrors { code } } }',
    { input: { variantId, delta, reason: 'COUNT', idempotencyKey: unique('adjust') } },
  )
  return stockAdjust
}
