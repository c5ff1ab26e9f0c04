// Case 43: random sequences of sales, partial payments by card and by hand, refunds, events in any order and faults, by
// two tenants at once, compared with a small model: debits equal credits, stock is conserved, the provider's books
// equal ours, and no tenant sees another's.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { uuidOf } from '../../../src/core/ids.ts'
import {
  type Answer,
  type Api,
  type Data,
  type Session,
  startApi,
  type TenantKey,
} from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { unique } from '../../support/unique.ts'
import { bookedCharges, controlSandbox, expectBooksInOrder, ledgerOf, runJob } from '../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  ORDER_PLACE,
  PAYMENT_TAKE,
  REFUND_CREATE,
} from '../support/shop.ts'

const PRICE = 1_000n
const RUNS = 12
const STEPS_MAX = 25
const TIMEOUT_MS = 240_000
/** Longer than a claimed attempt. */
const LATER_MS = 31_000

const METHODS = {
  pm_card_visa: 'SUCCEEDED',
  pm_card_chargeDeclined: 'FAILED',
  pm_card_timeout_after_charge: 'UNKNOWN',
  pm_card_timeout_before_charge: 'UNKNOWN',
  pm_card_error500_after_charge: 'UNKNOWN',
} as const

type Step =
  | { do: 'place'; quantity: number }
  /** `part`: a share of what is left, in tenths; absent: all of it. */
  | { do: 'pay'; order: number; method: keyof typeof METHODS; part: number | null; taps: number }
  | { do: 'record'; order: number; part: number | null; taps: number }
  | { do: 'refund'; order: number; payment: number; amount: number; byHand: boolean; taps: number }
  | { do: 'cancel' | 'fulfil'; order: number }
  | { do: 'adjust'; delta: number }
  | { do: 'events'; mode: 'flush' | 'repeat' }
  | { do: 'break connections' }

const anyPart = fc.option(fc.integer({ min: 1, max: 9 }), { freq: 2 })

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('place' as const), quantity: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pay' as const),
      order: fc.nat(7),
      method: fc.constantFrom(...(Object.keys(METHODS) as (keyof typeof METHODS)[])),
      part: anyPart,
      taps: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('record' as const),
      order: fc.nat(7),
      part: anyPart,
      taps: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('refund' as const),
      order: fc.nat(7),
      payment: fc.nat(2),
      byHand: fc.boolean(),
      amount: fc.integer({ min: 1, max: 2_500 }),
      taps: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'fulfil' as const), order: fc.nat(7) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('adjust' as const), delta: fc.integer({ min: -3, max: 5 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('events' as const), mode: fc.constantFrom('flush', 'repeat') }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'break connections' as const }) },
)

type ModelOrder = {
  id: string
  quantity: number
  status: 'PLACED' | 'PAID' | 'FULFILLED' | 'CANCELLED'
  holds: boolean
  /** By how much refunds after payment have lowered the price. */
  reduced: bigint
  payments: { id: string; amount: bigint; refunded: bigint; byHand: boolean }[]
}

const total = ({ quantity }: ModelOrder) => PRICE * BigInt(quantity)
const captured = ({ payments }: ModelOrder) => payments.reduce((sum, { amount }) => sum + amount, 0n)
const refunded = ({ payments }: ModelOrder) => payments.reduce((sum, payment) => sum + payment.refunded, 0n)
const kept = (order: ModelOrder) => captured(order) - refunded(order)
const left = (order: ModelOrder) =>
  order.status === 'CANCELLED' ? 0n : total(order) - order.reduced - kept(order)

let api: Api
beforeAll(async () => {
  api = await startApi({ poolMax: 6 })
  for (const tenant of ['A', 'B'] as const) {
    await connectSandbox(api, tenant, { events: true })
    await controlSandbox(api, tenant, 'settings', { webhooks: 'paused' })
  }
})
afterAll(() => api?.close())

it('holds for any sequence', { timeout: TIMEOUT_MS }, async () => {
  const sequence = fc.array(anyStep, { minLength: 5, maxLength: STEPS_MAX })
  await fc.assert(
    fc.asyncProperty(sequence, sequence, async (ofA, ofB) => {
      const [a, b] = await Promise.all([Shop.open('A'), Shop.open('B')])
      await Promise.all([a.run(ofA), b.run(ofB)])
      await Promise.all([a.check(), b.check()])
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
})

/** One tenant's variant and its orders, in the model and in the database. */
class Shop {
  readonly tenant: TenantKey
  readonly session: Session
  readonly customerId: string
  readonly variantId: string
  readonly before: { ledger: Record<string, bigint>; charges: number }
  readonly orders: ModelOrder[] = []
  onHand = 10

  constructor(tenant: TenantKey, made: { customerId: string; variantId: string; before: Shop['before'] }) {
    this.tenant = tenant
    this.session = api.as(tenant)
    this.customerId = made.customerId
    this.variantId = made.variantId
    this.before = made.before
  }

  static async open(tenant: TenantKey): Promise<Shop> {
    const session = api.as(tenant)
    const customerId = await makeCustomer(session)
    const { id: variantId } = await makeVariant(session, { stock: 10, priceMinor: PRICE })
    const before = {
      ledger: await ledgerOf(api, tenant),
      charges: (await eventually(() => bookedCharges(api, tenant))).length,
    }
    return new Shop(tenant, { customerId, variantId, before })
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.step(step)
  }

  get available(): number {
    return this.onHand - this.orders.reduce((sum, { holds, quantity }) => sum + (holds ? quantity : 0), 0)
  }

  private async step(step: Step): Promise<void> {
    switch (step.do) {
      case 'place':
        return await this.place(step.quantity)
      case 'pay':
        return await this.pay(this.orders[step.order], step)
      case 'record':
        return await this.record(this.orders[step.order], step)
      case 'refund':
        return await this.refund(this.orders[step.order], step)
      case 'cancel':
      case 'fulfil':
        return await this.end(this.orders[step.order], step.do)
      case 'adjust':
        return await this.adjust(step.delta)
      case 'events':
        return await this.events(step.mode)
      case 'break connections':
        return await breakConnections()
    }
  }

  private async place(quantity: number): Promise<void> {
    const fits = quantity <= this.available
    const { order, userErrors } = await this.send(ORDER_PLACE, {
      customerId: this.customerId,
      lines: [{ variantId: this.variantId, quantity }],
    })
    expect(userErrors.map(({ code }: Data) => code)).toEqual(fits ? [] : ['STOCK_INSUFFICIENT'])
    if (fits)
      this.orders.push({ id: order.id, quantity, status: 'PLACED', holds: true, reduced: 0n, payments: [] })
  }

  private async pay(
    order: ModelOrder | undefined,
    { method, part, taps }: { method: keyof typeof METHODS; part: number | null; taps: number },
  ): Promise<void> {
    if (order === undefined) return
    const asked = this.ask(order, part)
    const { payment, userErrors } = await this.settled(
      PAYMENT_TAKE,
      { orderId: order.id, paymentMethod: method, ...amountOf(asked.amount) },
      taps,
      (answer) => answer.payment,
    )
    if (asked.refusal !== null) {
      expect(userErrors).toMatchObject([{ code: asked.refusal }])
      return
    }
    const fails = METHODS[method] === 'FAILED'
    expect(payment).toMatchObject({ status: fails ? 'FAILED' : 'SUCCEEDED' })
    // A failed payment releases the stock, unless something is kept.
    order.holds = !fails || kept(order) > 0n
    if (!fails) this.receive(order, payment.id, asked.amount ?? left(order), false)
  }

  private async record(
    order: ModelOrder | undefined,
    { part, taps }: { part: number | null; taps: number },
  ): Promise<void> {
    if (order === undefined) return
    const asked = this.ask(order, part)
    const { payment, userErrors } = await this.settled(
      PAYMENT_RECORD,
      { orderId: order.id, method: 'CASH', ...amountOf(asked.amount) },
      taps,
      (answer) => answer.payment,
    )
    if (asked.refusal !== null) {
      expect(userErrors).toMatchObject([{ code: asked.refusal }])
      return
    }
    order.holds = true
    this.receive(order, payment.id, asked.amount ?? left(order), true)
  }

  /** The amount (default: all that is left), and the expected refusal. */
  private ask(order: ModelOrder, part: number | null): { amount: bigint | null; refusal: string | null } {
    const amount = part === null || left(order) === 0n ? null : (left(order) * BigInt(part)) / 10n
    const retakes = order.holds ? 0 : order.quantity
    if (left(order) === 0n) return { amount, refusal: 'WRONG_STATUS' }
    if (amount === 0n) return { amount, refusal: 'OUT_OF_RANGE' }
    return { amount, refusal: retakes > this.available ? 'STOCK_INSUFFICIENT' : null }
  }

  private receive(order: ModelOrder, id: string, amount: bigint, byHand: boolean): void {
    order.payments.push({ id, amount, refunded: 0n, byHand })
    if (left(order) === 0n) order.status = 'PAID'
  }

  private async refund(
    order: ModelOrder | undefined,
    {
      payment: index,
      amount,
      byHand,
      taps,
    }: { payment: number; amount: number; byHand: boolean; taps: number },
  ): Promise<void> {
    const payment = order?.payments[index]
    if (order === undefined || payment === undefined) return
    const leftOfIt = payment.amount - payment.refunded
    const { refund, userErrors } = await this.settled(
      byHand ? REFUND_RECORD : REFUND_CREATE,
      {
        paymentId: payment.id,
        amount: { amountMinor: String(amount), currency: 'USD' },
        ...(byHand && { method: 'CASH' }),
      },
      taps,
      (answer) => answer.refund,
    )
    const refusal =
      BigInt(amount) > leftOfIt ? 'AMOUNT_TOO_LARGE' : byHand && !payment.byHand ? 'TAKEN_BY_PROVIDER' : null
    if (refusal !== null) {
      expect(userErrors).toMatchObject([{ code: refusal }])
      return
    }
    expect(refund).toMatchObject({ status: 'SUCCEEDED' })
    payment.refunded += BigInt(amount)
    if (order.status === 'PAID' || order.status === 'FULFILLED') order.reduced += BigInt(amount)
  }

  private async end(order: ModelOrder | undefined, how: 'cancel' | 'fulfil'): Promise<void> {
    if (order === undefined) return
    const isAllowed =
      how === 'cancel'
        ? ['PLACED', 'PAID'].includes(order.status) && kept(order) === 0n
        : order.status === 'PAID' && kept(order) > 0n
    const mutation = how === 'cancel' ? 'orderCancel' : 'orderFulfill'
    const type = how === 'cancel' ? 'OrderCancelInput' : 'OrderFulfillInput'
    const { order: seen } = await this.repeat('query ($id: ID!) { order(id: $id) { version } }', {
      id: order.id,
    })
    const { userErrors } = await this.send(
      `mutation ($input: ${type}!) { ${mutation}(input: $input) { order { id } userErrors { code } } }`,
      { id: order.id, expectedVersion: seen.version },
    )
    expect(userErrors.map(({ code }: Data) => code)).toEqual(isAllowed ? [] : ['WRONG_STATUS'])
    if (!isAllowed) return
    order.status = how === 'cancel' ? 'CANCELLED' : 'FULFILLED'
    order.holds = false
    if (how === 'fulfil') this.onHand -= order.quantity
  }

  private async adjust(delta: number): Promise<void> {
    if (delta === 0) return
    const fits = this.available + delta >= 0
    const { userErrors } = await this.send(
      `mutation ($input: StockAdjustInput!) { stockAdjust(input: $input) { variant { id } userErrors { code } } }`,
      { variantId: this.variantId, delta, reason: 'COUNT' },
    )
    expect(userErrors.map(({ code }: Data) => code)).toEqual(fits ? [] : ['STOCK_INSUFFICIENT'])
    if (fits) this.onHand += delta
  }

  /** Delivers all pending events in another order, or an earlier event three more times. */
  private async events(mode: 'flush' | 'repeat'): Promise<void> {
    const { tenant } = this
    // The fault also hits the test's own queries.
    const control = (path: string, body?: object) => eventually(() => controlSandbox(api, tenant, path, body))
    await control('settings', { webhooks: 'shuffle' })
    if (mode === 'repeat') {
      const { deliveries } = await control('deliveries')
      const event = deliveries.at(-1)?.event
      if (event !== undefined) await control(`events/${event}/resend`, { copies: 3 })
    }
    await control('flush')
    await control('settings', { webhooks: 'paused' })
  }

  /** Repeats what the database interrupted, with the same key: there is one outcome. */
  private async send(query: string, input: Record<string, unknown>): Promise<Data> {
    const idempotencyKey = unique('model')
    const [payload] = Object.values(await this.repeat(query, { input: { idempotencyKey, ...input } }))
    return payload
  }

  private async repeat(query: string, variables: Record<string, unknown>): Promise<Data> {
    for (;;) {
      const answer = await this.session.send(query, variables)
      if (answer.errors.length === 0 && !isInUse(answer)) return answer.data
      const codes = answer.errors.map(({ code }) => code)
      expect(['SERVICE_UNAVAILABLE', undefined]).toContain(codes[0])
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Sends the payment several times at once, and repeats until it is settled; the job asks about open ones. */
  private async settled(
    query: string,
    input: Record<string, unknown>,
    taps: number,
    recordOf: (payload: Data) => Data,
  ): Promise<Data> {
    const variables = { input: { idempotencyKey: unique('model'), ...input } }
    await Promise.all(Array.from({ length: taps }, () => this.session.send(query, variables)))
    let payload: Data
    await eventually(async () => {
      const answer = await this.session.send(query, variables)
      expect(answer.errors).toEqual([])
      payload = Object.values(answer.data as Record<string, Data>)[0]
      if (isInUse(answer)) await this.reconcileAll()
      expect(isInUse(answer)).toBe(false)
      expect(['SUCCEEDED', 'FAILED', undefined]).toContain(recordOf(payload)?.status)
    })
    return payload
  }

  /** Runs the reconciling jobs of everything open, as of half a minute later. */
  private async reconcileAll(): Promise<void> {
    const later = () => new Date(Date.now() + LATER_MS)
    const open = (table: string) =>
      asSuperuser(api.database, async (client) => {
        const { rows } = await client.query(
          `SELECT id FROM ${table} WHERE tenant_id = $1 AND status IN ('PENDING', 'UNKNOWN')`,
          [api.tenantIds[this.tenant]],
        )
        return rows.map(({ id }) => id as string)
      })
    for (const paymentId of await open('payments')) {
      await eventually(() => runJob(api, this.tenant, 'payment.reconcile', { paymentId }, later))
    }
    for (const refundId of await open('refunds')) {
      await eventually(() => runJob(api, this.tenant, 'refund.reconcile', { refundId }, later))
    }
  }

  /** The database equals the model. */
  async check(): Promise<void> {
    await this.events('flush')
    await this.reconcileAll()
    const seen = await this.repeat(
      `query ($variant: ID!, $customer: ID!) {
        variant(id: $variant) { stock { onHand reserved } }
        customer(id: $customer) { orders(first: 100) { totalCount nodes {
          id status holdsStock paidAmount { amountMinor } refundedAmount { amountMinor }
          keptAmount { amountMinor } outstandingAmount { amountMinor } } } }
      }`,
      { variant: this.variantId, customer: this.customerId },
    )
    expect(seen.variant.stock).toEqual({ onHand: this.onHand, reserved: this.onHand - this.available })
    const expected = this.orders.map((order) => ({
      id: order.id,
      status: order.status,
      holdsStock: order.holds,
      paidAmount: { amountMinor: String(captured(order)) },
      refundedAmount: { amountMinor: String(refunded(order)) },
      keptAmount: { amountMinor: String(kept(order)) },
      outstandingAmount: { amountMinor: String(left(order)) },
    }))
    expect(seen.customer.orders.nodes.toSorted(byId)).toEqual(expected.toSorted(byId))
    for (const order of this.orders) expect(kept(order)).toBeLessThanOrEqual(total(order))
    const payments = this.orders.flatMap((order) => order.payments)
    const sum = (amounts: bigint[]) => amounts.reduce((all, amount) => all + amount, 0n)
    const ledger = await ledgerOf(api, this.tenant)
    const change = (code: string) => (ledger[code] ?? 0n) - (this.before.ledger[code] ?? 0n)
    expect([change('4010'), change('4020'), change('1000')]).toEqual([
      -sum(payments.map(({ amount }) => amount)),
      sum(payments.map(({ refunded: back }) => back)),
      sum(payments.map(({ amount, refunded: back, byHand }) => (byHand ? amount - back : 0n))),
    ])
    expect(sum(Object.values(ledger))).toBe(0n)
    const charges = (await bookedCharges(api, this.tenant)).slice(0, -this.before.charges || undefined)
    const taken = charges.filter(({ status }) => status === 'SUCCEEDED')
    const charged = payments.filter(({ byHand }) => !byHand)
    expect(taken).toHaveLength(charged.length)
    expect(new Set(taken.map(({ paymentId }) => paymentId))).toEqual(
      new Set(charged.map(({ id }) => uuidOf('pay', id))),
    )
    await expectBooksInOrder(api, this.tenant)
  }
}

const PAYMENT_RECORD = `mutation ($input: PaymentRecordInput!) { paymentRecord(input: $input) {
  payment { id status } userErrors { field message code } } }`
const REFUND_RECORD = `mutation ($input: RefundRecordInput!) { refundRecord(input: $input) {
  refund { id status } userErrors { field message code } } }`

/** Left out, it is all that is left; null would be refused. */
const amountOf = (amount: bigint | null) =>
  amount === null ? {} : { amount: { amountMinor: String(amount), currency: 'USD' } }

const byId = (one: { id: string }, other: { id: string }) => one.id.localeCompare(other.id)

function isInUse({ data }: Answer): boolean {
  const [payload] = Object.values((data ?? {}) as Record<string, Data>)
  return payload?.userErrors?.some(({ code }: Data) => code === 'IDEMPOTENCY_KEY_IN_USE') === true
}

/** Ends every connection of the server. */
async function breakConnections(): Promise<void> {
  await asSuperuser(api.database, (client) =>
    client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND usename = 'bulkhead_runtime'`,
    ),
  )
}
