// The ledger in the API: accounts, entries and postings, and sums compared with PostgreSQL's.
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId, uuidOf } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi, type TenantKey } from '../../support/api.ts'
import { makeCustomer, makeVariant, payOrder, placeOrder, refundPayment } from '../support/shop.ts'
import { allOf, instant, postAtRandom, REVERSED_EVERY, rowsOf } from './books.ts'

const ENTRIES = 60
const seed = process.env.LEDGER_SEED ?? String(randomInt(2 ** 31))

let api: Api
let a: Session
let b: Session
/** Of A: paid and partly refunded through the sandbox. */
let paymentId: string
let refundId: string

beforeAll(async () => {
  console.info(`LEDGER_SEED=${seed} posts these entries again`)
  api = await startApi()
  a = api.as('A')
  b = api.as('B')
  await postAtRandom(api.opened, api.tenantIds.A, { seed, count: ENTRIES })
  await postAtRandom(api.opened, api.tenantIds.B, { seed: `${seed}b`, count: 15 })
  const customerId = await makeCustomer(a)
  const { id: variantId } = await makeVariant(a, { priceMinor: 2_000n })
  const { id } = await placeOrder(a, customerId, [{ variantId, quantity: 1 }])
  paymentId = await payOrder(api, 'A', id)
  refundId = await refundPayment(a, paymentId, 500n)
})
afterAll(() => api?.close())

const MONEY = '{ amountMinor currency }'

const sql = <Row extends object>(text: string, tenant: TenantKey, ...values: unknown[]) =>
  rowsOf<Row>(api.database, text, [api.tenantIds[tenant], ...values])

describe('accounts', () => {
  it.each(['A', 'B'] as const)(
    'cross-tenant: are those of %s, by code, with the sums of their postings',
    async (tenant) => {
      const expected = await sql(
        `SELECT id, code, name, type, trim(currency) AS currency, (SELECT coalesce(sum(amount_minor), 0) FROM postings p
         WHERE p.tenant_id = a.tenant_id AND p.account_id = a.id)::text AS balance
       FROM ledger_accounts a WHERE tenant_id = $1 ORDER BY code, id`,
        tenant,
      )
      const found = await allOf(
        api.as(tenant),
        'ledgerAccounts',
        `id code name type currency balance ${MONEY}`,
        { pageSize: 3 },
      )
      expect(
        found.map(({ id, balance, ...account }) => {
          expect(balance.currency).toBe(account.currency)
          return { id: uuidOf('acct', id), ...account, balance: balance.amountMinor }
        }),
      ).toEqual(expected)
      expect(new Set(found.map(({ currency }) => currency))).toEqual(new Set(['USD', 'JPY']))
    },
  )

  it('are found by currency and by type', async () => {
    const { ledgerAccounts } = await a.data(
      '{ ledgerAccounts(filter: { currency: JPY, type: [ASSET, EXPENSE] }) { totalCount nodes { code type currency } } }',
    )
    expect(ledgerAccounts).toEqual({
      totalCount: 6,
      nodes: [
        { code: '1000', type: 'ASSET', currency: 'JPY' },
        { code: '1010', type: 'ASSET', currency: 'JPY' },
        { code: '1020', type: 'ASSET', currency: 'JPY' },
        { code: '5010', type: 'EXPENSE', currency: 'JPY' },
        { code: '5020', type: 'EXPENSE', currency: 'JPY' },
        { code: '5030', type: 'EXPENSE', currency: 'JPY' },
      ],
    })
  })
})

describe('entries', () => {
  const ENTRY = 'id kind description postedAt source { type sourceId }'

  it.each(['A', 'B'] as const)(
    'cross-tenant: are those of %s, latest first, with postings whose sum is zero',
    async (tenant) => {
      const expected = await sql<{ id: string; kind: string }>(
        `SELECT id, kind, posting_count AS postings FROM journal_entries WHERE tenant_id = $1 ORDER BY posted_at DESC, id DESC`,
        tenant,
      )
      const fields = `${ENTRY} postings { nodes { side amount ${MONEY} postedAt account { currency } entry { id } } }`
      const found = await allOf(api.as(tenant), 'journalEntries', fields)
      expect(
        found.map(({ id, kind, postings }) => ({
          id: uuidOf('entry', id),
          kind,
          postings: postings.nodes.length,
        })),
      ).toEqual(expected)
      for (const { id, postedAt, postings } of found) {
        let sum = 0n
        for (const { side, amount, account, ...posting } of postings.nodes) {
          expect(posting).toEqual({ postedAt, entry: { id } })
          expect(side).toBe(amount.amountMinor.startsWith('-') ? 'CREDIT' : 'DEBIT')
          expect(amount.currency).toBe(account.currency)
          sum += BigInt(amount.amountMinor)
        }
        expect(sum).toBe(0n)
      }
    },
  )

  it('tell what they are about, and are found by it', async () => {
    const of = async (sourceId: string) => {
      const { journalEntries } = await a.data(
        `query ($id: ID!) { journalEntries(filter: { sourceId: $id }) { totalCount nodes { kind source { type sourceId } } } }`,
        { id: sourceId },
      )
      return journalEntries.nodes
    }
    const source = { type: 'Payment', sourceId: paymentId }
    const ofPayment = await of(paymentId)
    expect(ofPayment).toHaveLength(2)
    expect(ofPayment).toEqual(
      expect.arrayContaining([
        { kind: 'SALE', source },
        { kind: 'FEE', source },
      ]),
    )
    expect(await of(refundId)).toEqual([{ kind: 'REFUND', source: { type: 'Refund', sourceId: refundId } }])
    const { node } = await a.data('query ($id: ID!) { node(id: $id) { __typename } }', {
      id: ofPayment[0].source.sourceId,
    })
    expect(node).toEqual({ __typename: 'Payment' })
    const [{ source_id: text }] = (await sql<{ source_id: string }>(
      `SELECT source_id FROM journal_entries WHERE tenant_id = $1 AND source_type = 'Test' LIMIT 1`,
      'A',
    )) as [{ source_id: string }]
    expect(await of(text)).toMatchObject([{ source: { type: 'Test', sourceId: text } }])
    expect(await of(newId())).toEqual([])
  })

  it('that reverse another name it, and it names them', async () => {
    const reversals = await allOf(
      a,
      'journalEntries',
      `${ENTRY} reverses { id kind postings { nodes { amount { amountMinor } account { id } } } reversedBy { id } } reversedBy { id }
       postings { nodes { amount { amountMinor } account { id } } }`,
      { filter: '{ kind: REVERSAL }' },
    )
    expect(reversals).toHaveLength(ENTRIES / REVERSED_EVERY)
    for (const { id, kind, source, reverses, reversedBy, postings } of reversals) {
      expect([kind, source, reversedBy]).toEqual([
        'REVERSAL',
        { type: 'JournalEntry', sourceId: reverses.id },
        null,
      ])
      expect(reverses.reversedBy).toEqual({ id })
      expect(reverses.kind).not.toBe('REVERSAL')
      const undone = postings.nodes.map(({ amount, account }: Data) => ({
        amount: { amountMinor: String(-BigInt(amount.amountMinor)) },
        account,
      }))
      expect(reverses.postings.nodes).toEqual(undone)
    }
    const others = await allOf(a, 'journalEntries', 'kind reverses { id } reversedBy { id }')
    expect(others.filter((entry) => entry.reverses !== null)).toHaveLength(reversals.length)
    expect(others.filter((entry) => entry.reversedBy !== null)).toHaveLength(reversals.length)
  })

  it('are found by kind and by when they were posted', async () => {
    const [from, before] = [instant(3), instant(7)]
    const { journalEntries } = await a.data(
      `query ($filter: JournalEntryFilter) { journalEntries(first: 100, filter: $filter) { totalCount nodes { kind postedAt } } }`,
      {
        filter: { kind: ['SALE', 'FEE'], postedFrom: from.toISOString(), postedBefore: before.toISOString() },
      },
    )
    const [expected] = await sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM journal_entries WHERE tenant_id = $1 AND kind IN ('SALE', 'FEE')
       AND posted_at >= $2 AND posted_at < $3`,
      'A',
      from,
      before,
    )
    expect(journalEntries.totalCount).toBe(expected?.count)
    expect(journalEntries.nodes).toHaveLength(expected?.count ?? -1)
    for (const { kind, postedAt } of journalEntries.nodes) {
      expect(['SALE', 'FEE']).toContain(kind)
      expect(new Date(postedAt) >= from && new Date(postedAt) < before).toBe(true)
    }
  })
})

describe('who may not', () => {
  const QUERIES = [
    'ledgerAccounts { nodes { id } }',
    'journalEntries { totalCount }',
    'trialBalance { balanced }',
  ]

  it.each(['STAFF', 'VIEWER'] as const)('%s reads nothing of the ledger, by node either', async (role) => {
    const [account] = await allOf(a, 'ledgerAccounts', 'id')
    for (const query of [...QUERIES, `node(id: "${account.id}") { id }`]) {
      const { data, errors } = await api.as('A', role).send(`{ ${query} }`)
      expect(data?.node ?? null, query).toBeNull()
      expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'ledger:read' } }])
    }
  })

  it('an ADMIN does', async () => {
    for (const query of QUERIES) await api.as('A', 'ADMIN').data(`{ ${query} }`)
  })

  it("cross-tenant: another tenant's account, entry and posting are not found, nor by their source", async () => {
    const [entry] = await allOf(
      a,
      'journalEntries',
      'id source { sourceId } postings { nodes { id account { id } } }',
    )
    const [posting] = entry.postings.nodes
    const ids = [entry.id, posting.id, posting.account.id]
    expect((await a.data('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).nodes).toEqual(
      ids.map((id) => ({ id })),
    )
    expect((await b.data('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).nodes).toEqual([
      null,
      null,
      null,
    ])
    for (const sourceId of [entry.source.sourceId, paymentId, refundId, encodeId('pay', newId())]) {
      const { journalEntries } = await b.data(
        'query ($id: ID!) { journalEntries(filter: { sourceId: $id }) { totalCount nodes { id } } }',
        { id: sourceId },
      )
      expect(journalEntries).toEqual({ totalCount: 0, nodes: [] })
    }
  })
})
