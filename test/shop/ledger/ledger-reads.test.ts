// Reading the ledger: a fixed number of statements for any request, by the index, and no data shared between requests.

import { parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PERMISSIONS } from '../../../src/auth/permissions.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { factsOf } from '../../../src/edge/cost-analysis.ts'
import { saleLines } from '../../../src/shop/ledger/entry-lines.ts'
import { postEntry } from '../../../src/shop/ledger/post-entry.ts'
import { type Api, type Data, type Session, startApi, type TenantKey } from '../../support/api.ts'
import { asOwner, asRuntime, asSuperuser } from '../../support/database.ts'
import { countStatements } from '../../support/statements.ts'
import { allOf, instant, postAtRandom } from './books.ts'

/** The same entries every time. */
const SEED = 'reads'

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  await postAtRandom(api.opened, api.tenantIds.A, { seed: SEED, count: 40 })
  await postAtRandom(api.opened, api.tenantIds.B, { seed: `${SEED}b`, count: 10 })
})
afterAll(() => api?.close())

/** The caller's membership is looked up once per request; all other statements are the operation's. */
const MEMBERSHIP = /app\.resolve_member/

async function statementsOf(source: string): Promise<string[]> {
  const { statements } = await countStatements(() => a.data(source))
  return statements.filter((text) => !MEMBERSHIP.test(text))
}

const AMOUNT = '{ amountMinor }'
const OPERATIONS: [what: string, statements: number, source: string][] = [
  [
    'accounts without their balances',
    1,
    '{ ledgerAccounts { nodes { id code name postings { nodes { side } } } } }',
  ],
  ['accounts with their balances', 2, `{ ledgerAccounts { nodes { code balance ${AMOUNT} } } }`],
  [
    'postings of all accounts with running balances',
    2,
    `{ ledgerAccounts { nodes { code postings(first: 20) { nodes { runningBalance ${AMOUNT} } } } } }`,
  ],
  [
    'both, each under two aliases',
    3,
    `{ ledgerAccounts { nodes { a: balance ${AMOUNT} b: balance ${AMOUNT}
       postings(first: 5) { nodes { c: runningBalance ${AMOUNT} d: runningBalance ${AMOUNT} } } } } }`,
  ],
  [
    'entries, their postings, and the balances of their accounts',
    2,
    `{ journalEntries { nodes { kind source { sourceId } postings { nodes { amount ${AMOUNT} account { code balance ${AMOUNT} } } } } } }`,
  ],
  [
    'what entries reverse',
    1,
    '{ journalEntries(first: 50) { nodes { reverses { kind postings { nodes { side } } } } } }',
  ],
  [
    'what entries are reversed by, with its postings',
    2,
    '{ journalEntries(first: 50) { nodes { reversedBy { kind postings { nodes { side } } reverses { kind } } } } }',
  ],
  ['the trial balance', 1, `{ trialBalance { rows { debit ${AMOUNT} } totals { currency } balanced } }`],
  [
    'the trial balance with its accounts and their balances',
    3,
    `{ trialBalance { rows { account { code name balance ${AMOUNT} postings(first: 1) { nodes { side } } } } } }`,
  ],
]

describe('an operation costs a fixed number of statements', () => {
  it.each(OPERATIONS)('%s: %i', async (_what, statements, source) => {
    expect(await statementsOf(source)).toHaveLength(statements)
  })
})

describe('nothing of one request is in another', () => {
  const SOURCE = `{ ledgerAccounts { nodes { id balance ${AMOUNT} postings(first: 5) { nodes { id runningBalance ${AMOUNT} } } } }
    trialBalance(asOf: "2026-06-01T00:00:00Z") { rows { balance ${AMOUNT} account { id } } }
    journalEntries { nodes { id reversedBy { id } } } }`

  it('cross-tenant: in the same tick each tenant gets its own', async () => {
    const ask = (tenant: TenantKey) => api.as(tenant).data(SOURCE)
    const alone = { A: await ask('A'), B: await ask('B') }
    expect(alone.A).not.toEqual(alone.B)
    const tenants = Array.from({ length: 40 }, (_, n): TenantKey => (n % 2 === 0 ? 'A' : 'B'))
    const together = await Promise.all(tenants.map(ask))
    for (const [n, answer] of together.entries()) expect(answer).toEqual(alone[tenants[n] ?? 'A'])
  })

  it('a balance is that of now, not of the last request', async () => {
    const bank = async () =>
      (await allOf(a, 'ledgerAccounts', `code balance ${AMOUNT}`, { filter: '{ currency: USD }' })).find(
        ({ code }: Data) => code === '1010',
      )
    const before = await bank()
    const source = { type: 'Test', id: 'later' }
    const lines = saleLines({ amountMinor: 77n, byHand: true })
    await api.opened.withTenant({ tenantId: api.tenantIds.A, writes: EVERYTHING }, (tx) =>
      postEntry(tx, { kind: 'SALE', source, currency: 'USD', lines, postedAt: instant(0) }),
    )
    const amountMinor = String(BigInt(before.balance.amountMinor) + 77n)
    expect(await bank()).toEqual({ code: '1010', balance: { amountMinor } })
  })

  it('nor of one place of an operation in another with more fields', async () => {
    const { journalEntries } = await a.data(`{ journalEntries(first: 50) { nodes {
      ...Entry
      postings(first: 1) { nodes { entry { ...Entry reversedBy { kind source { sourceId } } } } }
    } } }
    fragment Entry on JournalEntry { id reversedBy { id } }`)
    const reversed = journalEntries.nodes.filter((entry: Data) => entry.reversedBy !== null)
    expect(reversed.length).toBeGreaterThan(3)
    for (const { id, reversedBy, postings } of reversed) {
      const more = { ...reversedBy, kind: 'REVERSAL', source: { sourceId: id } }
      expect(postings.nodes).toEqual([{ entry: { id, reversedBy: more } }])
    }
  })
})

it('what sums more than a page costs more than its objects', () => {
  const pointsOf = (source: string) => {
    const document = parse(source)
    const [operation] = document.definitions
    if (operation?.kind !== 'OperationDefinition') throw new Error('no operation')
    return factsOf(api.schema, document, operation).plan({}, new Set(PERMISSIONS)).cost
  }
  const accounts = (field: string) => pointsOf(`{ ledgerAccounts(first: 10) { nodes { id ${field} } } }`)
  expect(accounts(`balance ${AMOUNT}`) - accounts('')).toBe(10 * 11 + 10 * 0.1)
  const postings = (field: string) => accounts(`postings(first: 20) { nodes { id ${field} } }`)
  expect(postings(`runningBalance ${AMOUNT}`) - postings('')).toBe(629)
  expect(pointsOf('{ trialBalance { balanced } }')).toBe(1_002)
})

it('a running balance is read by the index of its account', async () => {
  const [, text = ''] = await statementsOf(
    `{ ledgerAccounts { nodes { postings { nodes { runningBalance ${AMOUNT} } } } } }`,
  )
  expect(text).toContain('OVER')
  // Enough rows of other tenants for a realistic plan; their content does not matter.
  await asSuperuser(api.database, async (client) => {
    await client.query('ALTER TABLE postings DISABLE TRIGGER USER')
    await client.query(
      `INSERT INTO postings (tenant_id, id, entry_id, position, account_id, currency, amount_minor, posted_at)
       SELECT p.tenant_id, gen_random_uuid(), p.entry_id, 1000 + row_number() OVER (), p.account_id, p.currency, 1, p.posted_at + n * interval '1 second'
       FROM (SELECT * FROM postings WHERE tenant_id = $1 LIMIT 10) p, generate_series(1, 2000) n`,
      [api.tenantIds.B],
    )
    await client.query('ALTER TABLE postings ENABLE TRIGGER USER')
  })
  await asOwner(api.database, null, (owner) => owner.query('ANALYZE postings'))
  const plan = await asRuntime(api.database, api.tenantIds.B, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      'SELECT id FROM postings ORDER BY posted_at DESC LIMIT 20',
    )
    const ids = rows.map(({ id }) => id)
    const explained = await client.query(`EXPLAIN ${text}`, text.includes('$2') ? [ids, ids] : [ids])
    return explained.rows.map((row) => row['QUERY PLAN']).join('\n')
  })
  expect(plan.match(/postings_tenant_id_account_id_posted_at_id_idx/g)?.length).toBeGreaterThanOrEqual(2)
  expect(plan).not.toContain('Seq Scan')
  const conditions = plan.match(/Index Cond: .*account_id.*/g) ?? []
  for (const condition of conditions) expect(condition).toMatch(/tenant_id.*account_id.*posted_at/)
})
