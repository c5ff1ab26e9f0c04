// Disputes by buyers' banks: withdrawals and reinstatements, booked to the payment, in any order and number of events.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { providerRecords } from '../../../src/shop/integrity/provider-records.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asOwner, asSuperuser } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { queuedJobs, systemOf } from '../../support/system.ts'
import { unique } from '../../support/unique.ts'
import {
  type DisputeTold,
  disputePayment,
  reinstatement,
  tellDispute,
  withdrawal,
} from '../support/disputes.ts'
import { controlSandbox, expectBooksInOrder, ledgerOf, runJob } from '../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../support/shop.ts'

let api: Api
let a: Session
let customerId: string
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  customerId = await makeCustomer(a)
  await connectSandbox(api, 'A', { events: true })
})
afterAll(() => api?.close())

type Paid = { orderId: string; paymentId: string; reference: string }

/** An order of 20.00, paid. */
async function paid(): Promise<Paid> {
  const { id } = await makeVariant(a, { stock: 5 })
  const orderId = (await placeOrder(a, customerId, [{ variantId: id, quantity: 2 }])).id
  const paymentId = await payOrder(api, 'A', orderId)
  return { orderId, paymentId, reference: (await paymentOf(paymentId)).providerReference }
}

const PAYMENT = `query ($id: ID!) { payment(id: $id) {
  providerReference chargedBackAmount { amountMinor }
  order { status paymentStatus chargedBackAmount { amountMinor } outstandingAmount { amountMinor } }
  disputes { nodes { id status amount { amountMinor currency } reason evidenceDueAt providerReference movements
    withdrawnAmount { amountMinor } reinstatedAmount { amountMinor } fee { amountMinor } payment { id } } } } }`

async function paymentOf(id: string): Promise<Data> {
  return (await a.data(PAYMENT, { id })).payment
}

/** The accounts that changed meanwhile, and by how much. */
async function movedBy(work: () => Promise<unknown>): Promise<Record<string, bigint>> {
  const before = await ledgerOf(api, 'A')
  await work()
  const after = Object.entries(await ledgerOf(api, 'A'))
  const moved = after.map(([code, sum]) => [code, sum - (before[code] ?? 0n)] as const)
  return Object.fromEntries(moved.filter(([, by]) => by !== 0n))
}

async function told(what: Parameters<typeof tellDispute>[2], dispute: DisputeTold, at?: Date): Promise<void> {
  const sent = await tellDispute(api, 'A', what, dispute, at)
  expect(sent).toMatchObject({ status: 200, answer: { status: 'PROCESSED' } })
}

describe('a dispute, from its opening to its end, by the events of the provider', () => {
  it('that is lost costs the sum and the fee, and leaves the order unpaid', async () => {
    const { paymentId, reference } = await paid()
    const moved = await movedBy(async () => {
      const { id } = await controlSandbox(api, 'A', 'disputes', { payment_intent: reference })
      await eventually(async () => {
        expect(await paymentOf(paymentId)).toMatchObject({
          chargedBackAmount: { amountMinor: '2000' },
          order: {
            status: 'PAID',
            paymentStatus: 'REFUNDED',
            chargedBackAmount: { amountMinor: '2000' },
            outstandingAmount: { amountMinor: '2000' },
          },
          disputes: {
            nodes: [
              {
                status: 'NEEDS_RESPONSE',
                providerReference: id,
                amount: { amountMinor: '2000', currency: 'USD' },
                withdrawnAmount: { amountMinor: '2000' },
                reinstatedAmount: { amountMinor: '0' },
                payment: { id: paymentId },
              },
            ],
          },
        })
      })
      await controlSandbox(api, 'A', `disputes/${id}`, { status: 'lost' })
      await eventually(async () =>
        expect((await paymentOf(paymentId)).disputes.nodes[0]).toMatchObject({ status: 'LOST' }),
      )
    })
    expect(moved).toEqual({ '1020': -3_500n, '5020': 2_000n, '5030': 1_500n })
    await expect(refundPayment(a, paymentId, 1n)).rejects.toThrow('AMOUNT_TOO_LARGE')
    const fulfil = `mutation ($id: ID!) { orderFulfill(input: { id: $id, expectedVersion: 2, idempotencyKey: "${unique('f')}" }) {
      userErrors { code } } }`
    const order = (await a.data(`query ($id: ID!) { payment(id: $id) { order { id } } }`, { id: paymentId }))
      .payment.order
    expect((await a.data(fulfil, { id: order.id })).orderFulfill.userErrors).toEqual([
      { code: 'WRONG_STATUS' },
    ])
    await expectBooksInOrder(api, 'A')
  })

  it('that is won brings the money back, and the order is paid again', async () => {
    const { paymentId, reference } = await paid()
    const moved = await movedBy(async () => {
      const { id } = await controlSandbox(api, 'A', 'disputes', { payment_intent: reference })
      await controlSandbox(api, 'A', `disputes/${id}`, { status: 'won' })
      await eventually(async () =>
        expect(await paymentOf(paymentId)).toMatchObject({
          chargedBackAmount: { amountMinor: '0' },
          order: { paymentStatus: 'PAID', outstandingAmount: { amountMinor: '0' } },
          disputes: {
            nodes: [
              { status: 'WON', reinstatedAmount: { amountMinor: '2000' }, fee: { amountMinor: '1500' } },
            ],
          },
        }),
      )
    })
    expect(moved).toEqual({ '1020': -1_500n, '5030': 1_500n })
    const caller = await systemOf(api, 'A')
    expect(await providerRecords(caller, api.services.payments).run()).toEqual({ count: 0, violations: [] })
    await expectBooksInOrder(api, 'A')
  })

  it('an inquiry takes nothing', async () => {
    const { paymentId, reference } = await paid()
    const moved = await movedBy(async () => {
      await controlSandbox(api, 'A', 'disputes', { payment_intent: reference, inquiry: true })
      await eventually(async () =>
        expect((await paymentOf(paymentId)).disputes.nodes).toMatchObject([
          { status: 'INQUIRY', movements: [], withdrawnAmount: { amountMinor: '0' } },
        ]),
      )
    })
    expect(moved).toEqual({})
  })
})

describe('any order and number of the same events', () => {
  it('ends alike: each movement is booked once, and the latest state stands', async () => {
    const second = (n: number) => new Date(Math.floor(Date.now() / 1_000 - 100 + n) * 1_000)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          'lost',
          'won',
          'won after it was lost',
          'lost after it was won',
        ) as fc.Arbitrary<string>,
        fc.boolean(),
        fc.infiniteStream(fc.nat()),
        async (course, isAtOnce, dice) => {
          const { paymentId, reference } = await paid()
          const id = unique('du')
          const [out, back, again] = [withdrawal(), reinstatement(), withdrawal()]
          const of = (status: string, movements = [out]): DisputeTold => ({
            id,
            chargeReference: reference,
            status,
            movements,
          })
          const ends: Record<string, [Parameters<typeof tellDispute>[2], DisputeTold][]> = {
            lost: [['closed', of('lost')]],
            won: [
              ['funds_reinstated', of('won', [out, back])],
              ['closed', of('won', [out, back])],
            ],
            'won after it was lost': [
              ['closed', of('lost')],
              ['funds_reinstated', of('won', [out, back])],
            ],
            'lost after it was won': [
              ['closed', of('won', [out, back])],
              ['closed', of('lost', [out, back, again])],
            ],
          }
          const events = [
            ['created', of('needs_response', [])] as const,
            ['funds_withdrawn', of('needs_response')] as const,
            ['updated', of('under_review')] as const,
            ...(ends[course] ?? []),
          ].map(([what, dispute], n) => ({
            what,
            dispute,
            at: second(isAtOnce && course !== 'lost after it was won' ? 0 : n),
          }))
          const picks = [...dice.take(12)]
          const shuffled = [
            ...events,
            ...picks.slice(0, 3).map((n) => events[n % events.length] as (typeof events)[number]),
          ]
            .map((event, n) => ({ event, place: picks[n] ?? n }))
            .toSorted((one, other) => one.place - other.place)
          const moved = await movedBy(async () => {
            for (const { event } of shuffled) await told(event.what, event.dispute, event.at)
          })
          const isLost = course.startsWith('lost')
          const isAgain = course === 'lost after it was won'
          expect(await paymentOf(paymentId)).toMatchObject({
            chargedBackAmount: { amountMinor: isLost ? '2000' : '0' },
            order: { paymentStatus: isLost ? 'REFUNDED' : 'PAID' },
            disputes: {
              nodes: [
                {
                  status: isLost ? 'LOST' : 'WON',
                  withdrawnAmount: { amountMinor: isAgain ? '4000' : '2000' },
                  reinstatedAmount: { amountMinor: isLost && !isAgain ? '0' : '2000' },
                  fee: { amountMinor: isAgain ? '3000' : '1500' },
                },
              ],
            },
          })
          const fees = isAgain ? 3_000n : 1_500n
          expect(moved).toEqual(
            isLost
              ? { '1020': -2_000n - fees, '5020': 2_000n, '5030': fees }
              : { '1020': -fees, '5030': fees },
          )
        },
      ),
      { numRuns: 10 },
    )
    await expectBooksInOrder(api, 'A')
  }, 120_000)

  it('at once, too', async () => {
    const { paymentId, reference } = await paid()
    const id = unique('du')
    const movements = [withdrawal()]
    const events = ['needs_response', 'under_review', 'lost'].flatMap((status) =>
      Array.from({ length: 3 }, () =>
        tellDispute(api, 'A', 'updated', { id, chargeReference: reference, status, movements }),
      ),
    )
    const moved = await movedBy(async () => {
      for (const { status } of await Promise.all(events)) expect(status).toBe(200)
      // An event that conflicted with another transaction is retried.
      await eventually(async () => {
        await tellDispute(api, 'A', 'closed', { id, chargeReference: reference, status: 'lost', movements })
        expect((await paymentOf(paymentId)).disputes.nodes).toMatchObject([{ status: 'LOST' }])
      })
    })
    expect(moved).toEqual({ '1020': -3_500n, '5020': 2_000n, '5030': 1_500n })
    await expectBooksInOrder(api, 'A')
  })
})

describe('beside refunds and further payments', () => {
  it('a chargeback of a refunded payment makes the kept amount negative', async () => {
    const { paymentId, reference } = await paid()
    await refundPayment(a, paymentId, 1_500n)
    await told('created', {
      id: unique('du'),
      chargeReference: reference,
      status: 'needs_response',
      movements: [withdrawal()],
    })
    expect(await paymentOf(paymentId)).toMatchObject({
      chargedBackAmount: { amountMinor: '2000' },
      order: { status: 'PAID', paymentStatus: 'REFUNDED', outstandingAmount: { amountMinor: '2000' } },
    })
    await expectBooksInOrder(api, 'A')
  })

  it('a second payment after a chargeback is overpaid when the dispute is won, and can be refunded', async () => {
    const { orderId, paymentId, reference } = await paid()
    const id = unique('du')
    const [out, back] = [withdrawal(), reinstatement()]
    await told('created', { id, chargeReference: reference, status: 'needs_response', movements: [out] })
    const again = await payOrder(api, 'A', orderId)
    await told('closed', { id, chargeReference: reference, status: 'won', movements: [out, back] })
    const over = `query ($id: ID!) { order(id: $id) { paymentStatus overpaidAmount { amountMinor } } }`
    expect((await a.data(over, { id: orderId })).order).toEqual({
      paymentStatus: 'PAID',
      overpaidAmount: { amountMinor: '2000' },
    })
    await refundPayment(a, again)
    expect((await a.data(over, { id: orderId })).order).toEqual({
      paymentStatus: 'PAID',
      overpaidAmount: { amountMinor: '0' },
    })
    expect((await paymentOf(paymentId)).chargedBackAmount).toEqual({ amountMinor: '0' })
    await expectBooksInOrder(api, 'A')
  })

  it('before the payment’s success is known: stored, and booked afterwards', async () => {
    const { id } = await makeVariant(a, { stock: 5 })
    const orderId = (await placeOrder(a, customerId, [{ variantId: id, quantity: 2 }])).id
    const input = { idempotencyKey: unique('pay'), orderId, paymentMethod: 'pm_card_processing' }
    const take = `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { payment { id providerReference } } }`
    const { payment } = (await a.data(take, { input })).paymentTake
    const dispute = {
      id: unique('du'),
      chargeReference: payment.providerReference,
      status: 'lost',
      movements: [withdrawal()],
    }
    expect(await tellDispute(api, 'A', 'closed', dispute)).toMatchObject({ answer: { status: 'FAILED' } })
    await controlSandbox(api, 'A', 'flush')
    await eventually(async () => {
      const status = (await a.data('query ($id: ID!) { payment(id: $id) { status } }', { id: payment.id }))
        .payment.status
      expect(status).toBe('SUCCEEDED')
    })
    for (const { task, payload } of await queuedJobs(api, 'A')) {
      if (task === 'provider-event.process') await runJob(api, 'A', task, payload).catch(() => undefined)
    }
    expect((await paymentOf(payment.id)).disputes.nodes).toMatchObject([{ status: 'LOST' }])
    await expectBooksInOrder(api, 'A')
  })
})

describe('events that do not fit are kept, and nothing is booked', () => {
  it.each([
    ['another currency', { currency: 'eur' }, 'its currency is not the one that was asked for'],
    ['far more than was paid', { movements: [withdrawal(2_501)] }, 'it charges back more than the payment'],
    [
      'more returned than taken',
      { movements: [withdrawal(), reinstatement(2_001)] },
      'it reinstates more than was charged back',
    ],
    ['an unknown status', { status: 'vanished' }, 'it does not have the form of its event type'],
    ['a sum that is no number', { amount: 'x' as never }, 'it does not have the form of its event type'],
  ])('%s: FAILED', async (_name, odd, error) => {
    const { paymentId, reference } = await paid()
    const moved = await movedBy(async () => {
      const sent = await tellDispute(api, 'A', 'created', {
        id: unique('du'),
        chargeReference: reference,
        status: 'needs_response',
        movements: [withdrawal()],
        ...odd,
      })
      expect(sent).toMatchObject({ status: 200, answer: { status: 'FAILED' } })
    })
    expect(moved).toEqual({})
    expect((await paymentOf(paymentId)).disputes.nodes).toEqual([])
    // The sandbox sends the payment's event meanwhile, so the newest event need not be the dispute's.
    const { providerEvents } = await a.data('{ providerEvents(first: 5) { nodes { type status error } } }')
    const [newest] = providerEvents.nodes.filter(({ type }: Data) => type === 'charge.dispute.created')
    expect(newest).toMatchObject({ status: 'FAILED', error })
  })

  it('of a charge that is not this shop’s: IGNORED', async () => {
    const sent = await tellDispute(api, 'A', 'created', {
      id: unique('du'),
      chargeReference: 'pi_of_others',
      status: 'lost',
    })
    expect(sent).toMatchObject({ status: 200, answer: { status: 'IGNORED' } })
  })
})

describe('who sees and who writes', () => {
  it('lists them by status and payment to callers that may read payments; another tenant finds none', async () => {
    const { paymentId } = await paid()
    const id = await disputePayment(api, 'A', paymentId)
    const list = `query ($paymentId: ID!) {
      all: disputes { nodes { id } }
      open: disputes(filter: { status: [NEEDS_RESPONSE], paymentId: $paymentId }) { nodes { id } totalCount }
      none: disputes(filter: { status: [WON], paymentId: $paymentId }) { nodes { id } }
      one: disputes(filter: { openedBefore: "2026-01-01T00:00:00Z" }) { nodes { id } } }`
    const seen = await a.data(list, { paymentId })
    expect(seen.all.nodes[0]).toEqual({ id })
    expect(seen).toMatchObject({
      open: { nodes: [{ id }], totalCount: 1 },
      none: { nodes: [] },
      one: { nodes: [] },
    })
    expect((await a.data('query ($id: ID!) { dispute(id: $id) { id } }', { id })).dispute).toEqual({ id })
    await connectSandbox(api, 'B')
    const b = api.as('B')
    expect(
      await b.data('query ($id: ID!) { dispute(id: $id) { id } disputes { nodes { id } } }', { id }),
    ).toEqual({
      dispute: null,
      disputes: { nodes: [] },
    })
  })

  it('is found from its entry in the ledger, and the entry from it', async () => {
    const { paymentId } = await paid()
    await disputePayment(api, 'A', paymentId)
    const [movement] = (await paymentOf(paymentId)).disputes.nodes[0].movements
    const entries = `query ($id: ID!) { journalEntries(filter: { sourceId: $id }) { nodes { kind source { type sourceId }
      postings { nodes { amount { amountMinor } account { code name } } } } } }`
    expect((await a.data(entries, { id: movement })).journalEntries.nodes).toEqual([
      {
        kind: 'DISPUTE',
        source: { type: 'DisputeMovement', sourceId: movement },
        postings: {
          nodes: [
            { amount: { amountMinor: '2000' }, account: { code: '5020', name: 'Disputes' } },
            { amount: { amountMinor: '1500' }, account: { code: '5030', name: 'Dispute fees' } },
            { amount: { amountMinor: '-3500' }, account: { code: '1020', name: 'Payment provider balance' } },
          ],
        },
      },
    ])
  })

  it('leaves audit entries and events, and no second ones for a repetition', async () => {
    const { reference } = await paid()
    const dispute = {
      id: unique('du'),
      chargeReference: reference,
      status: 'needs_response',
      movements: [withdrawal()],
    }
    const at = new Date()
    await told('created', dispute, at)
    await told('updated', dispute, at)
    const rows = await asSuperuser(api.database, async (client) =>
      (
        await client.query(
          `SELECT o.type FROM outbox_events o JOIN disputes d ON d.id = o.subject_id
           WHERE d.reference = $1 ORDER BY o.type`,
          [dispute.id],
        )
      ).rows.map(({ type }) => type),
    )
    expect(rows).toEqual(['dispute.funds_withdrawn', 'dispute.needs_response'])
    const audit = await asSuperuser(
      api.database,
      async (client) =>
        (
          await client.query(
            `SELECT e.action, e.after ->> 'status' AS status FROM audit_entries e JOIN disputes d ON d.id::text = e.subject_id::text
           WHERE d.reference = $1`,
            [dispute.id],
          )
        ).rows,
    )
    expect(audit).toEqual([{ action: 'providerEventReceive', status: 'NEEDS_RESPONSE' }])
  })

  it('the database enforces its sums for every writer', async () => {
    const { paymentId } = await paid()
    await disputePayment(api, 'A', paymentId)
    for (const change of [
      'reinstated_minor = withdrawn_minor + 1',
      'withdrawn_minor = -1',
      "movements = '{}'",
      'amount_minor = -1',
    ]) {
      const write = asOwner(api.database, api.tenantIds.A, (owner) =>
        owner.query(`UPDATE disputes SET ${change}`),
      )
      await expect(write, change).rejects.toMatchObject({ code: '23514' })
    }
  })
})
