// The shop's samples for the tests that are generated from the schema.
import type { Api, TenantKey } from '../support/api.ts'
import { asOwner } from '../support/database.ts'
import type { Maker, ModuleSamples } from '../support/samples.ts'
import { unique } from '../support/unique.ts'
import { disputePayment } from './support/disputes.ts'
import { sendEvent } from './support/money.ts'
import {
  addNote,
  connectSandbox,
  makeCustomer,
  makeProduct,
  makeShop,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
  setTags,
} from './support/shop.ts'

const makeOrder: Maker = async (api, tenant) => {
  const customerId = await makeCustomer(api.as(tenant))
  const { id } = await makeVariant(api.as(tenant))
  return (await placeOrder(api.as(tenant), customerId, [{ variantId: id, quantity: 1 }])).id
}
const makePayment: Maker = async (api, tenant) => await payOrder(api, tenant, await makeOrder(api, tenant))
/** A refund of one piece, which goes back into stock. */
const makeRefundLine: Maker = async (api, tenant) => {
  const session = api.as(tenant)
  const orderId = await makeOrder(api, tenant)
  const paymentId = await payOrder(api, tenant, orderId)
  const { order } = await session.data(
    'query ($id: ID!) { order(id: $id) { lines(first: 1) { nodes { id } } } }',
    {
      id: orderId,
    },
  )
  const { refundCreate } = await session.data(
    `mutation ($input: RefundCreateInput!) { refundCreate(input: $input) { refund { lines { nodes { id } } } } }`,
    {
      input: {
        idempotencyKey: unique('refund'),
        paymentId,
        lines: [{ lineId: order.lines.nodes[0].id, quantity: 1, restock: true }],
        reason: 'DAMAGED',
        note: unique('note'),
      },
    },
  )
  return refundCreate.refund.lines.nodes[0].id
}
const makeProductOf: Maker = (api, tenant) => makeProduct(api.as(tenant))
const makeVariantOf: Maker = async (api, tenant) => (await makeVariant(api.as(tenant))).id

async function providersOf(
  api: Api,
  tenant: TenantKey,
): Promise<{ id: string; status: string; version: number }[]> {
  const source = '{ paymentProviders(first: 2) { nodes { id status version } } }'
  return (await api.as(tenant).data(source)).paymentProviders.nodes
}

/** The active account: the one connected last. */
async function activeProvider(api: Api, tenant: TenantKey): Promise<string> {
  await connectSandbox(api, tenant)
  return (await providersOf(api, tenant))[0]?.id ?? ''
}

/** A replaced account; its successor takes the payments. */
async function replacedProvider(api: Api, tenant: TenantKey): Promise<string> {
  const connect = `mutation { paymentProviderConnect(input: { provider: SANDBOX, webhookSecret: "whsec_${unique('x')}" }) {
    paymentProvider { id } } }`
  const { paymentProvider } = (await api.as(tenant).data(connect)).paymentProviderConnect
  await api.as(tenant).data(connect)
  return paymentProvider.id
}

async function numberOf(api: Api, tenant: TenantKey): Promise<number> {
  const { rows } = await asOwner(api.database, api.tenantIds[tenant], (owner) =>
    owner.query('SELECT max(number)::int AS number FROM orders'),
  )
  return rows[0].number
}

export const SAMPLES: ModuleSamples = {
  records: {
    Product: makeProductOf,
    Variant: makeVariantOf,
    Customer: (api, tenant) => makeCustomer(api.as(tenant)),
    Order: makeOrder,
    OrderNote: async (api, tenant) => await addNote(api.as(tenant), await makeOrder(api, tenant)),
    Payment: makePayment,
    Refund: async (api, tenant) => await refundPayment(api.as(tenant), await makePayment(api, tenant), 100n),
    RefundLine: makeRefundLine,
    Dispute: async (api, tenant) => await disputePayment(api, tenant, await makePayment(api, tenant)),
    PaymentProvider: connectSandbox,
  },
  values: {
    title: () => unique('Title'),
    handle: () => unique('handle'),
    sku: () => unique('sku'),
    amountMinor: () => '100',
    quantity: () => 1,
    delta: () => 1,
    paymentMethod: () => 'pm_card_visa',
    provider: () => 'SANDBOX',
    'mutation paymentTake: orderId': async (api, tenant) => {
      await connectSandbox(api, tenant)
      return await makeOrder(api, tenant)
    },
    method: () => 'CASH',
    // A line of the order that the payment is of: only the tests of refunds have one.
    'mutation productVariantsUpdate: id': makeVariantOf,
    'mutation productsArchive: id': makeProductOf,
    'mutation refundCreate: lines': () => null,
    'mutation refundRecord: lines': () => null,
    'mutation refundRecord: paymentId': async (api, tenant) => {
      const orderId = await makeOrder(api, tenant)
      const { paymentRecord } = await api
        .as(tenant)
        .data(`mutation ($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id } } }`, {
          input: { idempotencyKey: unique('record'), orderId, method: 'CASH' },
        })
      return paymentRecord.payment.id
    },
    'mutation orderFulfill: id': async (api, tenant) => {
      const id = await makeOrder(api, tenant)
      await payOrder(api, tenant, id)
      return id
    },
    'mutation orderFulfill: expectedVersion': () => 2,
    'mutation paymentProviderDisconnect: id': replacedProvider,
    'mutation paymentProviderDisconnect: expectedVersion': () => 2,
    'mutation paymentProviderRotateWebhookSecret: id': activeProvider,
    'mutation paymentProviderRotateWebhookSecret: expectedVersion': async (api, tenant) => {
      await activeProvider(api, tenant)
      return (await providersOf(api, tenant))[0]?.version
    },
    'query node: id': makeOrder,
    'query nodes: ids': makeOrder,
  },
  lookUps: { 'query order': makeOrder, 'query product': makeProductOf, 'query variant': makeVariantOf },
  beforehand: {},
  askers: {},
  prefixes: {
    products: 'prod',
    variants: 'var',
    stock_movements: 'mov',
    customers: 'cust',
    orders: 'ord',
    order_lines: 'line',
    order_notes: 'note',
    payments: 'pay',
    refunds: 'ref',
    refund_lines: 'rline',
    disputes: 'dsp',
    payment_providers: 'prov',
    provider_events: 'evt',
    ledger_accounts: 'acct',
    journal_entries: 'entry',
    postings: 'post',
  },
  foreign: { number: { of: numberOf, absent: 999_999_999 } },
  least: { letThrough: 10, unread: 10 },
  telling: ['title', 'sku', 'handle', 'city', 'cancel_reason'],
  sabotaged: [
    'Order.lines',
    'query products',
    'query order',
    'mutation customerUpdate',
    'mutation orderCancel',
  ],
  notCompiled: {
    'Query.orderCounts': 'sums of a statement of its own',
    'Query.salesByDay': 'sums of a statement of its own',
    'Query.topProducts': 'sums of a statement of its own',
    'Query.trialBalance': 'sums of a statement of its own',
    'Mutation.productVariantsUpdate': 'shows the records of many rows, of which some are read and others not',
    'Mutation.productsArchive': 'shows the records of many rows, of which some are read and others not',
    'Mutation.stockAdjustMany': 'shows the records of many rows, of which some are read and others not',
    'Customer.lifetimeValue': 'a sum, by one statement for all customers of the answer',
    'Customer.orderCount': 'a sum, by one statement for all customers of the answer',
    'JournalEntry.reversedBy': 'found by another column than the entry’s own, in a batch',
    'JournalEntry.source': 'its record is of several types, and read in a batch',
    'LedgerAccount.balance': 'a sum, by one statement for all accounts of the answer',
    'Order.tags': 'rows of another table without a page, in a batch',
    'Order.timeline': 'rows of several tables, merged by a statement of its own',
    'Posting.runningBalance': 'a sum, by one statement for all postings of the answer',
  },
  unlike: [
    // The provider refunds a charge once, whichever database asks it.
    'Mutation.refundCreate',
    // The provider's own.
    'PaymentProvider.accountReference',
    'Payment.providerReference',
    'Payment.actionUrl',
    'Refund.providerReference',
  ],
  fill: async (api, tenant) => {
    await makeShop(api, tenant)
    await makeRefundLine(api, tenant)
    await addNote(
      api.as(tenant),
      await makeOrder(api, tenant),
      `${tenant === 'A' ? 'Anchor' : 'Bollard'} note`,
    )
    await setTags(api.as(tenant), await makeOrder(api, tenant), [
      `${tenant === 'A' ? 'Anchor' : 'Bollard'} tag`,
    ])
    await sendEvent(api, tenant, { type: `${tenant}.unknown`, object: { text: `${tenant} event` } })
    // An order number that B does not reach, however many orders it places.
    if (tenant === 'A')
      await asOwner(api.database, api.tenantIds.A, (owner) =>
        owner.query('UPDATE orders SET number = 500000 WHERE number = 1'),
      )
  },
}
