// A permission to write does not permit reading, in what the shop's mutations refuse, replay and search;
// test/walls/write-only.test.ts tests all mutations.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GrantablePermission } from '../../../src/auth/permissions.ts'
import { type Api, startApi } from '../../support/api.ts'
import { unique } from '../../support/unique.ts'
import { type Bearer, keyWith } from '../../walls/bearers.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../support/shop.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

it('a conflict under a reader’s key reveals nothing to a caller that may not read, and vice versa', async () => {
  const id = await makeCustomer(api.as('A'))
  const source = `mutation ($input: CustomerUpdateInput!) {
    customerUpdate(input: $input) { customer { email } userErrors { message } } }`
  const input = { id, expectedVersion: 9, name: 'Other', idempotencyKey: unique('shared') }
  const [blind, seeing] = [
    await keyWith(api, 'A', ['customers:write']),
    await keyWith(api, 'A', ['customers:write', 'customers:read']),
  ]
  const told = async ({ send }: Bearer) => (await send(source, { input })).data.customerUpdate
  const seen = await told(seeing)
  expect(seen.customer.email).toContain('@')
  expect(seen.userErrors).toHaveLength(2)
  expect(await told(blind)).toEqual({
    customer: null,
    userErrors: [{ message: 'it was changed meanwhile, or never had this version' }],
  })
  expect(await told(seeing)).toEqual(seen)
})

describe('an edit', () => {
  const UPDATE = `mutation ($input: CustomerUpdateInput!) {
    customerUpdate(input: $input) { customer { email name version } userErrors { code } } }`

  it('that changes nothing is no way to read', async () => {
    const id = await makeCustomer(api.as('A'))
    const { send } = await keyWith(api, 'A', ['customers:write'])
    const { data } = await send(UPDATE, { input: { id, expectedVersion: 1 } })
    expect(data.customerUpdate).toEqual({ customer: null, userErrors: [] })
  })

  it('repeated after another caller’s edit shows nothing of it', async () => {
    const id = await makeCustomer(api.as('A'))
    const { send } = await keyWith(api, 'A', ['customers:write'])
    const input = { id, expectedVersion: 1, name: 'Mine', idempotencyKey: unique('mine') }
    const mine = (await send(UPDATE, { input })).data.customerUpdate
    expect(mine.customer).toMatchObject({ name: 'Mine', version: 2 })
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(mine)
    await api.as('A').data(UPDATE, { input: { id, expectedVersion: 2, email: 'theirs@else.example' } })
    const nothing = { customer: null, userErrors: [] }
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(nothing)
    // After another's edit, an edit by the key, with or without changes, does not let it see the other's values.
    await send(UPDATE, { input: { id, expectedVersion: 3 } })
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(nothing)
    await send(UPDATE, { input: { id, expectedVersion: 4, name: 'Mine again' } })
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(nothing)
  })

  it('of a payment shows nothing of it after another caller’s refund', async () => {
    await connectSandbox(api, 'A')
    const customerId = await makeCustomer(api.as('A'))
    const { id } = await makeVariant(api.as('A'))
    const order = await placeOrder(api.as('A'), customerId, [{ variantId: id, quantity: 1 }])
    const { send } = await keyWith(api, 'A', ['payments:take'])
    const take = `mutation ($input: PaymentTakeInput!) {
      paymentTake(input: $input) { payment { id status refundedAmount { amountMinor } } userErrors { code } } }`
    const input = { orderId: order.id, paymentMethod: 'pm_card_visa', idempotencyKey: unique('k') }
    const mine = (await send(take, { input })).data.paymentTake
    expect(mine.payment).toMatchObject({ status: 'SUCCEEDED' })
    expect((await send(take, { input })).data.paymentTake).toEqual(mine)
    await refundPayment(api.as('A'), mine.payment.id)
    expect((await send(take, { input })).data.paymentTake).toEqual({ payment: null, userErrors: [] })
  })
})

describe('a refusal', () => {
  const lines = (variantId: string, quantity: number) => [{ variantId, quantity }]
  const ORDER = `mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { userErrors { code message } } }`
  const placing = async (permissions: GrantablePermission[], input: object) => {
    const { send } = await keyWith(api, 'A', ['orders:write', ...permissions])
    return (await send(ORDER, { input: { idempotencyKey: unique('k'), ...input } })).data.orderPlace
      .userErrors
  }

  it('of stock states the amount to callers that may read stock and catalogue', async () => {
    const customerId = await makeCustomer(api.as('A'))
    const { id, sku } = await makeVariant(api.as('A'))
    const input = { customerId, lines: lines(id, 9_999) }
    const plain = [{ code: 'STOCK_INSUFFICIENT', message: 'not enough in stock' }]
    expect(await placing([], input)).toEqual(plain)
    expect(await placing(['stock:read'], input), 'which would tell the SKU').toEqual(plain)
    const [told] = await placing(['stock:read', 'catalogue:read'], input)
    expect(told.message).toContain(sku)
  })

  it('of stock comes last for callers that may not read stock, and names no line, so it cannot be used to count stock', async () => {
    const customerId = await makeCustomer(api.as('A'))
    const [one, other] = [await makeVariant(api.as('A')), await makeVariant(api.as('A'))]
    const nobody = { customerId: 'nobody', lines: lines(one.id, 9_999) }
    const source = ORDER.replace('code message', 'code field')
    const told = async (permissions: GrantablePermission[], input: object) => {
      const { send } = await keyWith(api, 'A', ['orders:write', ...permissions])
      const answer = await send(source, { input: { idempotencyKey: unique('k'), ...input } })
      return answer.data.orderPlace.userErrors.map(
        ({ code, field }: { code: string; field: string[] }) => `${code} ${field.join('.')}`,
      )
    }
    const short = (line: number) => `STOCK_INSUFFICIENT lines.${line}.quantity`
    expect(await told([], nobody)).toEqual(['NOT_FOUND customerId'])
    expect(await told(['stock:read'], nobody)).toEqual(['NOT_FOUND customerId', short(0)])
    const both = (quantity: number) => ({
      customerId,
      lines: [...lines(one.id, 9_999), ...lines(other.id, quantity)],
    })
    for (const quantity of [1, 9_999]) {
      expect(await told([], both(quantity))).toEqual(['STOCK_INSUFFICIENT lines'])
    }
    expect(await told(['stock:read'], both(1))).toEqual([short(0)])
    expect(await told(['stock:read'], both(9_999))).toEqual([short(0), short(1)])
  })

  it('of an order’s or a payment’s state names the state to callers that may read it', async () => {
    await connectSandbox(api, 'A')
    const customerId = await makeCustomer(api.as('A'))
    const { id } = await makeVariant(api.as('A'))
    const order = await placeOrder(api.as('A'), customerId, lines(id, 1))
    await payOrder(api, 'A', order.id)
    const cancel = `mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { status } userErrors { code message } } }`
    const cancelling = { id: order.id, expectedVersion: 2, idempotencyKey: unique('k') }
    const blind = await keyWith(api, 'A', ['orders:write'])
    expect((await blind.send(cancel, { input: cancelling })).data.orderCancel).toEqual({
      order: null,
      userErrors: [{ code: 'WRONG_STATUS', message: 'the order does not allow this in its current state' }],
    })
    const seeing = await keyWith(api, 'A', ['orders:write', 'orders:read'])
    expect((await seeing.send(cancel, { input: cancelling })).data.orderCancel).toEqual({
      order: { status: 'PAID' },
      userErrors: [{ code: 'WRONG_STATUS', message: 'it was paid: refund it first' }],
    })
    const take = `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { userErrors { code message } } }`
    const taking = { orderId: order.id, paymentMethod: 'pm_card_visa', idempotencyKey: unique('k') }
    const till = await keyWith(api, 'A', ['payments:take'])
    expect((await till.send(take, { input: taking })).data.paymentTake.userErrors).toEqual([
      { code: 'WRONG_STATUS', message: 'the order cannot be paid in its current state' },
    ])
  })

  it('of a payment that this key took and that failed says why; to another key that repeats the call it does not', async () => {
    await connectSandbox(api, 'A')
    const customerId = await makeCustomer(api.as('A'))
    const { id } = await makeVariant(api.as('A'))
    const order = await placeOrder(api.as('A'), customerId, lines(id, 1))
    const take = `mutation ($input: PaymentTakeInput!) {
      paymentTake(input: $input) { payment { status failureCode } userErrors { code message } } }`
    const input = { orderId: order.id, paymentMethod: 'pm_card_chargeDeclined', idempotencyKey: unique('k') }
    const [till, other] = [
      await keyWith(api, 'A', ['payments:take']),
      await keyWith(api, 'A', ['payments:take', 'orders:write']),
    ]
    const told = async ({ send }: Bearer) => (await send(take, { input })).data.paymentTake
    const declined = {
      payment: { status: 'FAILED', failureCode: 'CARD_DECLINED' },
      userErrors: [{ code: 'CARD_DECLINED', message: 'Your card was declined.' }],
    }
    expect(await told(till)).toEqual(declined)
    expect(await told(till), 'again').toEqual(declined)
    expect(await told(other)).toEqual({
      payment: null,
      userErrors: [{ code: 'PROVIDER_REFUSED', message: 'it failed' }],
    })
  })
})

describe('a search', () => {
  it('for orders by customer needs the permission to read customers', async () => {
    const reading = await keyWith(api, 'A', ['orders:read'])
    const source = 'query ($query: String) { orders(query: $query) { totalCount } }'
    expect((await reading.send(source, { query: 'kim@' })).errors).toMatchObject([
      { code: 'FORBIDDEN', extensions: { permission: 'customers:read' } },
    ])
    for (const query of ['1', '#1', '  ', null])
      expect((await reading.send(source, { query })).errors).toEqual([])
    const both = await keyWith(api, 'A', ['orders:read', 'customers:read'])
    expect((await both.send(source, { query: 'kim@' })).errors).toEqual([])
  })
})
