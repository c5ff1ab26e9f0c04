// Figures for a dashboard: sales by day, products, orders by status, customers.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asOwner } from '../../support/database.ts'
import { done } from '../../support/done.ts'
import { makeKey } from '../../support/keys.ts'
import { countStatements } from '../../support/statements.ts'
import { unique } from '../../support/unique.ts'
import { disputePayment } from '../support/disputes.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../support/shop.ts'

const SALES = `query ($from: Date!, $until: Date!, $currency: Currency) {
  salesByDay(from: $from, until: $until, currency: $currency) {
    date orders gross { amount currency } refunds { amount } chargedBack { amount } net { amount }
  } }`

let api: Api
let a: Session
let now = new Date()
beforeAll(async () => {
  api = await startApi({ disguise: (caller) => ({ ...caller, clock: () => now }) })
  a = api.as('A')
})
beforeEach(() => zoned('UTC'))
afterAll(() => api?.close())

const at = (instant: string) => {
  now = new Date(instant)
}

async function zoned(zone: string): Promise<void> {
  await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query('UPDATE tenants SET time_zone = $1', [zone]),
  )
}

/** The whole answer of a document, with its cost. */
async function answered(query: string): Promise<Data> {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: a.authorization },
    body: JSON.stringify({ query }),
  })
  return (await response.json()) as Data
}

/** An order of one piece of a new product. */
async function order(
  priceMinor = 2_000n,
  more: { currency?: string; customerId?: string } = {},
  session = a,
) {
  const { id: variantId, productId } = await makeVariant(session, {
    priceMinor,
    ...(more.currency !== undefined && { currency: more.currency }),
  })
  const customerId = more.customerId ?? (await makeCustomer(session))
  return { ...(await placeOrder(session, customerId, [{ variantId, quantity: 1 }])), productId, customerId }
}

async function pay(orderId: string, amountMinor?: number, currency = 'USD', session = a): Promise<string> {
  const amount = amountMinor === undefined ? undefined : { amountMinor: String(amountMinor), currency }
  const { payment } = await done(
    session,
    `mutation ($input: PaymentRecordInput!) { paymentRecord(input: $input) {
      payment { id } userErrors { field message } } }`,
    { idempotencyKey: unique('record'), orderId, method: 'CASH', amount },
  )
  return payment.id
}

async function refund(paymentId: string, amountMinor: number): Promise<void> {
  await done(
    a,
    `mutation ($input: RefundRecordInput!) { refundRecord(input: $input) { userErrors { field message } } }`,
    {
      idempotencyKey: unique('refund'),
      paymentId,
      method: 'CASH',
      amount: { amountMinor: String(amountMinor), currency: 'USD' },
    },
  )
}

async function cancel(id: string, expectedVersion: number): Promise<void> {
  await done(
    a,
    'mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { userErrors { message } } }',
    { id, expectedVersion, idempotencyKey: unique('cancel') },
  )
}

async function sales(from: string, until: string, more: object = {}, session: Pick<Session, 'data'> = a) {
  return (await session.data(SALES, { from, until, ...more })).salesByDay
}

const amountsOf = (rows: Data, figure: string): string[] => rows.map((row: Data) => row[figure].amount)

/** Sales and refunds by day from the ledger: reversed entries count for nothing. */
async function ledgerDays(zone: string): Promise<Map<string, string>> {
  const { rows } = await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query<{ day: string; sums: string }>(
      `SELECT to_char(e.posted_at AT TIME ZONE $1, 'YYYY-MM-DD') AS day,
         format('%s %s', coalesce(-sum(p.amount_minor) FILTER (WHERE a.code = '4010'), 0),
           coalesce(sum(p.amount_minor) FILTER (WHERE a.code = '4020'), 0)) AS sums
       FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN ledger_accounts a ON a.id = p.account_id
       WHERE a.code IN ('4010', '4020') AND p.currency = 'USD'
         AND NOT EXISTS (SELECT FROM journal_entries r WHERE r.reverses_id = e.id)
         AND e.kind <> 'REVERSAL'
       GROUP BY 1`,
      [zone],
    ),
  )
  return new Map(rows.map(({ day, sums }) => [day, sums]))
}

describe('salesByDay', () => {
  it('has every day of the period: what was captured, refunded and placed on it, also without sales', async () => {
    at('2026-02-01T00:00:00.000Z')
    const first = await order()
    const payment = await pay(first.id)
    const cancelled = await order()
    await cancel(cancelled.id, 1)
    at('2026-02-02T12:00:00.000Z')
    await order()
    at('2026-02-03T23:59:59.999Z')
    // A refund counts on its own day, and a payment on the day when it came.
    await refund(payment, 500)
    const second = await order()
    await pay(second.id, 300)
    at('2026-02-05T00:00:00.000Z')
    await pay(second.id)
    expect(await sales('2026-02-01', '2026-02-05')).toEqual(
      [
        ['2026-02-01', 1, '20.00', '0.00', '20.00'],
        ['2026-02-02', 1, '0.00', '0.00', '0.00'],
        ['2026-02-03', 1, '3.00', '5.00', '-2.00'],
        ['2026-02-04', 0, '0.00', '0.00', '0.00'],
        ['2026-02-05', 0, '17.00', '0.00', '17.00'],
      ].map(([date, orders, gross, refunds, net]) => ({
        date,
        orders,
        gross: { amount: gross, currency: 'USD' },
        refunds: { amount: refunds },
        chargedBack: { amount: '0.00' },
        net: { amount: net },
      })),
    )
  })

  it('keeps what an order that is cancelled after all had brought in and given back', async () => {
    at('2026-02-10T12:00:00.000Z')
    const { id } = await order()
    const payment = await pay(id)
    at('2026-02-11T12:00:00.000Z')
    await refund(payment, 2_000)
    await cancel(id, 2)
    const rows = await sales('2026-02-10', '2026-02-11')
    expect(rows.map(({ orders }: Data) => orders)).toEqual([0, 0])
    expect(amountsOf(rows, 'net')).toEqual(['20.00', '-20.00'])
  })

  it('counts a chargeback on the day of its booking, and not as less sales', async () => {
    now = new Date()
    await connectSandbox(api, 'A')
    const { id } = await order()
    const paymentId = await payOrder(api, 'A', id)
    await disputePayment(api, 'A', paymentId)
    const today = now.toISOString().slice(0, 10)
    expect(await sales(today, today)).toMatchObject([
      { gross: { amount: '20.00' }, chargedBack: { amount: '20.00' }, net: { amount: '20.00' } },
    ])
  })

  it('leaves out a refund that the bank returned, also on the day when it had succeeded', async () => {
    now = new Date()
    const today = now.toISOString().slice(0, 10)
    await connectSandbox(api, 'A')
    const before = amountsOf(await sales(today, today), 'refunds')
    const paymentId = await payOrder(api, 'A', (await order()).id)
    await refundPayment(a, paymentId, 100n)
    expect(amountsOf(await sales(today, today), 'refunds')).not.toEqual(before)
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(`UPDATE refunds SET status = 'FAILED', failure_code = 'DECLINED' WHERE amount_minor = 100`),
    )
    expect(amountsOf(await sales(today, today), 'refunds')).toEqual(before)
  })

  // Each instant with its local day.
  it.each([
    [
      'Europe/Berlin', // 23 hours on 29 March, 25 on 25 October
      [
        ['2026-03-28T22:59:59.999Z', '2026-03-28'],
        ['2026-03-28T23:00:00.000Z', '2026-03-29'],
        ['2026-03-29T21:59:59.999Z', '2026-03-29'],
        ['2026-03-29T22:00:00.000Z', '2026-03-30'],
        ['2026-10-24T22:00:00.000Z', '2026-10-25'],
        ['2026-10-25T22:59:59.999Z', '2026-10-25'],
        ['2026-10-25T23:00:00.000Z', '2026-10-26'],
      ],
    ],
    [
      'Pacific/Kiritimati', // UTC+14
      [
        ['2026-06-10T09:59:59.999Z', '2026-06-10'],
        ['2026-06-10T10:00:00.000Z', '2026-06-11'],
        ['2026-06-11T09:59:59.999Z', '2026-06-11'],
      ],
    ],
    [
      'Etc/GMT+12', // UTC-12
      [
        ['2026-06-20T11:59:59.999Z', '2026-06-19'],
        ['2026-06-20T12:00:00.000Z', '2026-06-20'],
        ['2026-06-21T11:59:59.999Z', '2026-06-20'],
      ],
    ],
    [
      'America/Havana', // on 1 November midnight comes twice
      [
        ['2026-11-01T03:59:59.999Z', '2026-10-31'],
        ['2026-11-01T04:00:00.000Z', '2026-11-01'],
        ['2026-11-01T05:00:00.000Z', '2026-11-01'],
        ['2026-11-02T04:59:59.999Z', '2026-11-01'],
        ['2026-11-02T05:00:00.000Z', '2026-11-02'],
      ],
    ],
  ] as const)('begins its days by the clocks of %s', async (zone, instants) => {
    await zoned(zone)
    for (const [instant, day] of instants) {
      at(instant)
      const [before] = await sales(day, day)
      const { id } = await order(1n)
      await pay(id)
      const [after] = await sales(day, day)
      expect([Number(after.gross.amount), after.orders], instant).toEqual([
        Number((Number(before.gross.amount) + 0.01).toFixed(2)),
        before.orders + 1,
      ])
    }
    const ledger = await ledgerDays(zone)
    const booked = (await sales('2026-01-01', '2026-12-31')).map(({ date, gross, refunds }: Data) => {
      const minor = ({ amount }: Data) => amount.replace('.', '').replace(/^0+(?=\d)/, '')
      return [date, `${minor(gross)} ${minor(refunds)}`]
    })
    const withSales = new Map(booked.filter(([, sums]: string[]) => sums !== '0 0'))
    // A refund that the test above failed by hand has no reversal.
    const today = new Date().toISOString().slice(0, 7)
    const past = (days: Map<unknown, unknown>) =>
      new Map([...days].filter(([day]) => !String(day).startsWith(today)))
    expect(past(withSales)).toEqual(past(ledger))
    expect(past(ledger).size).toBeGreaterThan(instants.length / 2)
  })

  it('is of one currency: by default the own one', async () => {
    at('2026-04-01T12:00:00.000Z')
    const { id } = await order(700n, { currency: 'EUR' })
    await pay(id, 700, 'EUR')
    expect(await sales('2026-04-01', '2026-04-01')).toMatchObject([{ orders: 0, gross: { amount: '0.00' } }])
    expect(await sales('2026-04-01', '2026-04-01', { currency: 'EUR' })).toMatchObject([
      { orders: 1, gross: { amount: '7.00', currency: 'EUR' } },
    ])
  })

  it('takes at most 400 days, in their order', async () => {
    expect(await sales('2025-01-01', '2026-02-04')).toHaveLength(400)
    for (const period of [
      { from: '2025-01-01', until: '2026-02-05' },
      { from: '2026-01-02', until: '2026-01-01' },
      { from: '2026-02-30', until: '2026-03-01' },
      { from: 'yesterday', until: '2026-03-01' },
    ])
      expect((await a.send(SALES, period)).errors, period.from).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })

  it('costs its days, not its orders: 30 little, 400 much', async () => {
    const ask = (from: string, until: string) =>
      answered(`{ salesByDay(from: "${from}", until: "${until}") { date orders net { amount } } }`)
    const { data, extensions } = await ask('2026-02-01', '2026-03-02')
    expect(data.salesByDay).toHaveLength(30)
    expect(extensions.cost.requested).toBeLessThanOrEqual(100)
    expect(extensions.cost.actual).toBeLessThanOrEqual(100)
    const { cost } = (await ask('2025-01-01', '2026-02-04')).extensions
    expect(cost.requested).toBeGreaterThanOrEqual(500)
    expect(cost.actual).toBeGreaterThanOrEqual(500)
  })

  it('cross-tenant: counts nothing of another tenant', async () => {
    at('2026-05-01T12:00:00.000Z')
    const b = api.as('B')
    const { id } = await order(900n, {}, b)
    await pay(id, undefined, 'USD', b)
    expect(await sales('2026-05-01', '2026-05-01')).toMatchObject([{ orders: 0, gross: { amount: '0.00' } }])
    expect(await sales('2026-05-01', '2026-05-01', {}, b)).toMatchObject([
      { orders: 1, gross: { amount: '9.00' } },
    ])
  })

  it('is for every role, and for keys with figures:read', async () => {
    const period = { from: '2026-02-01', until: '2026-02-01' }
    expect(await sales(period.from, period.until, {}, api.as('A', 'VIEWER'))).toHaveLength(1)
    const figures = api.bearing((await makeKey(a, ['figures:read'])).secret)
    expect(await sales(period.from, period.until, {}, figures)).toHaveLength(1)
    const orders = api.bearing((await makeKey(a, ['orders:read', 'ledger:read'])).secret)
    expect((await orders.send(SALES, period)).errors).toMatchObject([
      { code: 'FORBIDDEN', extensions: { permission: 'figures:read' } },
    ])
  })
})

describe('topProducts', () => {
  const TOP = `query ($from: Date!, $until: Date!, $by: TopProductsBy, $first: Int) {
    topProducts(from: $from, until: $until, by: $by, first: $first) {
      product { id title } quantity net { amount currency } } }`
  const period = { from: '2026-07-01', until: '2026-07-31' }

  it('are the best by money or pieces, of paid orders, less refunds in proportion', async () => {
    at('2026-07-01T00:00:00.000Z')
    const [dear, cheap] = [
      await makeVariant(a, { priceMinor: 9_000n }),
      await makeVariant(a, { priceMinor: 1_000n }),
    ]
    const place = async (lines: [string, number][]) =>
      await placeOrder(
        a,
        await makeCustomer(a),
        lines.map(([variantId, quantity]) => ({ variantId, quantity })),
      )
    const both = await place([
      [dear.id, 1],
      [cheap.id, 6],
    ])
    const payment = await pay(both.id)
    await place([[cheap.id, 50]]) // unpaid
    at('2026-08-01T00:00:00.000Z')
    await pay((await place([[cheap.id, 40]])).id)
    const top = async (more: object = {}) =>
      (await a.data(TOP, { ...period, ...more })).topProducts.map(({ product, quantity, net }: Data) => [
        product.id,
        quantity,
        net.amount,
      ])
    expect(await top()).toEqual([
      [dear.productId, 1, '90.00'],
      [cheap.productId, 6, '60.00'],
    ])
    await refund(payment, 5_000) // a third
    expect(await top()).toEqual([
      [dear.productId, 1, '60.00'],
      [cheap.productId, 6, '40.00'],
    ])
    expect(await top({ by: 'QUANTITY', first: 1 })).toEqual([[cheap.productId, 6, '40.00']])
    expect((await api.as('B').data(TOP, period)).topProducts).toEqual([])
  })

  it('lose what was refunded of their own lines', async () => {
    at('2026-12-24T12:00:00.000Z')
    const [one, other] = [
      await makeVariant(a, { priceMinor: 4_000n }),
      await makeVariant(a, { priceMinor: 1_000n }),
    ]
    const { id } = await placeOrder(a, await makeCustomer(a), [
      { variantId: one.id, quantity: 2 },
      { variantId: other.id, quantity: 2 },
    ])
    const paymentId = await pay(id)
    const { order: placed } = await a.data(
      'query ($id: ID!) { order(id: $id) { lines(first: 2) { nodes { id variant { id } } } } }',
      { id },
    )
    const line = placed.lines.nodes.find(({ variant }: Data) => variant.id === one.id)
    await done(
      a,
      'mutation ($input: RefundRecordInput!) { refundRecord(input: $input) { userErrors { field message } } }',
      {
        idempotencyKey: unique('refund'),
        paymentId,
        method: 'CASH',
        lines: [{ lineId: line.id, quantity: 1 }],
      },
    )
    const net = async () =>
      (await a.data(TOP, { from: '2026-12-24', until: '2026-12-24' })).topProducts.map(
        ({ quantity, net: { amount } }: Data) => [quantity, amount],
      )
    expect(await net()).toEqual([
      [1, '40.00'],
      [2, '20.00'],
    ])
    await refund(paymentId, 1_500) // a quarter of what is left
    expect(await net()).toEqual([
      [1, '30.00'],
      [2, '15.00'],
    ])
  })

  it('cost the days of the period: 30 little, 400 much, and 20 periods of 400 days are too much at once', async () => {
    const best = (from: string, until: string) =>
      `topProducts(from: "${from}", until: "${until}") { quantity net { amount } }`
    const costOf = async (query: string) => (await answered(`{ ${query} }`)).extensions.cost
    const month = await costOf(best('2026-06-01', '2026-06-30'))
    expect(month.requested).toBeLessThanOrEqual(100)
    const year = await costOf(best('2025-01-01', '2026-02-04'))
    expect(Math.min(year.requested, year.actual)).toBeGreaterThanOrEqual(500)
    const many = Array.from({ length: 20 }, (_, index) => `p${index}: ${best('2025-01-01', '2026-02-04')}`)
    const { errors } = await answered(`{ ${many.join(' ')} }`)
    expect(errors).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX' } }])
  })

  it('need catalogue:read to be named, and take 1 to 100', async () => {
    const session = api.bearing((await makeKey(a, ['figures:read'])).secret)
    const plain = `query ($from: Date!, $until: Date!) { topProducts(from: $from, until: $until) { quantity } }`
    expect((await session.data(plain, period)).topProducts).toHaveLength(2)
    expect((await session.send(TOP, period)).errors[0]).toMatchObject({
      code: 'FORBIDDEN',
      extensions: { permission: 'catalogue:read' },
    })
    expect((await a.send(TOP, { ...period, first: 101 })).errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })
})

describe('orderCounts', () => {
  const COUNTS =
    'query ($from: Date, $until: Date) { orderCounts(from: $from, until: $until) { status count } }'

  it('count the orders of a period in each status, or all of them', async () => {
    at('2026-09-01T12:00:00.000Z')
    await order()
    await cancel((await order()).id, 1)
    await pay((await order()).id)
    const { orderCounts } = await a.data(COUNTS, { from: '2026-09-01', until: '2026-09-01' })
    expect(orderCounts).toEqual([
      { status: 'PLACED', count: 1 },
      { status: 'PAID', count: 1 },
      { status: 'FULFILLED', count: 0 },
      { status: 'CANCELLED', count: 1 },
    ])
    const all = (await a.data(COUNTS)).orderCounts.reduce((sum: number, { count }: Data) => sum + count, 0)
    expect(all).toBe((await a.data('{ orders { totalCount } }')).orders.totalCount)
    expect(
      (await api.as('B').data(COUNTS, { from: '2026-09-01', until: '2026-09-01' })).orderCounts[0].count,
    ).toBe(0)
    expect((await a.send(COUNTS, { from: '2026-09-01' })).errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })
})

describe('the figures of customers', () => {
  const CUSTOMER = `query ($id: ID!) { customer(id: $id) { orderCount lifetimeValue { amount currency } } }`

  it('are the number of orders and what is kept of them', async () => {
    const { customerId, id } = await order(3_000n)
    const payment = await pay(id)
    await refund(payment, 1_000)
    await order(500n, { customerId })
    await cancel((await order(700n, { customerId })).id, 1)
    const euros = await order(900n, { customerId, currency: 'EUR' })
    await pay(euros.id, 900, 'EUR')
    expect((await a.data(CUSTOMER, { id: customerId })).customer).toEqual({
      orderCount: 3,
      lifetimeValue: { amount: '20.00', currency: 'USD' },
    })
    const fresh = await makeCustomer(a)
    expect((await a.data(CUSTOMER, { id: fresh })).customer).toEqual({
      orderCount: 0,
      lifetimeValue: { amount: '0.00', currency: 'USD' },
    })
  })

  it('of a page of customers are one statement', async () => {
    const source = '{ customers(first: 20) { nodes { orderCount lifetimeValue { amount } } } }'
    await a.data(source)
    const { result, statements } = await countStatements(() => a.data(source))
    expect(result.customers.nodes.length).toBeGreaterThan(5)
    expect(statements.filter((text) => text.includes('charged_back_minor'))).toHaveLength(1)
  })
})
