// Account balances: after each posting, and at any time. Compared with PostgreSQL's sums, posting by posting.

import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, uuidOf } from '../../../src/core/ids.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { saleLines } from '../../../src/shop/ledger/entry-lines.ts'
import { postEntry } from '../../../src/shop/ledger/post-entry.ts'
import { type Api, type Data, startApi, type TenantKey } from '../../support/api.ts'
import { allOf, INSTANTS, instant, postAtRandom, rowsOf } from './books.ts'

const TENANTS = ['A', 'B'] as const
const seed = process.env.LEDGER_SEED ?? String(randomInt(2 ** 31))

let api: Api
beforeAll(async () => {
  console.info(`LEDGER_SEED=${seed} posts these entries again`)
  api = await startApi()
  await postAtRandom(api.opened, api.tenantIds.A, { seed, count: 60 })
  await postAtRandom(api.opened, api.tenantIds.B, { seed: `${seed}b`, count: 25 })
})
afterAll(() => api?.close())

const MONEY = '{ amountMinor currency }'

const sql = <Row extends object>(text: string, tenant: TenantKey, ...values: unknown[]) =>
  rowsOf<Row>(api.database, text, [api.tenantIds[tenant], ...values])

describe('running balances', () => {
  /** By a separate sum for each posting. */
  async function expectedOf(tenant: TenantKey): Promise<Map<string, string>> {
    const rows = await sql<{ id: string; balance: string }>(
      `SELECT id, (SELECT sum(amount_minor) FROM postings q WHERE q.tenant_id = p.tenant_id
         AND q.account_id = p.account_id AND (q.posted_at, q.id) <= (p.posted_at, p.id))::text AS balance
       FROM postings p WHERE tenant_id = $1`,
      tenant,
    )
    return new Map(rows.map(({ id, balance }) => [encodeId('post', id), balance]))
  }

  it.each(['A', 'B'] as const)(
    'cross-tenant: of every posting of %s, account by account, page by page',
    async (tenant) => {
      const expected = await expectedOf(tenant)
      const found = new Map<string, string>()
      for (const { id } of await allOf(api.as(tenant), 'ledgerAccounts', 'id')) {
        let before: string | null = null
        do {
          const { node }: Data = await api.as(tenant).data(
            `query ($id: ID!, $after: String) { node(id: $id) { ... on LedgerAccount { balance ${MONEY} postings(first: 7, after: $after) {
            nodes { id postedAt amount ${MONEY} runningBalance ${MONEY} } pageInfo { hasNextPage endCursor }
          } } } }`,
            { id, after: before },
          )
          const { nodes, pageInfo } = node.postings
          const times = nodes.map(({ postedAt }: Data) => postedAt)
          expect(times).toEqual(times.toSorted().reverse())
          if (before === null && nodes.length > 0) expect(nodes[0].runningBalance).toEqual(node.balance)
          for (const posting of nodes) found.set(posting.id, posting.runningBalance.amountMinor)
          before = pageInfo.hasNextPage ? pageInfo.endCursor : null
        } while (before !== null)
      }
      expect(found).toEqual(expected)
      expect(found.size).toBeGreaterThan(30)
    },
  )

  it('of postings of many accounts and times at once', async () => {
    const expected = await expectedOf('A')
    const postings = 'postings(first: 6) { nodes { id runningBalance { amountMinor } } }'
    const entries = await allOf(api.as('A'), 'journalEntries', postings)
    const found = entries.flatMap((entry) => entry.postings.nodes)
    expect(found.map(({ id, runningBalance }) => [id, runningBalance.amountMinor])).toEqual(
      found.map(({ id }) => [id, expected.get(id)]),
    )
    expect(found).toHaveLength(expected.size)
  })
})

type Sums = { id: string; code: string; currency: string; debit: string; credit: string; balance: string }

describe('the trial balance', () => {
  const TRIAL = `query ($asOf: DateTime) { trialBalance(asOf: $asOf) {
    asOf rows { account { id code } debit ${MONEY} credit ${MONEY} balance ${MONEY} }
    totals { currency debit ${MONEY} credit ${MONEY} } balanced
  } }`

  async function trialOf(tenant: TenantKey, asOf: Date | null): Promise<Data> {
    return (await api.as(tenant).data(TRIAL, { asOf: asOf?.toISOString() })).trialBalance
  }

  /** Each account by separate sub-selects. */
  async function expectedOf(tenant: TenantKey, asOf: Date): Promise<Sums[]> {
    const sumOf = (
      condition: string,
    ) => `(SELECT coalesce(sum(abs(amount_minor)), 0) FROM postings p WHERE p.tenant_id = a.tenant_id
      AND p.account_id = a.id AND NOT p.posted_at > $2 AND ${condition})`
    return await sql<Sums>(
      `SELECT *, (debit - credit)::text AS balance, debit::text, credit::text FROM (
         SELECT id, code, trim(currency) AS currency, ${sumOf('amount_minor > 0')} AS debit, ${sumOf('amount_minor < 0')} AS credit
         FROM ledger_accounts a WHERE tenant_id = $1) sums ORDER BY currency, code`,
      tenant,
      asOf,
    )
  }

  const shown = ({ account, debit, credit, balance }: Data): Sums => {
    expect([debit.currency, credit.currency]).toEqual([balance.currency, balance.currency])
    return {
      id: uuidOf('acct', account.id),
      code: account.code,
      currency: balance.currency,
      debit: debit.amountMinor,
      credit: credit.amountMinor,
      balance: balance.amountMinor,
    }
  }

  const totalOf = (rows: Sums[], currency: string, side: 'debit' | 'credit') => ({
    amountMinor: String(
      rows.filter((row) => row.currency === currency).reduce((sum, row) => sum + BigInt(row[side]), 0n),
    ),
    currency,
  })

  it.each(TENANTS)('cross-tenant: is that of %s at any moment, to the millisecond', async (tenant) => {
    for (let n = 0; n < INSTANTS; n += 1) {
      for (const asOf of [instant(n), new Date(instant(n).getTime() - 1)]) {
        const trial = await trialOf(tenant, asOf)
        const expected = await expectedOf(tenant, asOf)
        expect(trial.rows.map(shown)).toEqual(expected)
        expect(trial).toMatchObject({ asOf: asOf.toISOString(), balanced: true })
        expect(trial.totals).toEqual(
          ['JPY', 'USD'].map((currency) => ({
            currency,
            debit: totalOf(expected, currency, 'debit'),
            credit: totalOf(expected, currency, 'credit'),
          })),
        )
        for (const { debit, credit } of trial.totals) expect(debit).toEqual(credit)
      }
    }
  })

  it('is as of now by default, when every account has its own balance', async () => {
    const trial = await trialOf('A', null)
    expect(trial.rows.map(shown)).toEqual(await expectedOf('A', new Date(trial.asOf)))
    const accounts = await allOf(api.as('A'), 'ledgerAccounts', `id balance ${MONEY}`)
    const balances = new Map(accounts.map(({ id, balance }) => [id, balance]))
    expect(new Map(trial.rows.map(({ account, balance }: Data) => [account.id, balance]))).toEqual(balances)
  })

  it('is zero before the first entry, with every account in it', async () => {
    const trial = await trialOf('A', new Date(0))
    expect(trial.rows).toHaveLength(16)
    expect(new Set(trial.rows.map(({ balance }: Data) => balance.amountMinor))).toEqual(new Set(['0']))
    expect(trial.balanced).toBe(true)
  })

  it('leaves out what is posted for later', async () => {
    const before = await trialOf('B', null)
    const tomorrow = new Date(Date.now() + 24 * 60 * 60 * 1_000)
    const source = { type: 'Test', id: 'tomorrow' }
    const lines = saleLines({ amountMinor: 77n, byHand: true })
    await api.opened.withTenant({ tenantId: api.tenantIds.B, writes: EVERYTHING }, (tx) =>
      postEntry(tx, { kind: 'SALE', source, currency: 'USD', lines, postedAt: tomorrow }),
    )
    expect((await trialOf('B', null)).rows).toEqual(before.rows)
    expect((await trialOf('B', tomorrow)).rows).not.toEqual(before.rows)
  })

  it('refuses what is no instant', async () => {
    for (const asOf of ['yesterday', '2026-02-30T00:00:00Z', 1]) {
      const { data, errors } = await api.as('A').send(TRIAL, { asOf })
      expect(data).toBeNull()
      expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    }
  })

  it("reports unbalanced books, by currency; cross-tenant: not in the other's", async () => {
    await rowsOf(api.database, 'ALTER TABLE postings DISABLE TRIGGER USER')
    await sql(
      `UPDATE postings SET amount_minor = amount_minor + 1 WHERE tenant_id = $1 AND amount_minor > 1 AND currency = 'JPY'
       AND id = (SELECT id FROM postings WHERE tenant_id = $1 AND amount_minor > 1 AND currency = 'JPY' LIMIT 1)`,
      'B',
    )
    await rowsOf(api.database, 'ALTER TABLE postings ENABLE TRIGGER USER')
    const { balanced, totals } = await trialOf('B', null)
    expect(balanced).toBe(false)
    const off = totals.map(
      ({ debit, credit }: Data) => BigInt(debit.amountMinor) - BigInt(credit.amountMinor),
    )
    expect(off).toEqual([1n, 0n])
    expect((await trialOf('A', null)).balanced).toBe(true)
  })
})
