// An order's idempotency key: what it stores and replays, and its tenant.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant, ORDER_PLACE } from '../support/shop.ts'
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

async function place(input: Record<string, unknown>, session = a): Promise<Data> {
  const { orderPlace } = await session.data(ORDER_PLACE, {
    input: { idempotencyKey: unique('key'), customerId, ...input },
  })
  return orderPlace
}

const refusalsOf = ({ order, userErrors }: Data) => {
  expect(order).toBeNull()
  return userErrors.map(({ field, code }: Data) => `${code} ${field.join('.')}`)
}

const stockOf = async (id: string) =>
  (await a.data('query ($id: ID!) { variant(id: $id) { stock { onHand reserved available } } }', { id }))
    .variant.stock

describe('idempotency', () => {
  it('the same key and input return the stored outcome, marked as replayed', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 3 })
    const input = { idempotencyKey: unique('key'), customerId, lines: [{ variantId, quantity: 2 }] }
    const first = await a.send(ORDER_PLACE, { input })
    expect(first.extensions).toEqual({ idempotency: 'executed' })
    const second = await a.send(ORDER_PLACE, { input })
    expect(second).toEqual({ ...first, extensions: { idempotency: 'replayed' } })
    expect(await stockOf(variantId)).toMatchObject({ reserved: 2 })
    const other = { ...input, lines: [{ variantId, quantity: 1 }] }
    expect(refusalsOf((await a.data(ORDER_PLACE, { input: other })).orderPlace)).toEqual([
      'IDEMPOTENCY_KEY_REUSED idempotencyKey',
    ])
  })

  it('a business refusal is replayed even if the call would succeed now', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 1 })
    const input = { idempotencyKey: unique('key'), customerId, lines: [{ variantId, quantity: 2 }] }
    const first = await a.send(ORDER_PLACE, { input })
    expect(refusalsOf(first.data.orderPlace)).toEqual(['STOCK_INSUFFICIENT lines.0.quantity'])
    await a.data(
      'mutation ($id: ID!, $k: String!) { stockAdjust(input: { variantId: $id, delta: 5, reason: RECEIPT, idempotencyKey: $k }) { userErrors { code } } }',
      { id: variantId, k: unique('key') },
    )
    expect(await a.send(ORDER_PLACE, { input })).toEqual({
      ...first,
      extensions: { idempotency: 'replayed' },
    })
  })

  it('invalid input stores nothing: the key is free for the corrected call', async () => {
    const { id: variantId } = await makeVariant(a)
    const input = { idempotencyKey: unique('key'), customerId, lines: [{ variantId, quantity: 0 }] }
    expect(refusalsOf((await a.data(ORDER_PLACE, { input })).orderPlace)).toEqual([
      'OUT_OF_RANGE lines.0.quantity',
    ])
    const { orderPlace } = await a.data(ORDER_PLACE, {
      input: { ...input, lines: [{ variantId, quantity: 1 }] },
    })
    expect(orderPlace.userErrors).toEqual([])
  })

  it('cross-tenant: keys are separate per tenant and per mutation', async () => {
    const idempotencyKey = unique('key')
    const { id: variantId } = await makeVariant(a)
    await place({ idempotencyKey, lines: [{ variantId, quantity: 1 }] })
    const b = api.as('B')
    const [own, customer] = [await makeVariant(b), await makeCustomer(b)]
    const input = { idempotencyKey, customerId: customer, lines: [{ variantId: own.id, quantity: 1 }] }
    const { data, extensions } = await b.send(ORDER_PLACE, { input })
    expect(data.orderPlace.userErrors).toEqual([])
    expect(extensions).toEqual({ idempotency: 'executed' })
    const adjusted = await a.data(
      'mutation ($id: ID!, $k: String!) { stockAdjust(input: { variantId: $id, delta: 5, reason: RECEIPT, idempotencyKey: $k }) { userErrors { code } } }',
      { id: variantId, k: idempotencyKey },
    )
    expect(adjusted.stockAdjust.userErrors).toEqual([])
  })
})
