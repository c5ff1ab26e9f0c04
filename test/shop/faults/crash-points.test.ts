// Case 35: an order, a charge, a declined charge and a refund, each with the server killed at every message to the
// database and every call of the provider, and with every answer of the database lost. The result is one order, one
// charge, one set of entries, and no permanent reservation.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { uuidOf } from '../../../src/core/ids.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { verifyTenant } from '../../../src/integrity/verify.ts'
import type { Data } from '../../support/api.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { rowChecks } from '../../support/integrity.ts'
import { unique } from '../../support/unique.ts'
import { ORDER_PLACE, PAYMENT_TAKE, REFUND_CREATE } from '../support/shop.ts'
import { type Harness, type Kind, type Point, startHarness } from './crash-points.ts'

const SLUG = 'anchor'
const EMAIL = 'owner@anchor.example'
const TIMEOUT_MS = 240_000

let database: TestDatabase
let opened: Database
let tenantId: string
let harness: Harness
let customerId: string
const tried: Record<string, number> = {}

beforeAll(async () => {
  database = await createTestDatabase()
  const owner = await connectOwner(database.ownerUrl)
  tenantId = await createTenant(owner, {
    slug: SLUG,
    name: 'Anchor',
    currency: 'USD',
    owner: { email: EMAIL, name: 'Owner' },
  })
  await owner.end()
  const logger = createLogger('silent')
  opened = openDatabase({ url: database.runtimeUrl, poolMax: 2, namedStatements: true, logger })
  harness = await startHarness(database, { tenant: SLUG, email: EMAIL })
  await harness.data(
    `mutation { paymentProviderConnect(input: { provider: SANDBOX, webhookSecret: "whsec_nobody_is_told" }) {
      userErrors { message } } }`,
  )
  const { customerCreate } = await harness.data(
    `mutation { customerCreate(input: { email: "ada@buyer.example", name: "Ada" }) { customer { id } } }`,
  )
  customerId = customerCreate.customer.id
})
afterAll(async () => {
  console.log(`crash points tried, none failed: ${JSON.stringify(tried)}`)
  await harness?.close()
  await opened?.close()
  await database?.drop()
})

async function makeVariant(): Promise<string> {
  const sku = unique('SKU')
  const { productCreate } = await harness.data(
    'mutation ($t: String!) { productCreate(input: { title: $t }) { product { id } } }',
    { t: sku },
  )
  const { variantCreate } = await harness.data(
    `mutation ($p: ID!, $s: String!) { variantCreate(input: {
      productId: $p, sku: $s, title: $s, price: { amountMinor: "1000", currency: USD } }) { variant { id } } }`,
    { p: productCreate.product.id, s: sku },
  )
  const { id } = variantCreate.variant
  await harness.data(
    `mutation ($v: ID!, $k: String!) { stockAdjust(input: {
      variantId: $v, delta: 5, reason: RECEIPT, idempotencyKey: $k }) { userErrors { message } } }`,
    { v: id, k: unique('stock') },
  )
  return id
}

type Sale = { variantId: string; orderId: string; key: string }

async function anOrder(): Promise<Sale> {
  const variantId = await makeVariant()
  const input = { idempotencyKey: unique('order'), customerId, lines: [{ variantId, quantity: 2 }] }
  const { orderPlace } = await harness.data(ORDER_PLACE, { input })
  return { variantId, orderId: orderPlace.order.id, key: unique('key') }
}

async function aPayment(): Promise<Sale & { paymentId: string }> {
  const sale = await anOrder()
  const input = { idempotencyKey: unique('pay'), orderId: sale.orderId, paymentMethod: 'pm_card_visa' }
  const { paymentTake } = await harness.data(PAYMENT_TAKE, { input })
  return { ...sale, paymentId: paymentTake.payment.id }
}

/** The order's rows, bypassing the API. */
async function factsOf({ orderId, variantId }: Sale): Promise<Data> {
  return await asSuperuser(database, async (client) => {
    const { rows } = await client.query(
      `SELECT o.status, o.payment_status, o.paid_minor::int AS paid, o.refunded_minor::int AS refunded, s.reserved,
         ARRAY(SELECT p.status::text FROM payments p WHERE p.order_id = o.id ORDER BY p.created_at) AS payments,
         ARRAY(SELECT r.status::text FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.order_id = o.id)
           AS refunds,
         ARRAY(SELECT e.kind::text FROM journal_entries e WHERE e.source_id IN (
           SELECT p.id::text FROM payments p WHERE p.order_id = o.id UNION ALL
           SELECT r.id::text FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.order_id = o.id)
           ORDER BY e.kind) AS entries
       FROM orders o, stock_levels s WHERE o.id = $1 AND s.variant_id = $2`,
      [uuidOf('ord', orderId), uuidOf('var', variantId)],
    )
    return rows[0]
  })
}

async function expectBooksInOrder(): Promise<void> {
  const report = await verifyTenant(
    { database: opened, scope: { tenantId }, clock: systemClock, tenantSlug: SLUG },
    rowChecks(),
  )
  expect(report.checks.filter(({ ok }) => !ok)).toEqual([])
}

// A server killed before message N leaves the same database as one killed after message N - 1 was processed: besides
// database messages only provider calls leave the server, and they have points of their own. So no kill is tried before
// a message.
const KINDS: Kind[] = [
  { where: 'database', when: 'unanswered', fault: 'kill' },
  { where: 'database', when: 'unanswered', fault: 'cut' },
  { where: 'database', when: 'lost', fault: 'cut' },
  { where: 'provider', when: 'lost', fault: 'kill' },
  { where: 'provider', when: 'unanswered', fault: 'kill' },
  { where: 'provider', when: 'unanswered', fault: 'cut' },
]

function count(operation: string, points: readonly Point[]): void {
  tried[operation] = (tried[operation] ?? 0) + points.length
}

const isSettled = (record: Data) => record?.status === 'SUCCEEDED' || record?.status === 'FAILED'

describe.each(KINDS)('$fault, what goes to the $where $when', (kind) => {
  it('a charge happens once', { timeout: TIMEOUT_MS }, async () => {
    const points = await harness.everyPoint(kind, {
      prepare: anOrder,
      call: ({ orderId, key }) => ({
        query: PAYMENT_TAKE,
        variables: { input: { idempotencyKey: key, orderId, paymentMethod: 'pm_card_visa' } },
      }),
      settled: ({ paymentTake }) => isSettled(paymentTake.payment),
      async check(sale, { paymentTake }) {
        expect(paymentTake.payment).toMatchObject({ status: 'SUCCEEDED', order: { status: 'PAID' } })
        expect(await factsOf(sale)).toEqual({
          status: 'PAID',
          payment_status: 'PAID',
          paid: 2_000,
          refunded: 0,
          reserved: 2,
          payments: ['SUCCEEDED'],
          refunds: [],
          entries: ['SALE', 'FEE'],
        })
        await expectBooksInOrder()
      },
    })
    count('charge', points)
    expect(points.length).toBeGreaterThanOrEqual(1)
  })

  it('a declined charge leaves nothing reserved', { timeout: TIMEOUT_MS }, async () => {
    // Until the provider answers, the steps are those of the charge above.
    const points = await harness.everyPoint(
      { ...kind, afterProvider: kind.where === 'database' },
      {
        prepare: anOrder,
        call: ({ orderId, key }) => ({
          query: PAYMENT_TAKE,
          variables: { input: { idempotencyKey: key, orderId, paymentMethod: 'pm_card_chargeDeclined' } },
        }),
        settled: ({ paymentTake }) => isSettled(paymentTake.payment),
        async check(sale, { paymentTake }) {
          expect(paymentTake.userErrors).toMatchObject([{ code: 'CARD_DECLINED' }])
          expect(await factsOf(sale)).toMatchObject({
            status: 'PLACED',
            payment_status: 'UNPAID',
            reserved: 0,
            payments: ['FAILED'],
            entries: [],
          })
          await expectBooksInOrder()
        },
      },
    )
    count('declined charge', points)
    expect(points.length).toBeGreaterThanOrEqual(1)
  })

  it('a refund happens once', { timeout: TIMEOUT_MS }, async () => {
    const points = await harness.everyPoint(kind, {
      prepare: aPayment,
      call: ({ paymentId, key }) => ({
        query: REFUND_CREATE,
        variables: {
          input: { idempotencyKey: key, paymentId, amount: { amountMinor: '500', currency: 'USD' } },
        },
      }),
      settled: ({ refundCreate }) => isSettled(refundCreate.refund),
      async check(sale, { refundCreate }) {
        expect(refundCreate.refund).toMatchObject({ status: 'SUCCEEDED' })
        expect(await factsOf(sale)).toMatchObject({
          payment_status: 'PARTIALLY_REFUNDED',
          refunded: 500,
          refunds: ['SUCCEEDED'],
          entries: ['SALE', 'REFUND', 'FEE'],
        })
        await expectBooksInOrder()
      },
    })
    count('refund', points)
    expect(points.length).toBeGreaterThanOrEqual(1)
  })
})

it.each(KINDS.filter(({ where }) => where === 'database'))(
  'an order is placed once: $fault, $when',
  { timeout: TIMEOUT_MS },
  async (kind) => {
    const points = await harness.everyPoint(kind, {
      prepare: async () => ({ variantId: await makeVariant(), key: unique('order') }),
      call: ({ variantId, key }) => ({
        query: ORDER_PLACE,
        variables: { input: { idempotencyKey: key, customerId, lines: [{ variantId, quantity: 2 }] } },
      }),
      settled: ({ orderPlace }) => orderPlace.order != null,
      async check({ variantId, key }, { orderPlace }) {
        expect(await factsOf({ variantId, orderId: orderPlace.order.id, key })).toMatchObject({
          status: 'PLACED',
          reserved: 2,
        })
        const { customer } = await harness.data(
          'query ($id: ID!) { customer(id: $id) { orders(first: 1) { nodes { id } } } }',
          { id: customerId },
        )
        expect(customer.orders.nodes).toEqual([{ id: orderPlace.order.id }])
        await expectBooksInOrder()
      },
    })
    count('order', points)
    expect(points.length).toBeGreaterThanOrEqual(1)
  },
)
