// Case 38: what the database enforces in the ledger for every writer: in SQL as the runtime role.
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { asRuntime, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { rowsOf } from './books.ts'

const UNBALANCED = 'BK010'
const DENIED = '42501'
const NO_SUCH_ROW = '23503'
const NOT_UNIQUE = '23505'
const CHECK = '23514'
const AT = '2026-03-01T12:00:00Z'

let database: TestDatabase
const tenants = { a: '', b: '' }
/** Account ids by tenant and code, all of them in USD. */
const accounts = { a: new Map<string, string>(), b: new Map<string, string>() }

beforeAll(async () => {
  database = await createTestDatabase()
  const owner = await connectOwner(database.ownerUrl)
  for (const key of ['a', 'b'] as const) {
    const member = { email: `owner@${key}.example`, name: 'Owner' }
    tenants[key] = await createTenant(owner, {
      slug: `tenant-${key}`,
      name: key,
      currency: 'USD',
      owner: member,
    })
    const found = await rowsOf<{ code: string; id: string }>(
      database,
      'SELECT code, id FROM ledger_accounts WHERE tenant_id = $1',
      [tenants[key]],
    )
    accounts[key] = new Map(found.map(({ code, id }) => [code, id]))
  }
  await owner.end()
})
afterAll(() => database?.drop())

type Line = {
  code: string
  amount: number
  currency?: string
  account?: string
  at?: string
  position?: number
}
type Entry = { id?: string; lines: Line[]; count?: number; source?: string; kind?: string }

const SALE: Line[] = [
  { code: '1010', amount: 500 },
  { code: '4010', amount: -500 },
]

async function insertLines(client: pg.Client, entry: string, lines: Line[]): Promise<void> {
  for (const [n, { code, amount, currency = 'USD', account, at = AT, position = n }] of lines.entries()) {
    await client.query(
      `INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [newId(), entry, position, account ?? accounts.a.get(code), currency, amount, at],
    )
  }
}

async function insertEntry(
  client: pg.Client,
  { id = newId(), lines, count = lines.length, source = newId(), kind = 'SALE' }: Entry,
): Promise<string> {
  await client.query(
    `INSERT INTO journal_entries (id, kind, source_type, source_id, posting_count, posted_at)
     VALUES ($1, $2, 'Payment', $3, $4, $5)`,
    [id, kind, source, count, AT],
  )
  await insertLines(client, id, lines)
  return id
}

/** Posts an entry of A in its own transaction; returns its id. */
const post = (entry: Entry) => asRuntime(database, tenants.a, (client) => insertEntry(client, entry))

/** The SQLSTATE that refuses `work` in a transaction of A, and whether the statements or their COMMIT are refused. */
async function refusalOf(
  work: (client: pg.Client) => Promise<unknown>,
): Promise<[string, 'statement' | 'COMMIT']> {
  let done = false
  const refused = await asRuntime(database, tenants.a, async (client) => {
    await work(client)
    done = true
  }).catch((error: pg.DatabaseError) => error.code ?? String(error))
  return [refused ?? 'not refused', done ? 'COMMIT' : 'statement']
}

const refusalOfEntry = (entry: Entry) => refusalOf((client) => insertEntry(client, entry))

async function countOf(table: 'journal_entries' | 'postings'): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(database, `SELECT count(*)::int AS count FROM ${table}`)
  return row?.count ?? -1
}

it('an entry whose postings sum to zero is posted', async () => {
  const id = await post({ lines: SALE })
  const rows = await rowsOf(
    database,
    'SELECT amount_minor FROM postings WHERE entry_id = $1 ORDER BY position',
    [id],
  )
  expect(rows).toEqual([{ amount_minor: '500' }, { amount_minor: '-500' }])
})

describe('an incomplete entry fails its COMMIT, and leaves nothing', () => {
  const [debit, credit] = SALE as [Line, Line]
  it.each<[string, Entry]>([
    ['off by one', { lines: [debit, { ...credit, amount: -499 }] }],
    ['with one side only', { lines: [debit, { ...debit, code: '1020' }] }],
    ['without postings', { lines: [], count: 2 }],
    ['with a posting less than it says', { lines: SALE, count: 3 }],
    ['with a posting more than it says', { lines: [...SALE, debit, { ...credit, code: '4020' }], count: 2 }],
    [
      'whose postings are of another time',
      { lines: SALE.map((line) => ({ ...line, at: '2026-03-02T12:00:00Z' })) },
    ],
  ])('%s', async (_name, entry) => {
    const before = await countOf('journal_entries')
    expect(await refusalOfEntry(entry)).toEqual([UNBALANCED, 'COMMIT'])
    expect(await countOf('journal_entries')).toBe(before)
  })

  it('that sums to zero only across currencies', async () => {
    await asRuntime(database, tenants.a, (client) =>
      client.query(`SELECT app.open_accounts(app.tenant_id(), 'EUR')`),
    )
    const [bank] = await rowsOf<{ id: string }>(
      database,
      `SELECT id FROM ledger_accounts WHERE tenant_id = $1 AND code = '1010' AND currency = 'EUR'`,
      [tenants.a],
    )
    const euros = { ...debit, currency: 'EUR', account: bank?.id ?? '' }
    expect(await refusalOfEntry({ lines: [euros, credit] })).toEqual([UNBALANCED, 'COMMIT'])
    const both = [euros, { ...euros, amount: -500 }, debit, credit]
    expect(await refusalOfEntry({ lines: both })).toEqual(['not refused', 'COMMIT'])
  })

  it('whose transaction has switched to another tenant, where it is invisible', async () => {
    const before = await countOf('postings')
    for (const scope of [tenants.b, newId()]) {
      const moved = refusalOf(async (client) => {
        await insertEntry(client, { lines: [debit], count: 2 })
        await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [scope])
      })
      expect(await moved).toEqual([UNBALANCED, 'COMMIT'])
    }
    expect(await countOf('postings')).toBe(before)
  })

  it('as soon as the constraints are checked, not only at the end', async () => {
    const early = refusalOf(async (client) => {
      await insertEntry(client, { lines: [debit], count: 2 })
      await client.query('SET CONSTRAINTS ALL IMMEDIATE')
    })
    expect(await early).toEqual([UNBALANCED, 'statement'])
  })
})

describe('what was posted stays', () => {
  it('an old entry takes no more postings, balanced or not', async () => {
    const entry = await post({ lines: SALE })
    const before = await countOf('postings')
    for (const lines of [SALE, SALE.slice(0, 1)]) {
      const more = lines.map((line, n) => ({ ...line, position: n + 2 }))
      expect(await refusalOf((client) => insertLines(client, entry, more))).toEqual([UNBALANCED, 'COMMIT'])
    }
    expect(await countOf('postings')).toBe(before)
  })

  it.each(['ledger_accounts', 'journal_entries', 'postings'])(
    '%s cannot be changed, deleted or emptied',
    async (table) => {
      const statements = [
        `UPDATE ${table} SET id = id`,
        `UPDATE ${table} SET tenant_id = tenant_id`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table} CASCADE`,
        `MERGE INTO ${table} t USING (SELECT 1) one ON true WHEN MATCHED THEN DELETE`,
      ]
      for (const statement of statements) {
        expect(await refusalOf((client) => client.query(statement)), statement).toEqual([DENIED, 'statement'])
      }
    },
  )

  it('nor can an existing entry be overwritten by inserting it again', async () => {
    const id = await post({ lines: SALE })
    const again = refusalOf((client) =>
      client.query(
        `INSERT INTO journal_entries (id, kind, source_type, source_id, posting_count) VALUES ($1, 'SALE', 'x', 'y', 2)
         ON CONFLICT (tenant_id, id) DO UPDATE SET description = 'other'`,
        [id],
      ),
    )
    expect(await again).toEqual([DENIED, 'statement'])
  })

  it('the triggers cannot be turned off', async () => {
    for (const statement of [
      'ALTER TABLE postings DISABLE TRIGGER USER',
      `SET LOCAL session_replication_role = 'replica'`,
    ]) {
      expect(await refusalOf((client) => client.query(statement)), statement).toEqual([DENIED, 'statement'])
    }
  })
})

describe('a posting', () => {
  const second = { code: '4010', amount: -500 }

  it('is in the currency of its account', async () => {
    const euros = SALE.map((line) => ({ ...line, currency: 'EUR' }))
    expect(await refusalOfEntry({ lines: euros })).toEqual([NO_SUCH_ROW, 'statement'])
  })

  it('is not of nothing', async () => {
    expect(await refusalOfEntry({ lines: [{ code: '1010', amount: 0 }, second] })).toEqual([
      CHECK,
      'statement',
    ])
  })

  it("cross-tenant: to another tenant's account is refused like one to a missing account", async () => {
    const to = (account: string) =>
      refusalOfEntry({ lines: [{ code: '1010', amount: 500, account }, second] })
    expect(await to(accounts.b.get('1010') ?? '')).toEqual([NO_SUCH_ROW, 'statement'])
    expect(await to(newId())).toEqual([NO_SUCH_ROW, 'statement'])
  })

  it("cross-tenant: in another tenant's entry is refused like one in a missing entry", async () => {
    const entry = await asRuntime(database, tenants.b, async (client) => {
      const lines = SALE.map((line) => ({ ...line, account: accounts.b.get(line.code) ?? '' }))
      return await insertEntry(client, { lines })
    })
    for (const id of [entry, newId()]) {
      expect(await refusalOf((client) => insertLines(client, id, SALE))).toEqual([NO_SUCH_ROW, 'statement'])
    }
  })
})

it("cross-tenant: opens no accounts in another or a missing tenant's books", async () => {
  for (const tenant of [tenants.b, newId()]) {
    const opened = refusalOf((client) => client.query(`SELECT app.open_accounts($1, 'JPY')`, [tenant]))
    expect(await opened).toEqual([DENIED, 'statement'])
  }
})

describe('a business event', () => {
  it('posts once of each kind', async () => {
    const source = newId()
    await post({ lines: SALE, source })
    expect(await refusalOfEntry({ lines: SALE, source })).toEqual([NOT_UNIQUE, 'statement'])
    expect(await refusalOfEntry({ lines: SALE, source, kind: 'FEE' })).toEqual(['not refused', 'COMMIT'])
  })

  it('is reversed by an entry that says so, and once', async () => {
    const original = await post({ lines: SALE })
    const reverse = (kind: string, reverses: string | null) => async (client: pg.Client) => {
      const id = newId()
      await client.query(
        `INSERT INTO journal_entries (id, kind, source_type, source_id, reverses_id, posting_count, posted_at)
         VALUES ($1, $2, 'Test', $5, $3, 2, $4)`,
        [id, kind, reverses, AT, newId()],
      )
      await insertLines(
        client,
        id,
        SALE.map((line) => ({ ...line, amount: -line.amount })),
      )
    }
    expect(await refusalOf(reverse('REFUND', original))).toEqual([CHECK, 'statement'])
    expect(await refusalOf(reverse('REVERSAL', null))).toEqual([CHECK, 'statement'])
    expect(await refusalOf(reverse('REVERSAL', newId()))).toEqual([NO_SUCH_ROW, 'statement'])
    expect(await refusalOf(reverse('REVERSAL', original))).toEqual(['not refused', 'COMMIT'])
    expect(await refusalOf(reverse('REVERSAL', original))).toEqual([NOT_UNIQUE, 'statement'])
  })
})
