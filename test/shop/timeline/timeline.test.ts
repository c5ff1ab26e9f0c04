// The history of an order, and its notes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asRuntime } from '../../support/database.ts'
import { done } from '../../support/done.ts'
import { makeKey } from '../../support/keys.ts'
import { countStatements } from '../../support/statements.ts'
import { unique } from '../../support/unique.ts'
import { tellDispute, withdrawal } from '../support/disputes.ts'
import {
  addNote,
  connectSandbox,
  makeCustomer,
  makeVariant,
  PAYMENT_TAKE,
  payOrder,
  placeOrder,
  REFUND_CREATE,
  refundPayment,
} from '../support/shop.ts'

const TIMELINE = `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  order(id: $id) { timeline(first: $first, after: $after, last: $last, before: $before) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { occurredAt kind actorLabel amount { amount currency } text reason }
  } } }`

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  await connectSandbox(api, 'A')
})
afterAll(() => api?.close())

async function makeOrder(session = a): Promise<string> {
  const { id: variantId } = await makeVariant(session, { priceMinor: 2_000n })
  return (await placeOrder(session, await makeCustomer(session), [{ variantId, quantity: 1 }])).id
}

async function timelineOf(
  id: string,
  page: Record<string, unknown> = {},
  session: Pick<Session, 'data'> = a,
) {
  return (await session.data(TIMELINE, { id, first: 'last' in page ? undefined : 50, ...page })).order
    .timeline
}

async function kindsOf(id: string, session: Pick<Session, 'data'> = a): Promise<string[]> {
  return (await timelineOf(id, {}, session)).nodes.map(({ kind }: Data) => kind)
}

describe('the history of an order', () => {
  it('tells what happened, latest first, with money, texts and who did it', async () => {
    const id = await makeOrder(api.as('A', 'STAFF'))
    const paymentId = await payOrder(api, 'A', id)
    await done(
      api.as('A', 'STAFF'),
      'mutation ($input: OrderFulfillInput!) { orderFulfill(input: $input) { userErrors { message } } }',
      { id, expectedVersion: 2, idempotencyKey: unique('fulfil') },
    )
    await addNote(api.as('A', 'STAFF'), id, '  left at the door ')
    await refundPayment(api.as('A', 'ADMIN'), paymentId, 500n)
    const { nodes, totalCount, pageInfo } = await timelineOf(id, {}, api.as('A', 'VIEWER'))
    const staff = 'staff@anchor.example'
    expect(nodes).toMatchObject([
      {
        kind: 'REFUNDED',
        actorLabel: 'admin@anchor.example',
        amount: { amount: '5.00', currency: 'USD' },
      },
      { kind: 'NOTE_ADDED', actorLabel: staff, text: 'left at the door', amount: null },
      { kind: 'FULFILLED', actorLabel: staff, amount: null, text: null },
      {
        kind: 'PAID',
        actorLabel: 'owner@anchor.example',
        amount: { amount: '20.00', currency: 'USD' },
      },
      { kind: 'PLACED', actorLabel: staff, amount: { amount: '20.00', currency: 'USD' } },
    ])
    expect(totalCount).toBe(5)
    expect(pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false })
    const times = nodes.map(({ occurredAt }: Data) => occurredAt)
    expect(times).toEqual(times.toSorted().reverse())
  })

  it('tells the reason of a refund apart from its note', async () => {
    const id = await makeOrder()
    const paymentId = await payOrder(api, 'A', id)
    const amount = { amountMinor: '100', currency: 'USD' }
    const give = (more: object) =>
      done(a, REFUND_CREATE, { idempotencyKey: unique('refund'), paymentId, amount, ...more })
    await give({ reason: 'DAMAGED' })
    await give({ reason: 'OTHER', note: 'the box was wet' })
    await give({ note: 'DAMAGED' })
    await addNote(a, id, 'DEFECTIVE')
    const { nodes } = await timelineOf(id)
    expect(nodes.map(({ kind, reason, text }: Data) => [kind, reason, text])).toEqual([
      ['NOTE_ADDED', null, 'DEFECTIVE'],
      ['REFUNDED', null, 'DAMAGED'],
      ['REFUNDED', 'OTHER', 'the box was wet'],
      ['REFUNDED', 'DAMAGED', null],
      ['PAID', null, null],
      ['PLACED', null, null],
    ])
  })

  it('links what each entry is about', async () => {
    const id = await makeOrder()
    const paymentId = await payOrder(api, 'A', id)
    const noteId = await addNote(a, id)
    const refundId = await refundPayment(a, paymentId, 100n)
    const source = 'query ($id: ID!) { order(id: $id) { timeline { nodes { kind node { id } } } } }'
    const { result, statements } = await countStatements(() => a.data(source, { id }))
    expect(result.order.timeline.nodes).toEqual([
      { kind: 'REFUNDED', node: { id: refundId } },
      { kind: 'NOTE_ADDED', node: { id: noteId } },
      { kind: 'PAID', node: { id: paymentId } },
      { kind: 'PLACED', node: { id } },
    ])
    // The order, its history, and one statement for each of four types; without the look-up of the caller.
    expect(statements.filter((text) => !/resolve_member/.test(text))).toHaveLength(6)
  })

  it('tells of a cancelled order why', async () => {
    const id = await makeOrder()
    await done(
      a,
      'mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { userErrors { message } } }',
      { id, expectedVersion: 1, idempotencyKey: unique('cancel'), reason: 'found it cheaper' },
    )
    expect((await timelineOf(id)).nodes[0]).toMatchObject({
      kind: 'CANCELLED',
      text: 'found it cheaper',
      actorLabel: 'owner@anchor.example',
    })
  })

  it('tells of a payment that failed, and of a refund that came back after it had succeeded', async () => {
    const id = await makeOrder()
    const pay = (paymentMethod: string) =>
      a.data(PAYMENT_TAKE, { input: { idempotencyKey: unique('pay'), orderId: id, paymentMethod } })
    await pay('pm_card_chargeDeclined')
    const paymentId = await payOrder(api, 'A', id)
    await refundPayment(a, paymentId, 300n)
    const failed = `UPDATE refunds SET status = 'FAILED', settled_at = now(), failure_code = 'DECLINED',
      failure_message = 'card closed' WHERE amount_minor = 300`
    await asRuntime(api.database, api.tenantIds.A, (client) => client.query(failed))
    expect((await timelineOf(id)).nodes).toMatchObject([
      { kind: 'REFUND_FAILED', text: 'card closed', amount: { amount: '3.00' } },
      { kind: 'REFUNDED', amount: { amount: '3.00' } },
      { kind: 'PAID' },
      { kind: 'PAYMENT_FAILED', text: expect.stringMatching(/declined/i), amount: { amount: '20.00' } },
      { kind: 'PLACED' },
    ])
  })

  it('tells of a dispute, which nobody here began', async () => {
    const id = await makeOrder()
    const paymentId = await payOrder(api, 'A', id)
    const { payment } = await a.data('query ($id: ID!) { payment(id: $id) { providerReference } }', {
      id: paymentId,
    })
    const told = { id: unique('du'), chargeReference: payment.providerReference, movements: [withdrawal()] }
    await tellDispute(api, 'A', 'created', { ...told, status: 'needs_response' })
    await tellDispute(api, 'A', 'closed', { ...told, status: 'lost' }, new Date(Date.now() + 5_000))
    const { nodes } = await timelineOf(id)
    expect(nodes[0]).toMatchObject({
      kind: 'DISPUTE_LOST',
      actorLabel: null,
      amount: { amount: '20.00' },
    })
    // Providers tell times in seconds: it may stand below the payment.
    expect(nodes).toContainEqual(
      expect.objectContaining({ kind: 'DISPUTE_OPENED', actorLabel: null, text: 'fraudulent' }),
    )
  })

  it('leaves out what needs payments:read, and counts without it', async () => {
    const id = await makeOrder()
    const paymentId = await payOrder(api, 'A', id)
    await refundPayment(a, paymentId, 300n)
    await addNote(a, id)
    const session = api.bearing((await makeKey(a, ['orders:read'])).secret)
    expect(await kindsOf(id, session)).toEqual(['NOTE_ADDED', 'PLACED'])
    expect((await timelineOf(id, {}, session)).totalCount).toBe(2)
  })

  it('comes in pages, forwards and backwards', async () => {
    const id = await makeOrder()
    for (const text of ['one', 'two', 'three', 'four']) await addNote(a, id, text)
    const textsOf = ({ nodes }: Data) => nodes.map(({ text }: Data) => text)
    const first = await timelineOf(id, { first: 2 })
    expect(textsOf(first)).toEqual(['four', 'three'])
    expect(first).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true, hasPreviousPage: false } })
    const second = await timelineOf(id, { first: 2, after: first.pageInfo.endCursor })
    expect(textsOf(second)).toEqual(['two', 'one'])
    const third = await timelineOf(id, { first: 2, after: second.pageInfo.endCursor })
    expect(textsOf(third)).toEqual([null])
    expect(third).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: false } })
    expect(textsOf(await timelineOf(id, { last: 2 }))).toEqual(['one', null])
    const back = await timelineOf(id, { last: 2, before: second.pageInfo.startCursor })
    expect(textsOf(back)).toEqual(['four', 'three'])
    const beyond = await timelineOf(id, { first: 2, after: third.pageInfo.endCursor })
    expect(beyond).toMatchObject({ nodes: [], totalCount: 5 })
  })

  it('cross-tenant: refuses the cursor of another tenant', async () => {
    const [own, foreign] = [await makeOrder(), await makeOrder(api.as('B'))]
    const { pageInfo } = await timelineOf(foreign, {}, api.as('B'))
    const { errors } = await a.send(TIMELINE, { id: own, first: 1, after: pageInfo.endCursor })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })

  it('of a page of orders is one statement', async () => {
    for (let n = 0; n < 3; n += 1) await addNote(a, await makeOrder(), `note ${n}`)
    const source = '{ orders(first: 3) { nodes { timeline(first: 1) { nodes { text } } } } }'
    await a.data(source)
    const { result, statements } = await countStatements(() => a.data(source))
    expect(result.orders.nodes.map(({ timeline }: Data) => timeline.nodes[0].text)).toEqual([
      'note 2',
      'note 1',
      'note 0',
    ])
    expect(statements.filter((text) => text.includes('order_notes'))).toHaveLength(1)
  })
})

const NOTE_ADD = `mutation ($input: OrderNoteAddInput!) {
  orderNoteAdd(input: $input) {
    orderNote { id text authorLabel createdAt order { id } }
    userErrors { field message code }
  }
}`

describe('orderNoteAdd', () => {
  const add = async (input: Record<string, unknown>, session = a) =>
    (await session.data(NOTE_ADD, { input: { idempotencyKey: unique('note'), ...input } })).orderNoteAdd

  it('adds a note under the name of the caller, once per key', async () => {
    const orderId = await makeOrder()
    const input = { orderId, text: 'call first', idempotencyKey: unique('note') }
    const { orderNote, userErrors } = await add(input, api.as('A', 'STAFF'))
    expect(userErrors).toEqual([])
    expect(orderNote).toMatchObject({
      text: 'call first',
      authorLabel: 'staff@anchor.example',
      order: { id: orderId },
    })
    expect((await add(input, api.as('A', 'STAFF'))).orderNote).toEqual(orderNote)
    expect(await kindsOf(orderId)).toEqual(['NOTE_ADDED', 'PLACED'])
  })

  it('refuses an empty text, one of 5,001 characters, and an order that is not there', async () => {
    const orderId = await makeOrder()
    for (const text of ['  ', 'x'.repeat(5_001)])
      expect((await add({ orderId, text })).userErrors).toMatchObject([{ field: ['text'] }])
    expect((await add({ orderId, text: 'x'.repeat(5_000) })).userErrors).toEqual([])
    const absent = await add({ orderId: encodeId('ord', newId()), text: 'lost' })
    expect(absent.userErrors).toMatchObject([{ field: ['orderId'], code: 'NOT_FOUND' }])
  })

  it("cross-tenant: another tenant's order is NOT_FOUND", async () => {
    const orderId = await makeOrder(api.as('B'))
    expect(await add({ orderId, text: 'hello' })).toMatchObject({
      orderNote: null,
      userErrors: [{ field: ['orderId'], code: 'NOT_FOUND' }],
    })
    expect(await kindsOf(orderId, api.as('B'))).toEqual(['PLACED'])
  })

  it('is refused to a VIEWER', async () => {
    const input = { idempotencyKey: unique('note'), orderId: await makeOrder(), text: 'hello' }
    const { errors } = await api.as('A', 'VIEWER').send(NOTE_ADD, { input })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'orders:write' } }])
  })

  it('is for good: the database refuses to change or remove a note', async () => {
    await addNote(a, await makeOrder())
    for (const sql of ["UPDATE order_notes SET text = 'else'", 'DELETE FROM order_notes'])
      await expect(
        asRuntime(api.database, api.tenantIds.A, (client) => client.query(sql)),
      ).rejects.toMatchObject({ code: '42501' })
  })
})
