// Placing an order: its effects, every refusal, and another tenant's ids.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant, ORDER_PLACE, placeOrder } from '../support/shop.ts'
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

describe('an order', () => {
  it('copies prices and titles, adds them up, reserves stock, and is numbered', async () => {
    const kettle = await makeVariant(a, { title: 'Kettle', sku: 'KET', priceMinor: 1999n, stock: 5 })
    const mugs = await makeVariant(a, { title: 'Mug', sku: 'MUG-1', priceMinor: 250n, stock: 5 })
    await makeVariant(a, { title: 'Blue', sku: 'MUG-2', productId: mugs.productId })
    const { id, number } = await placeOrder(a, customerId, [
      { variantId: kettle.id, quantity: 2 },
      { variantId: mugs.id, quantity: 3 },
    ])
    const { order } = await a.data(
      `query ($id: ID!) { order(id: $id) {
        number status paymentStatus version currency total { amount amountMinor currency } refundedAmount { amountMinor }
        cancelReason cancelledAt fulfilledAt customer { id }
        lines { totalCount nodes { sku title quantity unitPrice { amount } total { amount } variant { id } } }
      } }`,
      { id },
    )
    expect(order).toEqual({
      number,
      status: 'PLACED',
      paymentStatus: 'UNPAID',
      version: 1,
      currency: 'USD',
      total: { amount: '47.48', amountMinor: '4748', currency: 'USD' },
      refundedAmount: { amountMinor: '0' },
      cancelReason: null,
      cancelledAt: null,
      fulfilledAt: null,
      customer: { id: customerId },
      lines: {
        totalCount: 2,
        nodes: [
          {
            sku: 'KET',
            title: 'Kettle',
            quantity: 2,
            unitPrice: { amount: '19.99' },
            total: { amount: '39.98' },
            variant: { id: kettle.id },
          },
          // A product in several variants is named with the variant.
          {
            sku: 'MUG-1',
            title: 'Mug – Mug',
            quantity: 3,
            unitPrice: { amount: '2.50' },
            total: { amount: '7.50' },
            variant: { id: mugs.id },
          },
        ],
      },
    })
    expect(await stockOf(kettle.id)).toEqual({ onHand: 5, reserved: 2, available: 3 })
    const again = await placeOrder(a, customerId, [{ variantId: kettle.id, quantity: 3 }])
    expect(again.number).toBe(number + 1)
    expect(await stockOf(kettle.id)).toEqual({ onHand: 5, reserved: 5, available: 0 })
  })

  it('keeps its prices when the variant’s change', async () => {
    const { id: variantId } = await makeVariant(a, { priceMinor: 100n })
    const { id } = await placeOrder(a, customerId, [{ variantId, quantity: 1 }])
    await a.data(
      `mutation ($id: ID!) { variantUpdate(input: { id: $id, expectedVersion: 1, price: { amountMinor: 999, currency: "EUR" } }) { userErrors { code } } }`,
      { id: variantId },
    )
    const { order } = await a.data('query ($id: ID!) { order(id: $id) { total { amountMinor currency } } }', {
      id,
    })
    expect(order.total).toEqual({ amountMinor: '100', currency: 'USD' })
  })

  it.each([
    ['JPY', 500n, 3, '1500', '1500'],
    ['KWD', 1_234n, 2, '2468', '2.468'],
  ])('in %s', async (currency, priceMinor, quantity, amountMinor, amount) => {
    const { id: variantId } = await makeVariant(a, { currency, priceMinor })
    const { id } = await placeOrder(a, customerId, [{ variantId, quantity }])
    const { order } = await a.data(
      'query ($id: ID!) { order(id: $id) { total { amountMinor amount currency } } }',
      { id },
    )
    expect(order.total).toEqual({ amountMinor, amount, currency })
  })

  it('of a hundred of the dearest lines is still exact', async () => {
    const lines = []
    const { productId } = await makeVariant(a, { stock: 0 })
    for (let n = 0; n < 100; n += 1) {
      const { id } = await makeVariant(a, { productId, priceMinor: 1_000_000_000_000n, stock: 10_000 })
      lines.push({ variantId: id, quantity: 10_000 })
    }
    const { order } = await place({ lines })
    expect(order.total).toEqual({ amountMinor: '1000000000000000000', currency: 'USD' })
    const [first = { variantId: '', quantity: 1 }] = lines
    expect(refusalsOf(await place({ lines: [...lines, first] }))).toEqual(['TOO_MANY lines'])
  })
})

describe('a refusal', () => {
  it('gives every reason at once, each at its line, and changes nothing', async () => {
    const scarce = await makeVariant(a, { stock: 1 })
    const euro = await makeVariant(a, { currency: 'EUR' })
    const draft = await makeVariant(a, { status: 'DRAFT' })
    const fine = await makeVariant(a)
    const payload = await place({
      customerId: encodeId('cust', newId()),
      lines: [
        { variantId: scarce.id, quantity: 2 },
        { variantId: euro.id, quantity: 1 },
        { variantId: draft.id, quantity: 1 },
        { variantId: encodeId('var', newId()), quantity: 1 },
        { variantId: fine.id, quantity: 1 },
        { variantId: fine.id, quantity: 1 },
      ],
    })
    expect(refusalsOf(payload)).toEqual([
      'NOT_FOUND customerId',
      'STOCK_INSUFFICIENT lines.0.quantity',
      'NOT_FOR_SALE lines.2.variantId',
      'NOT_FOUND lines.3.variantId',
      'DUPLICATE_LINE lines.5.variantId',
      'CURRENCY_MIXED lines',
    ])
    expect(payload.userErrors[1].message).toBe(`only 1 of ${scarce.sku} left, 2 asked`)
    expect(await stockOf(fine.id)).toMatchObject({ reserved: 0 })
  })

  it('for malformed input comes all at once, before any look-up', async () => {
    const { id: variantId } = await makeVariant(a)
    expect(
      refusalsOf(
        await place({
          lines: [
            { variantId, quantity: 0 },
            { variantId, quantity: -1 },
            { variantId, quantity: 10_001 },
          ],
        }),
      ),
    ).toEqual([
      'OUT_OF_RANGE lines.0.quantity',
      'OUT_OF_RANGE lines.1.quantity',
      'OUT_OF_RANGE lines.2.quantity',
    ])
    expect(refusalsOf(await place({ lines: [] }))).toEqual(['TOO_FEW lines'])
    for (const [idempotencyKey, code] of [
      ['', 'REQUIRED'],
      ['k'.repeat(256), 'TOO_LONG'],
    ])
      expect(refusalsOf(await place({ idempotencyKey, lines: [{ variantId, quantity: 1 }] }))).toEqual([
        `${code} idempotencyKey`,
      ])
    const { errors } = await a.send(ORDER_PLACE, {
      input: { idempotencyKey: unique('key'), customerId, lines: [{ variantId, quantity: 2 ** 31 }] },
    })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })

  it('an archived product is not for sale', async () => {
    const { id: variantId, productId } = await makeVariant(a)
    await a.data(
      `mutation ($id: ID!) { productArchive(input: { id: $id, expectedVersion: 1 }) { userErrors { code } } }`,
      { id: productId },
    )
    expect(refusalsOf(await place({ lines: [{ variantId, quantity: 1 }] }))).toEqual([
      'NOT_FOR_SALE lines.0.variantId',
    ])
  })
})

describe('cross-tenant', () => {
  it("ordering another tenant's variant, for its customer, is NOT_FOUND: as for absent and malformed ids", async () => {
    const foreign = await makeVariant(a)
    const [own, b] = [await makeVariant(api.as('B')), api.as('B')]
    const answers = []
    for (const [variantId, customer] of [
      [foreign.id, customerId],
      [encodeId('var', newId()), encodeId('cust', newId())],
      ['var_x', ''],
      [own.productId, own.id],
    ]) {
      const lines = [
        { variantId, quantity: 1 },
        { variantId: own.id, quantity: 1 },
      ]
      answers.push(
        await b.send(ORDER_PLACE, { input: { idempotencyKey: unique('key'), customerId: customer, lines } }),
      )
    }
    expect(answers[0]?.data.orderPlace).toEqual({
      order: null,
      userErrors: [
        { field: ['customerId'], code: 'NOT_FOUND', message: 'there is no such customer' },
        { field: ['lines', '0', 'variantId'], code: 'NOT_FOUND', message: 'there is no such variant' },
      ],
    })
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(await stockOf(foreign.id)).toMatchObject({ reserved: 0 })
  })

  it('two unknown ids are two lines not found, in any spelling', async () => {
    for (const ids of [
      ['var_x', 'y'],
      [encodeId('var', newId()), encodeId('var', newId())],
    ]) {
      const lines = ids.map((variantId) => ({ variantId, quantity: 1 }))
      expect(refusalsOf(await place({ lines }))).toEqual([
        'NOT_FOUND lines.0.variantId',
        'NOT_FOUND lines.1.variantId',
      ])
    }
  })

  it('numbers are the tenant’s own', async () => {
    const b = api.as('B')
    const { id: variantId } = await makeVariant(b)
    const { number } = await placeOrder(b, await makeCustomer(b), [{ variantId, quantity: 1 }])
    expect(number).toBe(1)
    expect(await untruths(api, 'B')).toEqual([])
  })
})

describe('roles', () => {
  it('STAFF may order, VIEWER may not: FORBIDDEN names the permission, and nothing is stored', async () => {
    const { id: variantId } = await makeVariant(a)
    const input = { idempotencyKey: unique('key'), customerId, lines: [{ variantId, quantity: 1 }] }
    const { data, errors } = await api.as('A', 'VIEWER').send(ORDER_PLACE, { input })
    expect(data?.orderPlace ?? null).toBeNull()
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'orders:write' } }])
    const { orderPlace } = await api.as('A', 'STAFF').data(ORDER_PLACE, { input })
    expect(orderPlace.userErrors).toEqual([])
  })
})

it('the database enforces the same bounds as the API: negative and overflowing amounts, quantities and stock', async () => {
  const refusals: [string, string][] = [
    ['UPDATE variants SET price_minor = -1', '23514'],
    ['UPDATE stock_levels SET on_hand = -1', '23514'],
    ['UPDATE stock_levels SET reserved = on_hand + 1', '23514'],
    ['UPDATE stock_levels SET reserved = -1', '23514'],
    ['UPDATE orders SET refunded_minor = total_minor + 1', '23514'],
    ['UPDATE orders SET refunded_minor = -1', '23514'],
    ['UPDATE orders SET total_minor = 9223372036854775807 + 1', '22003'],
    ['UPDATE order_lines SET quantity = 0', '23514'],
    ['UPDATE order_lines SET total_minor = total_minor + 1', '23514'],
    ["UPDATE orders SET currency = 'usd'", '23514'],
  ]
  for (const [sql, code] of refusals)
    await expect(
      asSuperuser(api.database, (client) => client.query(sql)),
      sql,
    ).rejects.toMatchObject({ code })
})
