// Balances requested in the same tick are loaded in one batch; test/graphql/batch.test.ts tests batching itself.
import type { GraphQLFieldResolver } from 'graphql'
import { isObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { saleLines } from '../../../src/shop/ledger/entry-lines.ts'
import { postEntry } from '../../../src/shop/ledger/post-entry.ts'
import { type Api, type Data, startApi, type TenantKey } from '../../support/api.ts'
import { instant, rowsOf } from './books.ts'

describe('in the API', () => {
  const AMOUNTS: Record<TenantKey, bigint> = { A: 1_234n, B: 77n }
  let api: Api
  beforeAll(async () => {
    api = await startApi()
    for (const tenant of ['A', 'B'] as const) {
      const lines = saleLines({ amountMinor: AMOUNTS[tenant], byHand: true })
      const source = { type: 'Test', id: newId() }
      await api.opened.withTenant({ tenantId: api.tenantIds[tenant], writes: EVERYTHING }, (tx) =>
        postEntry(tx, { kind: 'SALE', source, currency: 'USD', lines, postedAt: instant(0) }),
      )
    }
  })
  afterAll(() => api?.close())

  function resolverOf(type: string, field: string): GraphQLFieldResolver<unknown, unknown> {
    const object = api.schema.getType(type)
    const resolve = isObjectType(object) ? object.getFields()[field]?.resolve : undefined
    if (resolve === undefined) throw new Error(`${type}.${field} has no resolver`)
    return resolve
  }

  /** A tenant's bank account and its posting, read as a superuser: the parents of the resolvers. */
  async function bankOf(tenant: TenantKey): Promise<{ account: string; posting: string }> {
    const [row] = await rowsOf<{ account: string; posting: string }>(
      api.database,
      'SELECT account_id AS account, id AS posting FROM postings WHERE tenant_id = $1 AND amount_minor > 0',
      [api.tenantIds[tenant]],
    )
    if (row === undefined) throw new Error(`nothing was posted by ${tenant}`)
    return row
  }

  it.each([
    ['LedgerAccount', 'balance', 'account'],
    ['Posting', 'runningBalance', 'posting'],
  ] as const)(
    'cross-tenant: %s.%s of two tenants in one tick is of each its own',
    async (type, field, key) => {
      const resolve = resolverOf(type, field)
      const tenants: TenantKey[] = ['A', 'B', 'A', 'B']
      const asked = await Promise.all(
        tenants.map(async (tenant) => ({
          id: (await bankOf(tenant))[key],
          context: { db: api.opened.forTenant({ tenantId: api.tenantIds[tenant], writes: EVERYTHING }) },
        })),
      )
      // Two HTTP requests rarely share a tick, so all four resolvers are called before the first await.
      const found = await Promise.all(
        asked.map(({ id, context }) => resolve({ id, currency: 'USD' }, {}, context, {} as never)),
      )
      expect(found).toEqual(tenants.map((tenant) => ({ amountMinor: AMOUNTS[tenant], currency: 'USD' })))
    },
  )

  it('a balance is the same at every place in an operation', async () => {
    const AMOUNT = '{ amountMinor }'
    const { ledgerAccounts, trialBalance, journalEntries } = await api.as('A').data(`{
      ledgerAccounts(first: 5) { nodes { code balance ${AMOUNT} postings(first: 1) { nodes { runningBalance ${AMOUNT}
        entry { postings(first: 2) { nodes { runningBalance ${AMOUNT} account { code balance ${AMOUNT} } } } } } } } }
      trialBalance { rows { balance ${AMOUNT} account { code balance ${AMOUNT} } } }
      journalEntries(first: 1) { nodes { postings(first: 2) { nodes { account { code balance ${AMOUNT} } } } } }
    }`)
    const truth: Record<string, string> = { '1010': '1234', '4010': '-1234' }
    const seen: [string, string][] = []
    const see = ({ code, balance }: Data) => seen.push([code, balance.amountMinor])
    for (const account of ledgerAccounts.nodes) {
      see(account)
      for (const { runningBalance, entry } of account.postings.nodes) {
        seen.push([account.code, runningBalance.amountMinor])
        for (const posting of entry.postings.nodes) {
          see(posting.account)
          seen.push([posting.account.code, posting.runningBalance.amountMinor])
        }
      }
    }
    for (const { account, balance } of trialBalance.rows) {
      see(account)
      see({ code: account.code, balance })
    }
    for (const { postings } of journalEntries.nodes) for (const { account } of postings.nodes) see(account)
    // 5 accounts, 2 postings with 2 postings each, 8 rows twice, 2 postings.
    expect(seen).toHaveLength(5 + 2 * (1 + 2 * 2) + 8 * 2 + 2)
    expect(seen).toEqual(seen.map(([code]) => [code, truth[code] ?? '0']))
  })
})
