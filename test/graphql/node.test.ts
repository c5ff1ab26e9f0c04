// Relay's node rules: an object for its id, null for any other, and nothing that tells a foreign id from an absent one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../src/core/ids.ts'
import { disputePayment } from '../shop/support/disputes.ts'
import { sendEvent } from '../shop/support/money.ts'
import { makeShop, refundPayment, type Shop } from '../shop/support/shop.ts'
import { type Api, type Session, startApi } from '../support/api.ts'
import { makeKey } from '../support/keys.ts'
import { makeExport } from '../support/make-export.ts'
import { grantSupport, invite, newEmail } from '../support/people.ts'

let api: Api
let a: Session
let shop: Shop
/** One id of each type of node, by its prefix. */
let ids: Record<string, string>

beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  shop = await makeShop(api, 'A')
  await makeShop(api, 'B')
  await sendEvent(api, 'A', { type: 'payment_intent.created', object: {} })
  ids = await idsOf(a)
})
afterAll(() => api?.close())

async function idsOf(session: Session): Promise<Record<string, string>> {
  const data = await session.data(`{
    viewer { member { id } }
    auditEntries(first: 1) { nodes { id } }
    products(first: 1) { nodes { id variants { nodes { id stockMovements(first: 1) { nodes { id } } } } } }
    orders(first: 1) { nodes { id customer { id } lines { nodes { id } } } }
    payments(first: 1) { nodes { id } }
    paymentProviders(first: 1) { nodes { id } }
    providerEvents(first: 1) { nodes { id } }
    ledgerAccounts(first: 1) { nodes { id } }
    journalEntries(first: 1) { nodes { id postings { nodes { id } } } }
  }`)
  const [product] = data.products.nodes
  const [variant] = product.variants.nodes
  const [order] = data.orders.nodes
  return {
    mem: data.viewer.member.id,
    inv: await invite(session, { email: newEmail(), role: 'STAFF' }),
    aud: data.auditEntries.nodes[0].id,
    prod: product.id,
    var: variant.id,
    mov: variant.stockMovements.nodes[0].id,
    ord: order.id,
    cust: order.customer.id,
    line: order.lines.nodes[0].id,
    pay: data.payments.nodes[0].id,
    ref: await refundPayment(session, data.payments.nodes[0].id, 100n),
    dsp: await disputePayment(api, 'A', data.payments.nodes[0].id),
    prov: data.paymentProviders.nodes[0].id,
    evt: data.providerEvents.nodes[0].id,
    acct: data.ledgerAccounts.nodes[0].id,
    entry: data.journalEntries.nodes[0].id,
    post: data.journalEntries.nodes[0].postings.nodes[0].id,
    key: (await makeKey(session, ['orders:read'])).id,
    grant: await grantSupport(session),
    exp: await makeExport(api, 'A'),
  }
}

const TYPES = {
  mem: 'Member',
  inv: 'Invitation',
  aud: 'AuditEntry',
  prod: 'Product',
  var: 'Variant',
  mov: 'StockMovement',
  ord: 'Order',
  cust: 'Customer',
  line: 'OrderLine',
  pay: 'Payment',
  ref: 'Refund',
  dsp: 'Dispute',
  prov: 'PaymentProvider',
  evt: 'ProviderEvent',
  acct: 'LedgerAccount',
  entry: 'JournalEntry',
  post: 'Posting',
  key: 'ApiKey',
  grant: 'SupportGrant',
  exp: 'Export',
}

const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }'
const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }'

it('every type that is a Node is found by its id', async () => {
  const types = api.schema.getPossibleTypes(api.schema.getType('Node') as never).map(({ name }) => name)
  expect(Object.values(TYPES).sort()).toEqual([...types].sort())
  for (const [prefix, id] of Object.entries(ids)) {
    expect(id.startsWith(`${prefix}_`)).toBe(true)
    expect(await a.data(NODE, { id })).toEqual({
      node: { __typename: TYPES[prefix as keyof typeof TYPES], id },
    })
  }
})

it('cross-tenant: a foreign id, an absent one and a malformed one are all null', async () => {
  const b = api.as('B')
  for (const [prefix, id] of Object.entries(ids)) {
    for (const other of [id, encodeId(prefix, newId()), `${prefix}_x`])
      expect(await b.send(NODE, { id: other })).toEqual({ data: { node: null }, errors: [], extensions: {} })
  }
  const { nodes } = await b.data(NODES, { ids: Object.values(ids) })
  expect(nodes).toEqual(Object.keys(ids).map(() => null))
})

const MALFORMED = [
  '',
  ' ',
  '_',
  'ord',
  'ord_',
  'ord_00000000000000000000000000',
  'ord_zzzzzzzzzzzzzzzzzzzzzzzzzz',
  'ord_0000000000000000000000000l',
  'nope_00000000000000000000000001',
  'constructor_00000000000000000000000001',
  '__proto___00000000000000000000000001',
  'toString_00000000000000000000000001',
  '00000000-0000-0000-0000-000000000000',
  "ord_' OR 1=1 --",
  'é'.repeat(10_000),
]

it.each(MALFORMED.map((id) => [JSON.stringify(id).slice(0, 60), id]))('null for %s', async (_shown, id) => {
  expect(await a.send(NODE, { id })).toEqual({ data: { node: null }, errors: [], extensions: {} })
})

it.each(['ord_\u0000', 'ord_\ud800'])('what is no text is refused, as in every input: %j', async (id) => {
  const { errors } = await a.send(NODE, { id })
  expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
})

it('an id of one type is no id of another: the prefix counts', async () => {
  const suffix = ids.ord?.split('_')[1]
  for (const prefix of ['prod', 'var', 'cust', 'line', 'mov', 'mem'])
    expect(await a.data(NODE, { id: `${prefix}_${suffix}` })).toEqual({ node: null })
})

describe('nodes', () => {
  it('keep their order, with null for what is not here and repeats repeated', async () => {
    const asked = [ids.ord, 'x', ids.cust, encodeId('ord', newId()), ids.ord, ids.line]
    const { nodes } = await a.data(NODES, { ids: asked })
    expect(nodes.map((node: { id: string } | null) => node?.id ?? null)).toEqual([
      ids.ord,
      null,
      ids.cust,
      null,
      ids.ord,
      ids.line,
    ])
  })

  it('are none for no ids, and at most 100', async () => {
    expect(await a.data(NODES, { ids: [] })).toEqual({ nodes: [] })
    const many = Array.from({ length: 100 }, () => ids.ord)
    expect((await a.data(NODES, { ids: many })).nodes).toHaveLength(100)
    const { errors } = await a.send(NODES, { ids: [...many, ids.ord] })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT', path: null }])
  })

  it('show the fields of their type, with relations', async () => {
    const { nodes } = await a.data(
      `query ($ids: [ID!]!) { nodes(ids: $ids) {
        ... on Order { number customer { name } lines(first: 1) { totalCount nodes { sku } } }
        ... on Customer { email orders(first: 1) { totalCount } }
      } }`,
      { ids: [shop.orders.PLACED.id, shop.customers[1]] },
    )
    expect(nodes).toEqual([
      {
        number: 1,
        customer: { name: 'Anchor Buyer 1' },
        lines: { totalCount: 2, nodes: [{ sku: 'Anchor-1' }] },
      },
      { email: 'anchor.buyer2@shop.example', orders: { totalCount: 0 } },
    ])
  })
})

it("a colleague's node needs the permission that the list of members needs; one's own does not", async () => {
  const { viewer } = await api.as('A', 'VIEWER').data('{ viewer { member { id } } }')
  expect(await api.as('A', 'VIEWER').data(NODE, { id: viewer.member.id })).toMatchObject({
    node: { __typename: 'Member' },
  })
  expect(await api.as('A', 'ADMIN').data(NODE, { id: ids.mem })).toMatchObject({ node: { id: ids.mem } })
  const { errors } = await api.as('A', 'VIEWER').send(NODE, { id: ids.mem })
  expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'members:read' } }])
})
