// Refunds by line: their amount, the pieces that go back into stock, and what a failed refund undoes.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId, uuidOf } from '../../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../../support/api.ts'
import { asRuntime } from '../../../support/database.ts'
import { done } from '../../../support/done.ts'
import { eventually } from '../../../support/eventually.ts'
import { askWithKey, makeKey } from '../../../support/keys.ts'
import { unique } from '../../../support/unique.ts'
import { controlSandbox, expectBooksInOrder, ledgerOf, sendEvent } from '../../support/money.ts'
import { connectSandbox, makeCustomer, makeVariant, PAYMENT_TAKE, placeOrder } from '../../support/shop.ts'
import { untruths } from '../../support/truth.ts'

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
  await connectSandbox(api, 'A', { events: true })
})
afterEach(async () => {
  await expectBooksInOrder(api, 'A')
  expect(await untruths(api, 'A')).toEqual([])
})
afterAll(() => api?.close())

const REFUND = `mutation ($input: RefundCreateInput!) { refundCreate(input: $input) {
  refund { id status restocked reason note amount { amountMinor }
    lines { nodes { quantity restock line { sku refundedQuantity restockedQuantity } } } }
  userErrors { field message code } } }`

type Bought = { orderId: string; paymentId: string; lineIds: string[]; variantIds: string[] }

/** An order of 3 pieces at 1,000 and 2 at 250, each of 10 in stock; paid. */
async function bought(paymentMethod = 'pm_card_visa', session = a): Promise<Bought> {
  const variants = [
    await makeVariant(session, { stock: 10, priceMinor: 1_000n }),
    await makeVariant(session, { stock: 10, priceMinor: 250n }),
  ]
  const [first = '', second = ''] = variants.map(({ id }) => id)
  const customer = session === a ? customerId : await makeCustomer(session)
  const order = await placeOrder(session, customer, [
    { variantId: first, quantity: 3 },
    { variantId: second, quantity: 2 },
  ])
  const input = { idempotencyKey: unique('pay'), orderId: order.id, paymentMethod }
  const { paymentTake } = await session.data(PAYMENT_TAKE, { input })
  const read = 'query ($id: ID!) { order(id: $id) { lines { nodes { id } } } }'
  const { lines } = (await session.data(read, { id: order.id })).order
  const lineIds = lines.nodes.map(({ id }: Data) => id)
  return { orderId: order.id, paymentId: paymentTake.payment.id, lineIds, variantIds: [first, second] }
}

async function refund(paymentId: string, more: object, session = a): Promise<Data> {
  const input = { idempotencyKey: unique('refund'), paymentId, ...more }
  return (await session.data(REFUND, { input })).refundCreate
}

const codesOf = ({ userErrors }: Data) =>
  userErrors.map(({ field, code }: Data) => `${field.join('.')} ${code}`)

async function fulfil(orderId: string, expectedVersion = 2): Promise<Data> {
  const source = `mutation ($input: OrderFulfillInput!) { orderFulfill(input: $input) { order { status } userErrors { code } } }`
  const input = { id: orderId, expectedVersion, idempotencyKey: unique('fulfil') }
  return (await a.data(source, { input })).orderFulfill
}

async function stockOf(variantId: string | undefined): Promise<{ onHand: number; reserved: number }> {
  return (
    await a.data('query ($id: ID!) { variant(id: $id) { stock { onHand reserved } } }', { id: variantId })
  ).variant.stock
}

async function lineOf({ orderId }: Bought, index = 0): Promise<Data> {
  const source =
    'query ($id: ID!) { order(id: $id) { lines { nodes { refundedQuantity restockedQuantity } } } }'
  return (await a.data(source, { id: orderId })).order.lines.nodes[index]
}

describe('a refund by line', () => {
  it('costs what its pieces cost, and shows them, its reason and its note', async () => {
    const { paymentId, lineIds } = await bought()
    const before = (await ledgerOf(api, 'A'))['4020'] ?? 0n
    const lines = [
      { lineId: lineIds[0], quantity: 2 },
      { lineId: lineIds[1], quantity: 1 },
    ]
    const made = await refund(paymentId, { lines, reason: 'DAMAGED', note: 'two cups broken' })
    expect(made).toMatchObject({
      refund: {
        status: 'SUCCEEDED',
        amount: { amountMinor: '2250' },
        reason: 'DAMAGED',
        note: 'two cups broken',
        restocked: false,
        lines: {
          nodes: [
            { quantity: 2, restock: false, line: { refundedQuantity: 2, restockedQuantity: 0 } },
            { quantity: 1, restock: false, line: { refundedQuantity: 1 } },
          ],
        },
      },
      userErrors: [],
    })
    expect((await ledgerOf(api, 'A'))['4020']).toBe(before + 2_250n)
  })

  it('with an amount costs that, at most the price of the pieces', async () => {
    const { paymentId, lineIds } = await bought()
    const lines = [{ lineId: lineIds[0], quantity: 1 }]
    const usd = (amountMinor: string) => ({ lines, amount: { amountMinor, currency: 'USD' } })
    expect(codesOf(await refund(paymentId, usd('1001')))).toEqual(['amount AMOUNT_TOO_LARGE'])
    expect((await refund(paymentId, usd('400'))).refund.amount).toEqual({ amountMinor: '400' })
  })

  it('that costs more than is left of the payment is refused, not made smaller', async () => {
    const { paymentId, lineIds } = await bought()
    await refund(paymentId, { amount: { amountMinor: '3000', currency: 'USD' } })
    const lines = [{ lineId: lineIds[0], quantity: 1 }]
    expect(codesOf(await refund(paymentId, { lines }))).toEqual(['amount AMOUNT_TOO_LARGE'])
    const less = { lines, amount: { amountMinor: '500', currency: 'USD' } }
    expect((await refund(paymentId, less)).refund.status).toBe('SUCCEEDED')
  })

  it('reports all that is wrong with its lines at once, and changes nothing', async () => {
    const one = await bought()
    const other = await bought()
    const answer = await refund(one.paymentId, {
      lines: [
        { lineId: one.lineIds[0], quantity: 4 },
        { lineId: one.lineIds[0], quantity: 1 },
        { lineId: other.lineIds[0], quantity: 1 },
        { lineId: encodeId('line', newId()), quantity: 1 },
        { lineId: 'line_x', quantity: 1 },
      ],
    })
    expect(codesOf(answer)).toEqual([
      'lines.0.quantity QUANTITY_TOO_LARGE',
      'lines.1.lineId DUPLICATE_LINE',
      'lines.2.lineId NOT_FOUND',
      'lines.3.lineId NOT_FOUND',
      'lines.4.lineId NOT_FOUND',
    ])
    expect(await lineOf(one)).toEqual({ refundedQuantity: 0, restockedQuantity: 0 })
    for (const lines of [[], [{ lineId: one.lineIds[0], quantity: 0 }]])
      expect((await refund(one.paymentId, { lines })).refund).toBeNull()
  })

  it('of an order that is not paid is refused', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 5 })
    const order = await placeOrder(a, customerId, [{ variantId, quantity: 2 }])
    const take = {
      idempotencyKey: unique('pay'),
      orderId: order.id,
      paymentMethod: 'pm_card_visa',
      amount: { amountMinor: '500', currency: 'USD' },
    }
    const { paymentTake } = await a.data(PAYMENT_TAKE, { input: take })
    const read = 'query ($id: ID!) { order(id: $id) { lines { nodes { id } } } }'
    const [line] = (await a.data(read, { id: order.id })).order.lines.nodes
    const lines = [{ lineId: line.id, quantity: 1 }]
    expect(codesOf(await refund(paymentTake.payment.id, { lines, amount: take.amount }))).toEqual([
      'lines WRONG_STATUS',
    ])
  })

  it("cross-tenant: another tenant's line is NOT_FOUND like a missing one", async () => {
    const theirs = await bought()
    await connectSandbox(api, 'B')
    const own = await bought('pm_card_visa', api.as('B'))
    const of = (lineId: string | undefined) =>
      refund(own.paymentId, { lines: [{ lineId, quantity: 1 }] }, api.as('B'))
    const foreign = await of(theirs.lineIds[0])
    expect(codesOf(foreign)).toEqual(['lines.0.lineId NOT_FOUND'])
    expect(foreign).toEqual(await of(encodeId('line', newId())))
  })

  it('of rivals for the last pieces as many succeed as there are pieces', async () => {
    const one = await bought()
    const lines = [{ lineId: one.lineIds[0], quantity: 1, restock: true }]
    const answers = await Promise.all(Array.from({ length: 8 }, () => refund(one.paymentId, { lines })))
    expect(answers.filter(({ refund: made }) => made?.status === 'SUCCEEDED')).toHaveLength(3)
    expect(answers.flatMap(codesOf)).toEqual(Array(5).fill('lines.0.quantity QUANTITY_TOO_LARGE'))
    expect(await lineOf(one)).toEqual({ refundedQuantity: 3, restockedQuantity: 3 })
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 10, reserved: 0 })
  })

  it.each([
    [
      'more refunded pieces than were bought',
      'UPDATE order_lines SET refunded_quantity = 4 WHERE id = $1',
      '23514',
    ],
    [
      'more pieces put back than were bought',
      'UPDATE order_lines SET restocked_quantity = 2, restocking_quantity = 2 WHERE id = $1',
      '23514',
    ],
    ['another quantity than was bought', 'UPDATE order_lines SET quantity = 9 WHERE id = $1', '42501'],
    ['a line of a refund altered', 'UPDATE refund_lines SET restock = true WHERE line_id = $1', '42501'],
  ])('the database refuses %s', async (_what, sql, code) => {
    const { lineIds } = await bought()
    const attempt = asRuntime(api.database, api.tenantIds.A, (client) =>
      client.query(sql, [uuidOf('line', lineIds[0] ?? '')]),
    )
    await expect(attempt).rejects.toMatchObject({ code })
  })
})

describe('restocking', () => {
  it('of a fulfilled order adds what came back on hand, once for a key', async () => {
    const one = await bought()
    await fulfil(one.orderId)
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 7, reserved: 0 })
    const lines = [{ lineId: one.lineIds[0], quantity: 2, restock: true }]
    const input = { idempotencyKey: unique('refund'), paymentId: one.paymentId, lines }
    const answers = await Promise.all(Array.from({ length: 10 }, () => a.data(REFUND, { input })))
    for (const { refundCreate } of answers.filter((answer) => answer.refundCreate.userErrors.length === 0))
      expect(refundCreate.refund).toMatchObject({ status: 'SUCCEEDED', restocked: true })
    expect((await a.data(REFUND, { input })).refundCreate.refund.restocked).toBe(true)
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 9, reserved: 0 })
    const read = `query ($id: ID!) { stockMovements(variantId: $id, first: 1) { nodes { reason onHandDelta reservedDelta } } }`
    expect((await a.data(read, { id: one.variantIds[0] })).stockMovements.nodes).toEqual([
      { reason: 'RETURN', onHandDelta: 2, reservedDelta: 0 },
    ])
  })

  it('of an order that is not fulfilled releases the pieces; fulfilling then ships the others', async () => {
    const one = await bought()
    const lines = one.lineIds.map((lineId) => ({ lineId, quantity: 2, restock: true }))
    await refund(one.paymentId, { lines })
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 10, reserved: 1 })
    expect(await stockOf(one.variantIds[1])).toEqual({ onHand: 10, reserved: 0 })
    expect(await fulfil(one.orderId)).toEqual({ order: { status: 'FULFILLED' }, userErrors: [] })
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 9, reserved: 0 })
    expect(await stockOf(one.variantIds[1])).toEqual({ onHand: 10, reserved: 0 })
  })

  it('of all pieces, and cancelling then, leaves the stock as it was', async () => {
    const one = await bought()
    const [first, second] = one.lineIds
    const lines = [
      { lineId: first, quantity: 3, restock: true },
      { lineId: second, quantity: 2, restock: false },
    ]
    await refund(one.paymentId, { lines })
    expect(await fulfil(one.orderId)).toEqual({
      order: { status: 'PAID' },
      userErrors: [{ code: 'WRONG_STATUS' }],
    })
    await done(
      a,
      'mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { id } userErrors { field message code } } }',
      { id: one.orderId, expectedVersion: 2, idempotencyKey: unique('cancel') },
    )
    for (const id of one.variantIds) expect(await stockOf(id)).toEqual({ onHand: 10, reserved: 0 })
  })

  it('needs stock:write besides payments:refund', async () => {
    const { paymentId, lineIds } = await bought()
    const { secret } = await makeKey(a, ['payments:refund'])
    const lines = (restock: boolean) => ({ lines: [{ lineId: lineIds[0], quantity: 1, restock }] })
    const input = { idempotencyKey: unique('refund'), paymentId, ...lines(true) }
    const source =
      'mutation ($input: RefundCreateInput!) { refundCreate(input: $input) { userErrors { code } } }'
    const ask = (variables: Record<string, unknown>) =>
      askWithKey({ url: api.url, secret, source, variables })
    const { errors } = await ask({ input })
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'stock:write' } }])
    expect((await ask({ input: { ...input, ...lines(false) } })).data.refundCreate.userErrors).toEqual([])
  })

  it('by hand is the same', async () => {
    const { id: variantId } = await makeVariant(a, { stock: 5 })
    const order = await placeOrder(a, customerId, [{ variantId, quantity: 2 }])
    const paid = `mutation ($input: PaymentRecordInput!) { paymentRecord(input: $input) {
      payment { id order { lines { nodes { id } } } } userErrors { field message code } } }`
    const { payment } = await done(a, paid, {
      idempotencyKey: unique('record'),
      orderId: order.id,
      method: 'CASH',
    })
    const back = `mutation ($input: RefundRecordInput!) { refundRecord(input: $input) {
      refund { restocked reason amount { amountMinor } } userErrors { field message code } } }`
    const lines = [{ lineId: payment.order.lines.nodes[0].id, quantity: 1, restock: true }]
    const { refund: made } = await done(a, back, {
      idempotencyKey: unique('back'),
      paymentId: payment.id,
      method: 'CASH',
      reason: 'WRONG_ITEM',
      lines,
    })
    expect(made).toEqual({ restocked: true, reason: 'WRONG_ITEM', amount: { amountMinor: '1000' } })
    expect(await stockOf(variantId)).toEqual({ onHand: 5, reserved: 1 })
  })
})

describe('a refund by line that takes a while', () => {
  it('sets its pieces aside; the order is not fulfilled meanwhile; they go back once it succeeds', async () => {
    // It stays pending until its event is sent, however long the checks take.
    await controlSandbox(api, 'A', 'settings', { webhooks: 'paused', processingDelayMs: 0 })
    const one = await bought('pm_card_refundPending')
    const lines = [{ lineId: one.lineIds[0], quantity: 2, restock: true }]
    expect((await refund(one.paymentId, { lines })).refund).toMatchObject({
      status: 'PENDING',
      restocked: false,
    })
    expect(await lineOf(one)).toEqual({ refundedQuantity: 2, restockedQuantity: 0 })
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 10, reserved: 3 })
    expect((await fulfil(one.orderId)).userErrors).toEqual([{ code: 'PAYMENT_IN_PROGRESS' }])
    const fulfilAnyway = asRuntime(api.database, api.tenantIds.A, (client) =>
      client.query(`UPDATE orders SET status = 'FULFILLED', holds_stock = false WHERE id = $1`, [
        uuidOf('ord', one.orderId),
      ]),
    )
    await expect(fulfilAnyway).rejects.toMatchObject({ code: 'BK012' })
    await controlSandbox(api, 'A', 'settings', { webhooks: 'on' })
    await eventually(async () =>
      expect(await lineOf(one)).toEqual({ refundedQuantity: 2, restockedQuantity: 2 }),
    )
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 10, reserved: 1 })
    expect((await fulfil(one.orderId)).userErrors).toEqual([])
  })

  it('that fails releases its pieces: they can be refunded again, and nothing was restocked', async () => {
    await controlSandbox(api, 'A', 'settings', { processingDelayMs: 50 })
    const one = await bought('pm_card_refundFail')
    const lines = [{ lineId: one.lineIds[0], quantity: 3, restock: true }]
    await refund(one.paymentId, { lines })
    await eventually(async () =>
      expect(await lineOf(one)).toEqual({ refundedQuantity: 0, restockedQuantity: 0 }),
    )
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 10, reserved: 3 })
    expect((await refund(one.paymentId, { lines })).refund.status).toBe('PENDING')
    await eventually(async () => expect(await lineOf(one)).toMatchObject({ refundedQuantity: 0 }))
  })

  it('events of it, twice, restock once; after a late failure the goods stay, and are not restocked again', async () => {
    const one = await bought()
    await fulfil(one.orderId)
    const lines = [{ lineId: one.lineIds[0], quantity: 2, restock: true }]
    const { refund: made } = await refund(one.paymentId, { lines })
    const read =
      'query ($id: ID!) { payment(id: $id) { providerReference refunds { nodes { providerReference } } } }'
    const { payment } = await a.data(read, { id: one.paymentId })
    const object = {
      id: payment.refunds.nodes[0].providerReference,
      object: 'refund',
      amount: 2_000,
      currency: 'usd',
      payment_intent: payment.providerReference,
      metadata: {
        bulkhead_tenant: api.tenantIds.A,
        bulkhead_refund: uuidOf('ref', made.id),
        bulkhead_payment: uuidOf('pay', one.paymentId),
      },
    }
    const tell = (type: string, status: string) =>
      sendEvent(api, 'A', { type, object: { ...object, status } })
    await tell('refund.updated', 'succeeded')
    await tell('refund.updated', 'succeeded')
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 9, reserved: 0 })
    await tell('refund.failed', 'failed')
    await tell('refund.failed', 'failed')
    expect(await lineOf(one)).toEqual({ refundedQuantity: 0, restockedQuantity: 2 })
    expect(await stockOf(one.variantIds[0])).toEqual({ onHand: 9, reserved: 0 })
    expect(codesOf(await refund(one.paymentId, { lines }))).toEqual(['lines.0.restock QUANTITY_TOO_LARGE'])
  })
})
