// What an order copies when it is placed: buyer, addresses and price; and an order that costs nothing is paid.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { uuidOf } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asRuntime, asSuperuser } from '../../support/database.ts'
import { unique } from '../../support/unique.ts'
import { expectBooksInOrder } from '../support/money.ts'
import { makeCustomer, makeVariant } from '../support/shop.ts'
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
  await expectBooksInOrder(api, 'A')
  expect(await untruths(api, 'A')).toEqual([])
})
afterAll(() => api?.close())

const AGREED = `buyer { name email phone }
  shippingAddress { name line1 line2 city postalCode country }
  billingAddress { name line1 line2 city postalCode country }`
const PLACE = `mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) {
  order { id number status paymentStatus version stockHeldUntil holdsStock total { amountMinor } ${AGREED} }
  userErrors { field message code } } }`

async function place(input: object, session = a): Promise<Data> {
  const { orderPlace } = await session.data(PLACE, {
    input: { idempotencyKey: unique('order'), customerId, ...input },
  })
  return orderPlace
}

async function aLine(priceMinor = 1_000n, stock = 5) {
  const { id: variantId } = await makeVariant(a, { stock, priceMinor })
  return { variantId, lines: [{ variantId, quantity: 1 }] }
}

async function setPrice(variantId: string, amountMinor: string): Promise<void> {
  await asSuperuser(api.database, (client) =>
    client.query('UPDATE variants SET price_minor = $2 WHERE id = $1', [
      uuidOf('var', variantId),
      amountMinor,
    ]),
  )
}

const usd = (amountMinor: string) => ({ amountMinor, currency: 'USD' })

describe('buyer and addresses', () => {
  const address = { line1: '1 Quay St', line2: 'Shed 2', city: 'Leith', postalCode: 'EH6', country: 'GB' }
  const ada = { name: 'Ada Quay', phone: '+44 131' }

  it('are the customer’s at that time, and stay so', async () => {
    const email = `${unique('ada')}@a.example`
    const { lines } = await aLine()
    const buyerId = await makeCustomer(a, { ...ada, email, address })
    const { order } = await place({ customerId: buyerId, lines })
    const frozen = {
      buyer: { ...ada, email },
      shippingAddress: { name: 'Ada Quay', ...address },
      billingAddress: { name: 'Ada Quay', ...address },
    }
    expect(order).toMatchObject(frozen)
    const { customerUpdate } = await a.data(
      `mutation ($input: CustomerUpdateInput!) { customerUpdate(input: $input) { userErrors { code } } }`,
      {
        input: { id: buyerId, expectedVersion: 1, name: 'Eve', phone: null, address: { line1: 'Elsewhere' } },
      },
    )
    expect(customerUpdate.userErrors).toEqual([])
    const now = await a.data(`query ($id: ID!) { order(id: $id) { ${AGREED} } }`, { id: order.id })
    expect(now.order).toEqual(frozen)
  })

  it('are those that were given, each in its whole', async () => {
    const { lines } = await aLine()
    const { order } = await place({
      lines,
      buyer: { name: ' Grace ', email: 'Grace@Elsewhere.example' },
      shippingAddress: { name: 'Dock', city: 'Oban' },
    })
    expect(order).toMatchObject({
      buyer: { name: 'Grace', email: 'Grace@Elsewhere.example', phone: null },
      shippingAddress: {
        name: 'Dock',
        line1: null,
        line2: null,
        city: 'Oban',
        postalCode: null,
        country: null,
      },
      // The customer has no address.
      billingAddress: null,
    })
  })

  it('that cannot be are refused, all of them at once', async () => {
    const { lines } = await aLine()
    const { order, userErrors } = await place({
      lines,
      buyer: { name: ' ', phone: 'x'.repeat(256) },
      shippingAddress: { country: 'Scotland' },
      billingAddress: { line1: 'nul\u0000' },
    })
    expect(order).toBeNull()
    expect(userErrors.map(({ field, code }: Data) => [field.join('.'), code]).sort()).toEqual([
      ['billingAddress.line1', 'FORMAT'],
      ['buyer.name', 'REQUIRED'],
      ['buyer.phone', 'TOO_LONG'],
      ['shippingAddress.country', 'FORMAT'],
    ])
  })

  it('are read with customers:read, not with orders:read alone', async () => {
    const { lines } = await aLine()
    const { order } = await place({ lines })
    const { apiKeyCreate } = await a.data(
      `mutation { apiKeyCreate(input: { name: "Till", permissions: ["orders:read"] }) { secret } }`,
    )
    const ask = async (fields: string) =>
      (
        await fetch(`${api.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKeyCreate.secret}` },
          body: JSON.stringify({ query: `{ order(id: "${order.id}") { ${fields} } }` }),
        })
      ).json() as Promise<Data>
    expect((await ask('number')).data.order.number).toBe(order.number)
    for (const fields of ['buyer { name }', 'shippingAddress { city }', 'billingAddress { city }'])
      expect((await ask(fields)).errors).toMatchObject([
        { extensions: { code: 'FORBIDDEN', permission: 'customers:read' } },
      ])
  })

  it.each([
    'buyer',
    'shipping_address',
    'billing_address',
    'number',
    'customer_id',
    'currency',
    'total_minor',
    'placed_at',
  ])('the database refuses to have %s altered', async (column) => {
    const altered = asRuntime(api.database, api.tenantIds.A, (client) =>
      client.query(`UPDATE orders SET ${column} = ${column}`),
    )
    await expect(altered).rejects.toMatchObject({ code: '42501' })
  })

  it('cross-tenant: of another tenant’s customer are not copied', async () => {
    const { id: variantId } = await makeVariant(api.as('B'))
    const { order, userErrors } = await place({ lines: [{ variantId, quantity: 1 }] }, api.as('B'))
    expect(order).toBeNull()
    expect(userErrors).toMatchObject([{ field: ['customerId'], code: 'NOT_FOUND' }])
  })
})

describe('expectedTotal', () => {
  it('that is right is accepted; another is PRICE_CHANGED and names the new total; nothing is written', async () => {
    const { variantId, lines } = await aLine(1_000n)
    expect((await place({ lines, expectedTotal: usd('1000') })).order).toMatchObject({
      total: { amountMinor: '1000' },
    })
    await setPrice(variantId, '1250')
    const { order, userErrors } = await place({ lines, expectedTotal: usd('1000') })
    expect(order).toBeNull()
    expect(userErrors).toEqual([
      {
        field: ['expectedTotal'],
        message: 'the total is now 12.50 USD, not 10.00 USD',
        code: 'PRICE_CHANGED',
      },
    ])
    expect(
      (await place({ lines, expectedTotal: { amountMinor: '1250', currency: 'EUR' } })).userErrors,
    ).toMatchObject([{ code: 'PRICE_CHANGED' }])
    const { variant } = await a.data('query ($id: ID!) { variant(id: $id) { stock { reserved } } }', {
      id: variantId,
    })
    expect(variant.stock.reserved).toBe(1)
  })

  it('comes with every other reason, except of lines that are not for sale', async () => {
    const { lines } = await aLine(1_000n, 1)
    const [line] = lines
    const both = await place({ lines: [{ ...line, quantity: 2 }], expectedTotal: usd('1000') })
    expect(both.userErrors.map(({ code }: Data) => code)).toEqual(['STOCK_INSUFFICIENT', 'PRICE_CHANGED'])
    const absent = await place({
      lines: [...lines, { variantId: 'var_00000000000000000000000000', quantity: 1 }],
      expectedTotal: usd('1'),
    })
    expect(absent.userErrors.map(({ code }: Data) => code)).toEqual(['NOT_FOUND'])
  })

  it('holds while the price changes: every order costs the expected total', async () => {
    const { variantId, lines } = await aLine(1_000n, 100)
    const shown = ['1000', '1100']
    const tries = Array.from({ length: 30 }, (_, index) => shown[index % 2] as string)
    const [answers] = await Promise.all([
      Promise.all(
        tries.map(async (amount) => ({ amount, answer: await place({ lines, expectedTotal: usd(amount) }) })),
      ),
      (async () => {
        for (let change = 1; change <= 20; change += 1) await setPrice(variantId, shown[change % 2] as string)
      })(),
    ])
    for (const { amount, answer } of answers) {
      if (answer.order === null)
        expect(answer.userErrors.map(({ code }: Data) => code)).toEqual([
          expect.stringMatching(/^(PRICE_CHANGED|STOCK_INSUFFICIENT)$/),
        ])
      else expect(answer.order.total.amountMinor).toBe(amount)
    }
  })
})

describe('an order that costs nothing', () => {
  it('is PAID at once, with its event; holds its stock, and can be fulfilled', async () => {
    const { variantId, lines } = await aLine(0n)
    const { order } = await place({ lines, expectedTotal: usd('0') })
    expect(order).toMatchObject({
      status: 'PAID',
      paymentStatus: 'PAID',
      version: 1,
      holdsStock: true,
      stockHeldUntil: null,
      total: { amountMinor: '0' },
    })
    const { rows } = await asSuperuser(api.database, (client) =>
      client.query(
        `SELECT type, payload ->> 'status' AS status, payload ? 'events' AS leaks FROM outbox_events
         WHERE subject_id = $1 ORDER BY type`,
        [uuidOf('ord', order.id)],
      ),
    )
    expect(rows).toEqual([
      { type: 'order.paid', status: 'PAID', leaks: false },
      { type: 'order.placed', status: 'PAID', leaks: false },
    ])
    const { orderFulfill } = await a.data(
      `mutation ($input: OrderFulfillInput!) { orderFulfill(input: $input) { order { status } userErrors { code } } }`,
      { input: { id: order.id, expectedVersion: 1, idempotencyKey: unique('end') } },
    )
    expect(orderFulfill).toEqual({ order: { status: 'FULFILLED' }, userErrors: [] })
    const { variant } = await a.data('query ($id: ID!) { variant(id: $id) { stock { onHand reserved } } }', {
      id: variantId,
    })
    expect(variant.stock).toEqual({ onHand: 4, reserved: 0 })
  })

  it('can be cancelled, and releases its stock; the same key places it once', async () => {
    const { variantId, lines } = await aLine(0n)
    const input = { idempotencyKey: unique('order'), lines }
    const { order } = await place(input)
    expect((await place(input)).order).toEqual(order)
    const { orderCancel } = await a.data(
      `mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { status } userErrors { code } } }`,
      { input: { id: order.id, expectedVersion: 1, idempotencyKey: unique('end') } },
    )
    expect(orderCancel).toEqual({ order: { status: 'CANCELLED' }, userErrors: [] })
    const { variant } = await a.data('query ($id: ID!) { variant(id: $id) { stock { onHand reserved } } }', {
      id: variantId,
    })
    expect(variant.stock).toEqual({ onHand: 5, reserved: 0 })
  })

  it('has nothing to pay', async () => {
    const { lines } = await aLine(0n)
    const { order } = await place({ lines })
    const { paymentTake } = await a.data(
      `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { userErrors { code message } } }`,
      { input: { idempotencyKey: unique('pay'), orderId: order.id, paymentMethod: 'pm_card_visa' } },
    )
    expect(paymentTake.userErrors).toMatchObject([{ code: 'WRONG_STATUS', message: 'it is paid already' }])
  })
})
