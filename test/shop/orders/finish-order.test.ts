// Cancelling and fulfilling: allowed states, effects on stock, other tenants, roles, repetitions.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { type Answer, type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant, payOrder, placeOrder } from '../support/shop.ts'
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

type Mutation = 'orderCancel' | 'orderFulfill'

function send(mutation: Mutation, input: Record<string, unknown>, session = a): Promise<Answer> {
  const type = mutation === 'orderCancel' ? 'OrderCancelInput' : 'OrderFulfillInput'
  return session.send(
    `mutation ($input: ${type}!) { answer: ${mutation}(input: $input) {
      order { id status version cancelReason cancelledAt fulfilledAt }
      userErrors { field message code }
    } }`,
    { input: { idempotencyKey: unique('key'), ...input } },
  )
}

async function finish(mutation: Mutation, input: Record<string, unknown>): Promise<Data> {
  const { data, errors } = await send(mutation, input)
  expect(errors).toEqual([])
  return data.answer
}

/** An order of 2 of 5 pieces, and the variant. */
async function orderIn(state: 'PLACED' | 'PAID'): Promise<{ id: string; variantId: string }> {
  const { id: variantId } = await makeVariant(a, { stock: 5 })
  const { id } = await placeOrder(a, customerId, [{ variantId, quantity: 2 }])
  if (state === 'PAID') await payOrder(api, 'A', id)
  return { id, variantId }
}

async function movementsOf(id: string): Promise<Data> {
  const { variant } = await a.data(
    `query ($id: ID!) { variant(id: $id) {
      stock { onHand reserved } stockMovements { nodes { reason onHandDelta reservedDelta } }
    } }`,
    { id },
  )
  return { stock: variant.stock, last: variant.stockMovements.nodes[0] }
}

describe('orderCancel', () => {
  it('of a placed order releases its stock and says why', async () => {
    const { id, variantId } = await orderIn('PLACED')
    const { order, userErrors } = await finish('orderCancel', {
      id,
      expectedVersion: 1,
      reason: ' changed my mind ',
    })
    expect(userErrors).toEqual([])
    expect(order).toMatchObject({
      id,
      status: 'CANCELLED',
      version: 2,
      cancelReason: 'changed my mind',
      cancelledAt: expect.any(String),
      fulfilledAt: null,
    })
    expect(await movementsOf(variantId)).toEqual({
      stock: { onHand: 5, reserved: 0 },
      last: { reason: 'RELEASE', onHandDelta: 0, reservedDelta: -2 },
    })
  })

  it('of a paid order, or a second time, is WRONG_STATUS and shows the order', async () => {
    const { id } = await orderIn('PAID')
    const paid = await finish('orderCancel', { id, expectedVersion: 2 })
    expect(paid.order).toMatchObject({ status: 'PAID', version: 2 })
    expect(paid.userErrors).toEqual([
      { code: 'WRONG_STATUS', field: ['id'], message: 'it was paid: refund it first' },
    ])
    const { id: other } = await orderIn('PLACED')
    await finish('orderCancel', { id: other, expectedVersion: 1 })
    const again = await finish('orderCancel', { id: other, expectedVersion: 2 })
    expect(again.userErrors).toMatchObject([{ code: 'WRONG_STATUS' }])
  })

  it('with a reason that is too long is TOO_LONG', async () => {
    const { id } = await orderIn('PLACED')
    const { order, userErrors } = await finish('orderCancel', {
      id,
      expectedVersion: 1,
      reason: 'x'.repeat(501),
    })
    expect(order).toBeNull()
    expect(userErrors).toMatchObject([{ code: 'TOO_LONG', field: ['reason'] }])
  })
})

describe('orderFulfill', () => {
  it('of a paid order takes its pieces out of the warehouse', async () => {
    const { id, variantId } = await orderIn('PAID')
    const { order, userErrors } = await finish('orderFulfill', { id, expectedVersion: 2 })
    expect(userErrors).toEqual([])
    expect(order).toMatchObject({
      status: 'FULFILLED',
      version: 3,
      fulfilledAt: expect.any(String),
      cancelledAt: null,
    })
    expect(await movementsOf(variantId)).toEqual({
      stock: { onHand: 3, reserved: 0 },
      last: { reason: 'FULFILMENT', onHandDelta: -2, reservedDelta: -2 },
    })
  })

  it('of one that is not paid is WRONG_STATUS', async () => {
    const { id } = await orderIn('PLACED')
    const { userErrors } = await finish('orderFulfill', { id, expectedVersion: 1 })
    expect(userErrors).toMatchObject([{ code: 'WRONG_STATUS', message: 'the order is PLACED, not PAID' }])
  })
})

describe.each(['orderCancel', 'orderFulfill'] as const)('%s', (mutation) => {
  const state = mutation === 'orderCancel' ? 'PLACED' : 'PAID'
  const version = mutation === 'orderCancel' ? 1 : 2

  it('of an old version is a CONFLICT that shows the order', async () => {
    const { id } = await orderIn(state)
    const { order, userErrors } = await finish(mutation, { id, expectedVersion: version + 4 })
    expect(order).toMatchObject({ id, status: state, version })
    expect(userErrors).toMatchObject([{ code: 'CONFLICT', field: ['expectedVersion'] }])
  })

  it('cross-tenant: of another tenant’s order is NOT_FOUND, as of an absent and a malformed one', async () => {
    const { id: foreign } = await orderIn(state)
    const answers = []
    for (const id of [foreign, encodeId('ord', newId()), 'ord_x', ''])
      answers.push(await send(mutation, { id, expectedVersion: version }, api.as('B')))
    expect(answers[0]?.data.answer).toEqual({
      order: null,
      userErrors: [{ code: 'NOT_FOUND', field: ['id'], message: 'there is no such order' }],
    })
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect((await finish(mutation, { id: foreign, expectedVersion: version })).userErrors).toEqual([])
  })

  it('STAFF may, VIEWER may not: FORBIDDEN names the permission', async () => {
    const { id } = await orderIn(state)
    const { errors } = await send(mutation, { id, expectedVersion: version }, api.as('A', 'VIEWER'))
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'orders:write' } }])
    const { data } = await send(mutation, { id, expectedVersion: version }, api.as('A', 'STAFF'))
    expect(data.answer.userErrors).toEqual([])
  })

  it('twice with one key moves the stock once, with the same answer', async () => {
    const { id, variantId } = await orderIn(state)
    const input = { id, expectedVersion: version, idempotencyKey: unique('twice') }
    const first = await send(mutation, input)
    expect(first.data.answer.userErrors).toEqual([])
    const moved = await movementsOf(variantId)
    expect(await send(mutation, input)).toEqual({ ...first, extensions: { idempotency: 'replayed' } })
    expect(await movementsOf(variantId)).toEqual(moved)
  })
})
