// Posting and reversing: once for each business event, with any number of concurrent calls.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import {
  disputeLines,
  feeLines,
  payoutLines,
  refundLines,
  saleLines,
} from '../../../src/shop/ledger/entry-lines.ts'
import { type NewEntry, postEntry, reverseEntry } from '../../../src/shop/ledger/post-entry.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { countStatements } from '../../support/statements.ts'
import { instant, rowsOf } from './books.ts'

const AT_ONCE = 20

let testDatabase: TestDatabase
let database: Database
const tenants = { a: '', b: '' }

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const owner = await connectOwner(testDatabase.ownerUrl)
  for (const key of ['a', 'b'] as const) {
    const member = { email: `owner@${key}.example`, name: 'Owner' }
    tenants[key] = await createTenant(owner, {
      slug: `tenant-${key}`,
      name: key,
      currency: 'USD',
      owner: member,
    })
  }
  await owner.end()
  const logger = createLogger('silent')
  database = openDatabase({ url: testDatabase.runtimeUrl, poolMax: AT_ONCE, namedStatements: true, logger })
})
afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

function aSale(more: Partial<NewEntry> = {}): NewEntry {
  return {
    kind: 'SALE',
    source: { type: 'Payment', id: newId() },
    currency: 'USD',
    lines: saleLines({ amountMinor: 1_999n, byHand: false }),
    postedAt: instant(1),
    ...more,
  }
}

/** Posts in its own transaction. */
const post = (entry: NewEntry, tenantId = tenants.a) =>
  database.withTenant({ tenantId, writes: EVERYTHING }, (tx) => postEntry(tx, entry))

const reverse = ({ kind, source }: NewEntry, tenantId = tenants.a) =>
  database.withTenant({ tenantId, writes: EVERYTHING }, (tx) =>
    reverseEntry(tx, { kind, source, postedAt: instant(2) }),
  )

type Posted = { code: string; currency: string; amount: string; position: number }

async function postingsOf(entryId: string | null): Promise<Posted[]> {
  return await rowsOf<Posted>(
    testDatabase,
    `SELECT a.code, p.currency, p.amount_minor AS amount, p.position FROM postings p
     JOIN ledger_accounts a ON a.tenant_id = p.tenant_id AND a.id = p.account_id
     JOIN journal_entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id AND e.posted_at = p.posted_at
     WHERE p.entry_id = $1 ORDER BY p.position`,
    [entryId],
  )
}

async function entriesOf({ source }: NewEntry): Promise<{ tenant_id: string; kind: string }[]> {
  return await rowsOf(
    testDatabase,
    'SELECT tenant_id, kind FROM journal_entries WHERE source_type = $1 AND source_id = $2 ORDER BY tenant_id, kind',
    [source.type, source.id],
  )
}

describe('an entry', () => {
  it('is posted line by line, at its time', async () => {
    const id = await post(aSale())
    expect(await postingsOf(id)).toEqual([
      { code: '1020', currency: 'USD', amount: '1999', position: 0 },
      { code: '4010', currency: 'USD', amount: '-1999', position: 1 },
    ])
    const [entry] = await rowsOf(testDatabase, 'SELECT * FROM journal_entries WHERE id = $1', [id])
    expect(entry).toMatchObject({ kind: 'SALE', description: '', posting_count: 2, posted_at: instant(1) })
  })

  it('may have several lines of one account, and amounts beyond what a number holds', async () => {
    const amountMinor = 2n ** 61n
    const id = await post(
      aSale({
        lines: [
          { account: '1010', amountMinor },
          { account: '1010', amountMinor },
          { account: '4010', amountMinor: -2n * amountMinor },
        ],
      }),
    )
    const amounts = (await postingsOf(id)).map(({ code, amount }) => [code, amount])
    expect(amounts).toEqual([
      ['1010', '2305843009213693952'],
      ['1010', '2305843009213693952'],
      ['4010', '-4611686018427387904'],
    ])
  })

  it('of a dispute debits what was withdrawn and charged, and credits both; and the other way round', async () => {
    const codes = async (amountMinor: bigint, feeMinor: bigint) => {
      const lines = disputeLines({ amountMinor, feeMinor })
      const found = await postingsOf(await post(aSale({ kind: 'DISPUTE', lines })))
      return found.map(({ code, amount }) => [code, amount])
    }
    expect(await codes(-7n, 2n)).toEqual([
      ['5020', '7'],
      ['5030', '2'],
      ['1020', '-9'],
    ])
    expect(await codes(7n, 0n)).toEqual([
      ['5020', '-7'],
      ['1020', '7'],
    ])
  })

  it.each([
    ['a sale by hand', saleLines({ amountMinor: 7n, byHand: true }), ['1010', '4010']],
    ['a refund', refundLines({ amountMinor: 7n, byHand: false }), ['4020', '1020']],
    ['a refund by hand', refundLines({ amountMinor: 7n, byHand: true }), ['4020', '1010']],
    ['a fee', feeLines(7n), ['5010', '1020']],
    ['a payout', payoutLines(7n), ['1010', '1020']],
  ])('of %s debits one account and credits another', async (_name, lines, [debit, credit]) => {
    const found = await postingsOf(await post(aSale({ lines })))
    expect(found.map(({ code, amount }) => [code, amount])).toEqual([
      [debit, '7'],
      [credit, '-7'],
    ])
  })

  it('whose sum is not zero, with one line, or with a line of zero is LEDGER_UNBALANCED, and posts nothing', async () => {
    const debit = { account: '1010', amountMinor: 5n } as const
    const entries = [
      aSale({ lines: [debit, { account: '4010', amountMinor: -4n }] }),
      aSale({ lines: [] }),
      aSale({ lines: [{ account: '1010', amountMinor: 0n }] }),
      aSale({ lines: [debit, { account: '4010', amountMinor: -5n }, { account: '5010', amountMinor: 0n }] }),
    ]
    for (const entry of entries) {
      await expect(post(entry)).rejects.toThrow('LEDGER_UNBALANCED')
      expect(await entriesOf(entry)).toEqual([])
    }
  })

  it('to an account that is not in the chart posts nothing', async () => {
    const [debit, credit] = saleLines({ amountMinor: 5n, byHand: true })
    const entry = aSale({ lines: [{ ...debit, account: '9999' as '1010' }, credit] as NewEntry['lines'] })
    await expect(post(entry)).rejects.toThrow('an account of USD is missing')
    expect(await entriesOf(entry)).toEqual([])
  })
})

describe('within one instant', () => {
  /** The postings of these events to the provider's balance, in reading order. */
  async function amountsOf(sourceIds: readonly string[]): Promise<bigint[]> {
    const found = await rowsOf<{ amount: string }>(
      testDatabase,
      `SELECT p.amount_minor AS amount FROM postings p JOIN journal_entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
       JOIN ledger_accounts a ON a.tenant_id = p.tenant_id AND a.id = p.account_id AND a.code = '1020'
       WHERE e.source_id = ANY ($1) OR e.reverses_id IN (SELECT id FROM journal_entries WHERE source_id = ANY ($1))
       ORDER BY p.posted_at, p.id`,
      [sourceIds],
    )
    return found.map(({ amount }) => BigInt(amount))
  }

  it('an account has its postings in the order in which they were made: sales before their fees', async () => {
    const sales = Array.from({ length: 10 }, () => aSale())
    await database.withTenant({ tenantId: tenants.a, writes: EVERYTHING }, async (tx) => {
      for (const sale of sales) {
        await postEntry(tx, sale)
        await postEntry(tx, { ...sale, kind: 'FEE', lines: feeLines(88n) })
      }
    })
    expect(await amountsOf(sales.map(({ source }) => source.id))).toEqual(sales.flatMap(() => [1_999n, -88n]))
  })

  it('and an entry that was reversed at once comes before its reversal, line by line', async () => {
    const payouts = Array.from({ length: 10 }, () =>
      aSale({ kind: 'PAYOUT', lines: [...payoutLines(5n), ...payoutLines(7n)] }),
    )
    await database.withTenant({ tenantId: tenants.a, writes: EVERYTHING }, async (tx) => {
      for (const payout of payouts) {
        await postEntry(tx, payout)
        await reverseEntry(tx, payout)
      }
    })
    expect(await amountsOf(payouts.map(({ source }) => source.id))).toEqual(
      payouts.flatMap(() => [-5n, -7n, 5n, 7n]),
    )
  })
})

describe('a business event', () => {
  it('costs one statement to post, and one to reverse', async () => {
    const sale = aSale()
    const told = async (work: () => Promise<unknown>) => {
      const { statements } = await countStatements(work)
      return statements.filter((text) => /ledger_accounts|journal_entries|open_accounts/.test(text)).length
    }
    expect(await told(() => post(sale))).toBe(1)
    expect(await told(() => post(sale))).toBe(1)
    expect(await told(() => reverse(sale))).toBe(1)
  })

  it('posts once: the second time it returns null and changes nothing', async () => {
    const sale = aSale()
    const id = await post(sale)
    expect(await post(sale)).toBeNull()
    expect(await post({ ...sale, lines: saleLines({ amountMinor: 5n, byHand: true }) })).toBeNull()
    expect(await postingsOf(id)).toHaveLength(2)
    expect(await entriesOf(sale)).toHaveLength(1)
  })

  it('posts each of its kinds', async () => {
    const sale = aSale()
    await post(sale)
    expect(await post({ ...sale, kind: 'FEE', lines: feeLines(88n) })).not.toBeNull()
    expect((await entriesOf(sale)).map(({ kind }) => kind)).toEqual(['SALE', 'FEE'])
  })

  it(`posts once when ${AT_ONCE} post it at once`, async () => {
    const sale = aSale()
    const ids = await Promise.all(Array.from({ length: AT_ONCE }, () => post(sale)))
    const posted = ids.filter((id) => id !== null)
    expect(posted).toHaveLength(1)
    expect(await postingsOf(posted[0] ?? null)).toHaveLength(2)
    expect(await entriesOf(sale)).toHaveLength(1)
  })

  it('whose transaction was rolled back can be posted', async () => {
    const sale = aSale()
    const undone = database.withTenant({ tenantId: tenants.a, writes: EVERYTHING }, async (tx) => {
      expect(await postEntry(tx, sale)).not.toBeNull()
      throw new Error('something else went wrong')
    })
    await expect(undone).rejects.toThrow('something else')
    expect(await post(sale)).not.toBeNull()
  })

  it('cross-tenant: is separate for each tenant, in its own accounts', async () => {
    const sale = aSale()
    const ids = [await post(sale, tenants.b), await post(sale)]
    expect(ids).not.toContain(null)
    expect((await entriesOf(sale)).map(({ tenant_id }) => tenant_id).sort()).toEqual(
      Object.values(tenants).sort(),
    )
    const strays = await rowsOf(
      testDatabase,
      `SELECT p.id FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
       JOIN journal_entries e ON e.id = p.entry_id WHERE a.tenant_id <> p.tenant_id OR e.tenant_id <> p.tenant_id`,
    )
    expect(strays).toEqual([])
  })
})

describe('a reversal', () => {
  it('negates every posting, and names what it reverses', async () => {
    const sale = aSale({ lines: [...saleLines({ amountMinor: 9n, byHand: true }), ...feeLines(2n)] })
    const original = await post(sale)
    const id = await reverse(sale)
    const negated = (await postingsOf(original)).map((line) => ({
      ...line,
      amount: String(-BigInt(line.amount)),
    }))
    expect(await postingsOf(id)).toEqual(negated)
    const [entry] = await rowsOf(testDatabase, 'SELECT * FROM journal_entries WHERE id = $1', [id])
    expect(entry).toMatchObject({
      kind: 'REVERSAL',
      reverses_id: original,
      source_type: 'JournalEntry',
      source_id: original,
      posted_at: instant(2),
    })
  })

  it(`happens once, also with ${AT_ONCE} concurrent calls`, async () => {
    const sale = aSale()
    await post(sale)
    const ids = await Promise.all(Array.from({ length: AT_ONCE }, () => reverse(sale)))
    expect(ids.filter((id) => id !== null)).toHaveLength(1)
    expect(await reverse(sale)).toBeNull()
  })

  it('is of as many postings as an entry may have, which is a hundred', async () => {
    const linesOf = (count: number) => Array.from({ length: count / 2 }, () => feeLines(3n)).flat()
    const sale = aSale({ lines: linesOf(100) })
    await post(sale)
    const amounts = (await postingsOf(await reverse(sale))).map(({ amount }) => amount)
    expect(amounts).toEqual(linesOf(100).map(({ amountMinor }) => String(-amountMinor)))
    await expect(post(aSale({ lines: linesOf(102) }))).rejects.toThrow('journal_entries_posting_count_check')
  })

  it('does not make room for posting the event again', async () => {
    const sale = aSale()
    await post(sale)
    await reverse(sale)
    expect(await post(sale)).toBeNull()
  })

  it('of an event without an entry does nothing, nor of another kind of the same event', async () => {
    const sale = aSale()
    expect(await reverse(sale)).toBeNull()
    await post(sale)
    expect(await reverse({ ...sale, kind: 'REFUND' })).toBeNull()
  })

  it("cross-tenant: of another tenant's entry is none", async () => {
    const sale = aSale()
    await post(sale)
    expect(await reverse(sale, tenants.b)).toBeNull()
    expect(await reverse(sale)).not.toBeNull()
  })
})

describe('a new currency', () => {
  it('opens its chart of accounts with the first entry, once, also with several concurrent ones', async () => {
    const lines = saleLines({ amountMinor: 500n, byHand: true })
    const sales = Array.from({ length: AT_ONCE }, () => aSale({ currency: 'JPY', lines }))
    expect(await Promise.all(sales.map((sale) => post(sale)))).not.toContain(null)
    const charts = await rowsOf(
      testDatabase,
      'SELECT currency, count(*)::int AS accounts FROM ledger_accounts WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1',
      [tenants.a],
    )
    expect(charts).toEqual([
      { currency: 'JPY', accounts: 8 },
      { currency: 'USD', accounts: 8 },
    ])
  })
})
